package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

type request struct {
	ID, Status    string
	Version       int
	ReopenedCount int
	Reason        *string
	Team          *struct{ NameZh string }
}

// ordering runs a mutation of requests; code is that of the rule it broke, "!" before an error's.
func (b *book) ordering(token, mutation string, in map[string]any) (r *request, code string) {
	b.t.Helper()
	input := fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:])
	if mutation == "startServiceRequest" {
		input = "StepServiceRequestInput"
	}
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { request { id status version reopenedCount reason team { nameZh } } userErrors { code path } } }`, input, mutation),
		map[string]any{"in": in})
	var data struct {
		Out *struct {
			Request    *request
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		code = fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.Request, code
}

func (b *book) place(token, kind string, more ...any) (*request, string) {
	b.t.Helper()
	in := map[string]any{"community": "a", "kind": kind, "title": "装晾晒架", "idempotencyKey": fmt.Sprint(kind, more)}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return b.ordering(token, "placeServiceRequest", in)
}

func (b *book) volunteer(name string) string {
	return b.as(name, authz.Volunteer, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", name) }, "a")
}

// startOrders has a list of one facility and one item that is not to be had, and three teams: r1 belongs to the
// first, r2 to the second.
func startOrders(t *testing.T) *book {
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO service_menu_items (owner, id, name_zh, kind, available) VALUES ('a', md5('rack')::uuid, '晾晒架', 'FACILITY', true), ('a', md5('gone')::uuid, '旧物', 'HELP', false);
		INSERT INTO volunteer_teams (owner, id, name_zh, kind) SELECT 'a', md5('team' || i)::uuid, '队' || i, 'VOLUNTEER_TEAM' FROM generate_series(1, 3) i;
		INSERT INTO team_memberships (owner, team_id, resident_id, since) VALUES ('a', md5('team1')::uuid, md5('r1')::uuid, '2026-01-01'), ('a', md5('team2')::uuid, md5('r2')::uuid, '2026-01-01')`)
	return b
}

// A rack is ordered, proved feasible, ruled, sent out, claimed, built, found bad, mended and praised.
func TestServiceRequests(t *testing.T) {
	t.Parallel()
	b := startOrders(t)
	who, desk := b.resident("a", "r1"), b.staff("a")
	team := func(i int) string { return fixedID("VolunteerTeam", "a", fmt.Sprint("team", i)) }
	rack, code := b.place(who, "FACILITY", "menuItem", fixedID("ServiceMenuItem", "a", "rack"), "coProduced", true)
	if rack == nil || code != "" || rack.Status != "SUBMITTED" {
		t.Fatalf("%+v %s", rack, code)
	}
	if again, _ := b.place(who, "FACILITY", "menuItem", fixedID("ServiceMenuItem", "a", "rack"), "coProduced", true); again == nil || again.ID != rack.ID {
		t.Errorf("the same key: %+v", again)
	}
	adopt := func(more ...any) string {
		in := map[string]any{"community": "a", "titleZh": "只在规定时间晾晒", "rrule": "FREQ=WEEKLY;BYDAY=SA,SU", "whenZh": "周末", "adoptedBy": "居民", "request": rack.ID, "idempotencyKey": fmt.Sprint("rule", len(more), more[:min(1, len(more))])}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		a := b.ask(desk, `mutation($in: AdoptRuleInput!) { out: adoptRule(input: $in) { rule { titleZh recurrence { zh } } userErrors { code path } } }`, map[string]any{"in": in})
		var data struct {
			Out struct{ UserErrors []userError }
		}
		decode(t, a.Data, &data)
		if len(data.Out.UserErrors) > 0 {
			return fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
		}
		return ""
	}
	if code := adopt(); code != "INVALID_TRANSITION[request]" {
		t.Errorf("a rule before the review: %s", code)
	}
	steps := []any{map[string]any{"code": "PRICE_SURVEY", "nameZh": "考察价格"}, map[string]any{"code": "RESIDENT_RULES", "nameZh": "制定规定"}}
	id := func(more ...any) map[string]any {
		in := map[string]any{"id": rack.ID}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	step := func(code string, more ...any) map[string]any {
		in := map[string]any{"request": rack.ID, "code": code}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	for i, c := range []struct {
		token, mutation string
		in              map[string]any
		want            string // the status, or the rule that is broken
	}{
		{who, "reviewServiceRequest", id(), "!FORBIDDEN"},
		{b.staff("b"), "reviewServiceRequest", id(), "NOT_FOUND[id]"},
		{desk, "reviewServiceRequest", id("version", 9), "CONFLICT[version]"},
		{desk, "reviewServiceRequest", id(), "UNDER_REVIEW"},
		{desk, "reviewServiceRequest", id(), "INVALID_TRANSITION[steps]"},
		{desk, "approveServiceRequest", id(), "INVALID_TRANSITION[]"},
		{desk, "reviewServiceRequest", id("steps", []any{steps[0], steps[0]}), "BAD_USER_INPUT[steps]"},
		{desk, "reviewServiceRequest", id("steps", []any{map[string]any{"code": "price", "nameZh": "价"}}), "BAD_USER_INPUT[steps]"},
		{desk, "reviewServiceRequest", id("steps", steps), "FEASIBILITY"},
		{desk, "completeFeasibilityStep", step("NONE"), "NOT_FOUND[code]"},
		{desk, "completeFeasibilityStep", step("PRICE_SURVEY"), "FEASIBILITY"},
		{desk, "completeFeasibilityStep", step("PRICE_SURVEY", "state", "OTHER"), "BAD_USER_INPUT[state]"},
		{desk, "completeFeasibilityStep", step("PRICE_SURVEY", "state", "FAILED"), "BAD_USER_INPUT[note]"},
		{desk, "approveServiceRequest", id(), "INVALID_TRANSITION[]"},
		{desk, "completeFeasibilityStep", step("RESIDENT_RULES", "state", "NOT_NEEDED"), "FEASIBILITY"},
		{desk, "approveServiceRequest", id(), "INVALID_TRANSITION[rule]"},
		{desk, "adoptRule", nil, ""},
		{desk, "approveServiceRequest", id(), "APPROVED"},
		{desk, "completeFeasibilityStep", step("PRICE_SURVEY"), "INVALID_TRANSITION[]"},
		{desk, "dispatchServiceRequest", id("team", fixedID("VolunteerTeam", "a", "none")), "NOT_FOUND[team]"},
		{desk, "dispatchServiceRequest", id("team", team(1)), "DISPATCHED"},
		{b.volunteer("r2"), "claimServiceRequest", id("team", team(1)), "FORBIDDEN[team]"},
		{b.volunteer("r2"), "claimServiceRequest", id("team", team(2)), "CONFLICT[team]"},
		{b.volunteer("r1"), "claimServiceRequest", id("team", team(1)), "CLAIMED"},
		{b.volunteer("r2"), "startServiceRequest", id(), "FORBIDDEN[id]"},
		{b.volunteer("r1"), "startServiceRequest", id(), "IN_PROGRESS"},
		{who, "cancelServiceRequest", id(), "INVALID_TRANSITION[]"},
		{b.volunteer("r1"), "completeServiceRequest", id("outcome", "装好了"), "DELIVERED"},
		{b.volunteer("r2"), "rateServiceRequest", id("score", 5), "FORBIDDEN[]"},
		{desk, "rateServiceRequest", id("score", 5), "FORBIDDEN[]"},
		{who, "rateServiceRequest", id("score", 6), "BAD_USER_INPUT[score]"},
		{who, "rateServiceRequest", id("score", 2), "REOPENED"},
		{b.volunteer("r1"), "startServiceRequest", id(), "IN_PROGRESS"},
		{b.volunteer("r1"), "completeServiceRequest", id(), "DELIVERED"},
		{who, "rateServiceRequest", id("score", 3), "RATED"},
	} {
		if c.mutation == "adoptRule" {
			for _, r := range []struct{ code, want string }{{adopt("rrule", "EVERY DAY"), "BAD_USER_INPUT[rrule]"},
				{adopt("adoptedOn", "2030-01-01"), "BAD_USER_INPUT[adoptedOn]"}, {adopt("adoptedBy", "居民"), ""}} {
				if r.code != r.want {
					t.Errorf("adopted: %s, want %s", r.code, r.want)
				}
			}
			continue
		}
		got, code := b.ordering(c.token, c.mutation, c.in)
		if code == "" {
			code = got.Status
		}
		if code != c.want {
			t.Errorf("%d %s: %s, want %s", i, c.mutation, code, c.want)
		}
	}
	if _, err := b.gateway.Sources.Keep(t.Context(), noon.Add(15*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		ServiceRequests struct {
			Nodes []struct {
				Status        string
				ReopenedCount int
				Rule          struct{ TitleZh string }
				Steps         []struct{ Code string }
			}
		}
	}
	b.must(who, `{ serviceRequests { nodes { status reopenedCount rule { titleZh } steps(state: [DONE]) { code } } } }`, nil, &got)
	if s := fmt.Sprint(got.ServiceRequests.Nodes); s != "[{CLOSED 1 {只在规定时间晾晒} [{PRICE_SURVEY}]}]" {
		t.Error(s)
	}
	for _, field := range []string{"requester { id }", "building { id }"} {
		if a := b.ask(who, `{ serviceRequests { nodes { `+field+` } } }`, nil); len(a.Errors) == 0 {
			t.Errorf("a resident reads %s", field)
		}
	}
	b.must(b.resident("c", "r2"), `{ serviceRequests(first: 5) { nodes { status } } }`, nil, &got)
	if len(got.ServiceRequests.Nodes) > 0 {
		t.Errorf("another community's resident sees %+v", got)
	}
	// The same through SQL.
	const add = `INSERT INTO service_requests (owner, kind, title, ordered_at, status, team_id, claimed_at, delivered_at, rating, rated_at) VALUES ('a', `
	for _, rest := range []string{`'FACILITY', 'x', now(), 'APPROVED', NULL, NULL, NULL, NULL, NULL)`, `'HELP', 'x', NULL, 'SUBMITTED', NULL, NULL, NULL, NULL, NULL)`,
		`'HELP', 'x', now(), 'DECLINED', NULL, NULL, NULL, NULL, NULL)`, `'HELP', 'x', now(), 'FEASIBILITY', NULL, NULL, NULL, NULL, NULL)`,
		`'HELP', 'x', now(), 'CLAIMED', NULL, now(), NULL, NULL, NULL)`, `'HELP', 'x', now(), 'DELIVERED', md5('team1')::uuid, now(), NULL, NULL, NULL)`,
		`'HELP', 'x', now(), 'RATED', md5('team1')::uuid, now(), now(), 2, now())`, `'HELP', 'x', now(), 'RATED', md5('team1')::uuid, now(), now(), NULL, NULL)`} {
		if _, err := b.one.Exec(add + rest); err == nil {
			t.Errorf("allowed: %s", rest)
		}
	}
	if _, err := b.one.Exec(`UPDATE feasibility_steps SET state = 'PENDING', done_at = NULL`); err == nil {
		t.Error("a step of what is approved is opened again")
	}
}

func TestServiceRequestsAreRefused(t *testing.T) {
	t.Parallel()
	b := startOrders(t)
	who, desk := b.resident("a", "r1"), b.staff("a")
	for _, c := range []struct {
		name, token, kind string
		more              []any
		want              string
	}{
		{"the public", "", "HELP", nil, "!UNAUTHENTICATED"},
		{"another community's resident", b.resident("b", "r1"), "HELP", nil, "FORBIDDEN[]"},
		{"for somebody else", who, "HELP", []any{"requester", fixedID("Resident", "a", "r2")}, "FORBIDDEN[requester]"},
		{"a telephone number for all to read", who, "HELP", []any{"title", "打13900001234"}, "BAD_USER_INPUT[title]"},
		{"the desk of another community for nobody", b.token(authz.StationStaff, "b"), "HELP", nil, "FORBIDDEN[]"},
		{"an item of another kind", who, "HELP", []any{"menuItem", fixedID("ServiceMenuItem", "a", "rack")}, "BAD_USER_INPUT[menuItem]"},
		{"an item that is not to be had", who, "HELP", []any{"menuItem", fixedID("ServiceMenuItem", "a", "gone")}, "CONFLICT[menuItem]"},
		{"no such building", who, "HELP", []any{"building", fixedID("Building", "a", "none")}, "NOT_FOUND[building]"},
	} {
		if got, code := b.place(c.token, c.kind, c.more...); got != nil || code != c.want {
			t.Errorf("%s: %+v %s, want %s", c.name, got, code, c.want)
		}
	}
	help, _ := b.place(desk, "HELP", "requester", fixedID("Resident", "a", "r2"))
	in := map[string]any{"id": help.ID, "reason": "属物业"}
	if got, code := b.ordering(who, "cancelServiceRequest", in); got != nil || code != "FORBIDDEN[]" {
		t.Errorf("another's order is cancelled: %+v %s", got, code)
	}
	b.ordering(desk, "reviewServiceRequest", map[string]any{"id": help.ID})
	if got, code := b.ordering(desk, "reviewServiceRequest", map[string]any{"id": help.ID, "steps": []any{map[string]any{"code": "X", "nameZh": "一"}}}); got != nil || code != "BAD_USER_INPUT[steps]" {
		t.Errorf("steps of help: %+v %s", got, code)
	}
	if got, code := b.ordering(b.resident("a", "r2"), "cancelServiceRequest", in); code != "" || got.Status != "CANCELLED" {
		t.Errorf("one's own order is cancelled: %+v %s", got, code)
	}
	rack, _ := b.place(who, "FACILITY")
	b.ordering(desk, "reviewServiceRequest", map[string]any{"id": rack.ID, "steps": []any{map[string]any{"code": "X", "nameZh": "一"}}})
	if got, code := b.ordering(desk, "completeFeasibilityStep", map[string]any{"request": rack.ID, "code": "X", "state": "FAILED", "note": "太贵"}); code != "" || got.Status != "DECLINED" || *got.Reason != "太贵" {
		t.Errorf("a step failed: %+v %s", got, code)
	}
	other, _ := b.place(who, "REPAIR")
	if got, code := b.ordering(desk, "declineServiceRequest", map[string]any{"id": other.ID, "reason": "不归社区"}); got != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("declined before anybody looked: %+v %s", got, code)
	}
	b.ordering(desk, "reviewServiceRequest", map[string]any{"id": other.ID})
	if got, code := b.ordering(desk, "declineServiceRequest", map[string]any{"id": other.ID, "reason": "问13900001234"}); got != nil || code != "BAD_USER_INPUT[reason]" {
		t.Errorf("declined with a telephone number for all to read: %+v %s", got, code)
	}
	if got, code := b.ordering(desk, "declineServiceRequest", map[string]any{"id": other.ID, "reason": " "}); got != nil || code != "BAD_USER_INPUT[reason]" {
		t.Errorf("declined without a reason: %+v %s", got, code)
	}
}

// What is to be done is read by who ordered it and by the team that does it. Staff write orders down, also
// those who live in the community, and judge in the name of who ordered.
func TestServiceRequestsWrittenDown(t *testing.T) {
	t.Parallel()
	b := startOrders(t)
	clerk := b.as("clerk", authz.CommunityStaff, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", "r1") }, "a")
	brief := func(token string) string {
		t.Helper()
		a := b.ask(token, `{ serviceRequests(first: 1) { nodes { brief { details } } } }`, nil)
		if len(a.Errors) > 0 {
			return fmt.Sprint(a.Errors[0].Extensions["code"])
		}
		return strings.TrimSuffix(strings.TrimPrefix(string(a.Data), `{"serviceRequests":{"nodes":[{"brief":`), `}]}}`)
	}
	repair, code := b.place(clerk, "REPAIR", "details", "三楼水管", "requester", fixedID("Resident", "a", "r2"))
	if code != "" {
		t.Fatal(code)
	}
	in := map[string]any{"id": repair.ID}
	member := b.volunteer("r1")
	for _, c := range []struct{ name, token, want string }{{"who ordered", b.resident("a", "r2"), `{"details":"三楼水管"}`}, {"staff", b.staff("a"), `{"details":"三楼水管"}`},
		{"a neighbour", b.resident("a", "r3"), "null"}, {"a team that may claim it", member, "null"}, {"the public", "", "UNAUTHENTICATED"}} {
		if got := brief(c.token); got != c.want {
			t.Errorf("%s reads %s", c.name, got)
		}
	}
	for _, m := range []string{"reviewServiceRequest", "approveServiceRequest", "dispatchServiceRequest"} {
		if _, code := b.ordering(clerk, m, in); code != "" {
			t.Fatal(m, code)
		}
	}
	if _, code := b.ordering(member, "claimServiceRequest", map[string]any{"id": repair.ID, "team": fixedID("VolunteerTeam", "a", "team1")}); code != "" {
		t.Fatal(code)
	}
	if got := brief(member); got != `{"details":"三楼水管"}` {
		t.Errorf("the team reads %s", got)
	}
	b.ordering(member, "startServiceRequest", in)
	b.ordering(member, "completeServiceRequest", in)
	if got, code := b.ordering(clerk, "rateServiceRequest", map[string]any{"id": repair.ID, "score": 1}); code != "" || got.Status != "REOPENED" {
		t.Errorf("judged in the name of who ordered: %+v %s", got, code)
	}
	if _, code := b.place(clerk, "HELP", "title", "一位邻居的事"); code != "" {
		t.Fatal(code)
	}
	var orders string
	scanRow(t, b.one, `SELECT string_agg(kind || ' ' || coalesce(requester_id = md5('r2')::uuid, false) || ' ' || written_down, ', ' ORDER BY kind) FROM service_requests`, &orders)
	if orders != "HELP false true, REPAIR true true" {
		t.Error(orders)
	}
}

// Something comes on the list, is taken off it and put back.
func TestServiceMenu(t *testing.T) {
	t.Parallel()
	b := startOrders(t)
	s, desk := steps{b, "item", "id nameZh kind available version"}, b.staff("a")
	list := func(more ...any) []any {
		return append([]any{"community", "a", "nameZh", "磨刀", "kind", "REPAIR", "idempotencyKey", "1"}, more...)
	}
	knives := s.must(desk, "listServiceMenuItem", "ListServiceMenuItemInput", nil, list()...)
	s.refused("CONFLICT[nameZh]", desk, "listServiceMenuItem", "ListServiceMenuItemInput", nil, list("idempotencyKey", "2")...)
	s.refused("BAD_USER_INPUT[nameZh]", desk, "listServiceMenuItem", "ListServiceMenuItemInput", nil, list("idempotencyKey", "3", "nameZh", "找13900001234")...)
	s.refused("FORBIDDEN[]", b.staff("b"), "listServiceMenuItem", "ListServiceMenuItemInput", nil, list("idempotencyKey", "4", "nameZh", "理发")...)
	s.refused("!FORBIDDEN", b.resident("a", "r1"), "listServiceMenuItem", "ListServiceMenuItemInput", nil, list("idempotencyKey", "5")...)
	off := s.must(desk, "offerServiceMenuItem", "OfferServiceMenuItemInput", knives, "available", false)
	s.refused("CONFLICT[version]", desk, "offerServiceMenuItem", "OfferServiceMenuItemInput", knives, "available", true)
	if _, code := b.place(b.resident("a", "r1"), "REPAIR", "menuItem", knives["id"]); code != "CONFLICT[menuItem]" {
		t.Errorf("ordered what is not to be had: %s", code)
	}
	s.must(desk, "offerServiceMenuItem", "OfferServiceMenuItemInput", off, "available", true)
	if _, code := b.place(b.resident("a", "r1"), "REPAIR", "menuItem", knives["id"]); code != "" {
		t.Error(code)
	}
}

// An open call: twelve claims by three teams at once, and one team has it.
func TestServiceRequestRace(t *testing.T) {
	t.Parallel()
	b := startOrders(t)
	desk := b.staff("a")
	help, _ := b.place(desk, "HELP")
	in := map[string]any{"id": help.ID}
	for _, m := range []string{"reviewServiceRequest", "approveServiceRequest", "dispatchServiceRequest"} {
		if _, code := b.ordering(desk, m, in); code != "" {
			t.Fatal(m, code)
		}
	}
	var all sync.WaitGroup
	won := make([]string, 12)
	for i := range won {
		all.Go(func() {
			got, code := b.ordering(desk, "claimServiceRequest", map[string]any{"id": help.ID, "team": fixedID("VolunteerTeam", "a", fmt.Sprint("team", i%3+1))})
			switch {
			case code == "":
				won[i] = got.Team.NameZh
			case code != "INVALID_TRANSITION[]":
				t.Errorf("%d: %s", i, code)
			}
		})
	}
	all.Wait()
	winners := slices.DeleteFunc(won, func(s string) bool { return s == "" })
	var kept string
	scanRow(t, b.one, `SELECT v.name_zh FROM service_requests r JOIN volunteer_teams v ON v.id = r.team_id WHERE r.status = 'CLAIMED'`, &kept)
	if len(winners) != 1 || winners[0] != kept {
		t.Errorf("claimed by %q, kept is %s", winners, kept)
	}
}
