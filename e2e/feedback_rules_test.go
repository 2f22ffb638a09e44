package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// lifeOfFeedback is model.md §5 once more, written down apart from the machine: from which
// statuses each action leads where, and which of the reporter's they are.
var lifeOfFeedback = []struct{ action, mutation, from, to string }{
	{"triage", "triageFeedback", "RECEIVED", "TRIAGED"},
	{"markDuplicate", "markDuplicate", "RECEIVED TRIAGED ASSIGNED IN_PROGRESS", "DUPLICATE"},
	{"refuse", "refuseFeedback", "RECEIVED TRIAGED", "NOT_ACCEPTED"},
	{"refer", "referFeedback", "RECEIVED TRIAGED ASSIGNED", "REFERRED"},
	{"assign", "assignFeedback", "TRIAGED REOPENED", "ASSIGNED"},
	{"start", "startFeedback", "ASSIGNED", "IN_PROGRESS"},
	{"suspend", "suspendFeedback", "IN_PROGRESS", "SUSPENDED"},
	{"resume", "resumeFeedback", "SUSPENDED", "IN_PROGRESS"},
	{"reply", "replyFeedback", "IN_PROGRESS", "REPLIED"},
	{"resolve", "resolveFeedback", "IN_PROGRESS REPLIED", "RESOLVED"},
	{"close", "closeFeedback", "REPLIED RESOLVED NOT_ACCEPTED REFERRED", "CLOSED"},
	{"reopen", "reopenFeedback", "REPLIED RESOLVED CLOSED", "REOPENED"},
	{"withdraw", "withdrawFeedback", "RECEIVED TRIAGED", "WITHDRAWN"},
	{"rate", "rateFeedback", "REPLIED RESOLVED CLOSED NOT_ACCEPTED", ""},
}

var feedbackStatuses = strings.Fields("RECEIVED TRIAGED ASSIGNED IN_PROGRESS SUSPENDED REPLIED RESOLVED CLOSED REOPENED DUPLICATE REFERRED NOT_ACCEPTED WITHDRAWN")

// put writes an entry of r1 in a status, with all that the status needs.
func (b *book) put(owner, status string) *entry {
	b.t.Helper()
	db := b.one
	if owner == "b" {
		db = b.two
	}
	root := "NULL"
	if status == "DUPLICATE" {
		root = fmt.Sprintf("(SELECT id FROM feedbacks WHERE owner = '%s' AND duplicate_of IS NULL AND status = 'RECEIVED' LIMIT 1)", owner)
	}
	var id string
	scanRow(b.t, db, fmt.Sprintf(`INSERT INTO feedbacks (owner, kind, title, status, received_at, due_at, review_at, category, assignee_post_id, responsible_org_id,
			referred_to, reply, replied_at, outcome, resolved_at, closed_at, reporter_id, duplicate_of)
		VALUES ('%[1]s', 'PROBLEM', '题', '%[2]s', timestamptz '%[3]s' - interval '5 days', timestamptz '%[3]s' + interval '1 day', '%[3]s', 'EV_CHARGING', md5('cadre')::uuid, md5('org')::uuid,
			'区里', '答', '%[3]s', '果', '%[3]s', CASE '%[2]s' WHEN 'CLOSED' THEN timestamptz '%[3]s' END, md5('r1')::uuid, %[4]s) RETURNING id`,
		owner, status, noon.Format(time.RFC3339), root), &id)
	return &entry{ID: nodeID("Feedback", owner, id), Version: 1, Status: status}
}

// inputOf is what an action needs besides id and version.
func (b *book) inputOf(action, root string) map[string]any {
	return map[string]map[string]any{
		"triage": {"category": "LIGHT"}, "markDuplicate": {"of": root}, "refuse": {"reason": "重复", "reply": "不归社区管"},
		"refer": {"to": "供电公司"}, "assign": {"dueAt": noon.Add(time.Hour), "post": fixedID("StaffPost", "a", "cadre"), "responsible": fixedID("Organization", "a", "org")},
		"suspend": {"reason": "等配件", "reviewOn": "2026-06-20"}, "reply": {"reply": "已派人"}, "resolve": {"outcome": "修好了"},
		"reopen": {"reason": "又坏了"}, "rate": {"score": 4},
	}[action]
}

// Every action from every status does what the table says, or is refused with what is allowed.
func TestFeedbackTransitions(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	root := b.put("a", "RECEIVED")
	r1, boss := b.resident("a", "r1"), b.admin("a")
	byReporter := []string{"reopen", "withdraw", "rate"}
	for _, status := range feedbackStatuses {
		for _, line := range lifeOfFeedback {
			e := b.put("a", status)
			token, mine := boss, false
			if slices.Contains(byReporter, line.action) {
				token, mine = r1, true
			}
			got, broken, a := b.write(token, line.mutation, on(e, b.inputOf(line.action, root.ID)))
			if slices.Contains(strings.Fields(line.from), status) {
				want := line.to
				if want == "" {
					want = status
				}
				if got == nil || got.Status != want || got.Version != 2 || len(broken) > 0 {
					t.Errorf("%s from %s: %+v %+v %+v", line.action, status, got, broken, a.Errors)
				}
				continue
			}
			allowed := []string{}
			for _, l := range lifeOfFeedback {
				if slices.Contains(strings.Fields(l.from), status) && slices.Contains(byReporter, l.action) == mine {
					allowed = append(allowed, l.action)
				}
			}
			if got != nil || len(broken) != 1 || broken[0].Code != "INVALID_TRANSITION" || !slices.Equal(broken[0].Allowed, allowed) {
				t.Errorf("%s from %s: %+v %+v, not refused with %v", line.action, status, got, broken, allowed)
			}
		}
	}
	var wrong int
	scanRow(t, b.one, `SELECT count(*) FROM feedback_updates u JOIN feedbacks f ON f.owner = u.owner AND f.id = u.feedback_id WHERE f.version <> 2 OR u.to_status <> f.status`, &wrong)
	if wrong > 0 {
		t.Errorf("%d steps are not what the log says", wrong)
	}
	var steps, events int
	scanRow(t, b.one, `SELECT (SELECT count(*) FROM feedback_updates), (SELECT count(*) FROM outbox_events WHERE topic = 'feedback' AND entity_type = 'Feedback')`, &steps, &events)
	if steps != events || steps == 0 {
		t.Errorf("%d steps, %d events", steps, events)
	}
}

// Who may not take an action is told so, and who may not see the entry is not told that it is there.
func TestFeedbackWhoMay(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	clerk, stationer := b.staff("a"), b.as("stationer", authz.StationStaff, nil, "a")
	cadre := b.as("cadre", authz.StationStaff, func(c *authn.Claims) { c.Post = fixedID("StaffPost", "a", "cadre") }, "a")
	foreignCadre := b.as("cadre", authz.StationStaff, func(c *authn.Claims) { c.Post = fixedID("StaffPost", "c", "cadre") }, "a")
	// Staff of b who live in a are residents there, also when the token does not list a.
	neighbour := b.as("n", authz.CommunityStaff, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", "r1") }, "b")
	for _, tc := range []struct {
		name, token, mutation, status string
		input                         map[string]any
		code                          string // "" for done
	}{
		{"staff reopens for the reporter", clerk, "reopenFeedback", "CLOSED", map[string]any{"reason": "x"}, "FORBIDDEN"},
		{"staff suspends", clerk, "suspendFeedback", "IN_PROGRESS", map[string]any{"reason": "x", "reviewOn": "2026-06-20"}, "!FORBIDDEN"},
		{"a resident triages", b.resident("a", "r1"), "triageFeedback", "RECEIVED", map[string]any{"category": "LIGHT"}, "!FORBIDDEN"},
		{"the public submits", "", "submitFeedback", "", submission("a", "p"), "!UNAUTHENTICATED"},
		{"another resident withdraws", b.resident("a", "r2"), "withdrawFeedback", "RECEIVED", nil, "NOT_FOUND"},
		{"a namesake of another community withdraws", b.resident("c", "r1"), "withdrawFeedback", "RECEIVED", nil, "NOT_FOUND"},
		{"the reporter withdraws", b.resident("a", "r1"), "withdrawFeedback", "RECEIVED", nil, ""},
		{"the reporter, staff elsewhere, withdraws", neighbour, "withdrawFeedback", "RECEIVED", nil, ""},
		{"the reporter, staff elsewhere, triages", neighbour, "triageFeedback", "RECEIVED", map[string]any{"category": "LIGHT"}, "FORBIDDEN"},
		{"staff of another community", b.staff("b", "c"), "triageFeedback", "RECEIVED", map[string]any{"category": "LIGHT"}, "NOT_FOUND"},
		{"station staff without the post start", stationer, "startFeedback", "ASSIGNED", nil, "FORBIDDEN"},
		{"the post in charge starts", cadre, "startFeedback", "ASSIGNED", nil, ""},
		{"the same post of another community starts", foreignCadre, "startFeedback", "ASSIGNED", nil, "FORBIDDEN"},
		{"a resident for somebody else", b.resident("a", "r1"), "submitFeedback", "", map[string]any{"reporter": fixedID("Resident", "a", "r2")}, "FORBIDDEN"},
		{"staff elsewhere submits here", b.staff("b"), "submitFeedback", "", map[string]any{}, "FORBIDDEN"},
	} {
		in := tc.input
		if tc.status != "" {
			in = on(b.put("a", tc.status), tc.input)
		} else if tc.token != "" {
			in = submission("a", tc.name)
			for k, v := range tc.input {
				in[k] = v
			}
		}
		got, broken, a := b.write(tc.token, tc.mutation, in)
		code := ""
		if len(broken) > 0 {
			code = broken[0].Code
		}
		if len(a.Errors) > 0 {
			code = fmt.Sprint("!", a.Errors[0].Extensions["code"])
		}
		if code != tc.code || (code == "") != (got != nil) {
			t.Errorf("%s: %q, not %q: %+v %+v", tc.name, code, tc.code, broken, a.Errors)
		}
	}
}

// Residents find their own entries by every way, and no others.
func TestResidentsSeeTheirOwnFeedback(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	mine := b.done(b.resident("a", "r1"), "submitFeedback", submission("a", "1"))
	hidden := submission("a", "2")
	hidden["anonymous"] = true
	anonymous := b.done(b.resident("a", "r1"), "submitFeedback", hidden)
	const q = `query($id: ID!, $n: String!) { node(id: $id) { ... on Feedback { number } } feedback(number: $n) { id number } }`
	for _, e := range []*entry{mine, anonymous} {
		vars := map[string]any{"id": e.ID, "n": e.Number}
		if a := b.ask(b.resident("a", "r1"), q, vars); len(a.Errors) > 0 || strings.Count(string(a.Data), e.Number) != 2 {
			t.Errorf("own: %s %+v", a.Data, a.Errors)
		}
		for _, other := range []string{b.resident("a", "r2"), b.resident("c", "r1"), b.as("x", authz.Resident, nil, "a"), b.as("y", authz.Resident, nil)} {
			if a := b.ask(other, q, vars); strings.Contains(string(a.Data), e.Number) {
				t.Errorf("another's: %s", a.Data)
			}
		}
	}
	// Who wrote anonymously is not shown, yet may withdraw.
	var got struct {
		Mine, Anonymous struct{ Reporter *struct{ ID string } }
	}
	raw := b.ask(b.staff("a"), fmt.Sprintf(`{ mine: feedback(number: %q) { reporter { id } } anonymous: feedback(number: %q) { reporter { id } } }`, mine.Number, anonymous.Number), nil, "X-Linhui-Purpose", "回访")
	decode(t, raw.Data, &got)
	if got.Mine.Reporter == nil || got.Mine.Reporter.ID != fixedID("Resident", "a", "r1") || got.Anonymous.Reporter != nil {
		t.Errorf("%s %+v", raw.Data, raw.Errors)
	}
	b.done(b.resident("a", "r1"), "withdrawFeedback", on(anonymous, nil))
	// Somebody who lives elsewhere is heard too, and told the number.
	if e := b.done(b.as("v", authz.Resident, func(c *authn.Claims) { c.Resident = fixedID("Resident", "b", "r1") }, "a", "b"), "submitFeedback", submission("a", "3")); e.Number != "a-2026-000003" {
		t.Errorf("%+v", e)
	}
}

// What is wrong in an input is named, and nothing is written.
func TestFeedbackInputs(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	clerk, boss, r1 := b.staff("a"), b.admin("a"), b.resident("a", "r1")
	root := b.put("a", "RECEIVED")
	due := map[string]any{"dueAt": noon.Add(time.Hour), "post": fixedID("StaffPost", "a", "cadre"), "responsible": fixedID("Organization", "a", "org")}
	but := func(in map[string]any, key string, v any) map[string]any {
		out := map[string]any{}
		for k, x := range in {
			out[k] = x
		}
		out[key] = v
		return out
	}
	for _, tc := range []struct {
		name, token, status, mutation string
		input                         map[string]any
		code, path                    string
	}{
		{"no such category", clerk, "RECEIVED", "triageFeedback", map[string]any{"category": "X"}, "BAD_USER_INPUT", "category"},
		{"a deadline of the past", clerk, "TRIAGED", "assignFeedback", but(due, "dueAt", noon), "BAD_USER_INPUT", "dueAt"},
		{"a post of another community", clerk, "TRIAGED", "assignFeedback", but(due, "post", fixedID("StaffPost", "c", "cadre")), "BAD_USER_INPUT", "post"},
		{"a post that is none", clerk, "TRIAGED", "assignFeedback", but(due, "post", fixedID("StaffPost", "a", "nobody")), "NOT_FOUND", "post"},
		{"a body that is a post", clerk, "TRIAGED", "assignFeedback", but(due, "responsible", fixedID("StaffPost", "a", "cadre")), "BAD_USER_INPUT", "responsible"},
		{"a body that is none", clerk, "TRIAGED", "assignFeedback", but(due, "responsible", fixedID("Organization", "a", "nobody")), "NOT_FOUND", "responsible"},
		{"a duplicate of itself", clerk, "RECEIVED", "markDuplicate", nil, "BAD_USER_INPUT", "of"},
		{"a duplicate of nothing", clerk, "RECEIVED", "markDuplicate", map[string]any{"of": fixedID("Feedback", "a", "none")}, "NOT_FOUND", "of"},
		{"a duplicate over communities", clerk, "RECEIVED", "markDuplicate", map[string]any{"of": b.put("c", "RECEIVED").ID}, "BAD_USER_INPUT", "of"},
		{"a duplicate of a duplicate", clerk, "RECEIVED", "markDuplicate", map[string]any{"of": b.put("a", "DUPLICATE").ID}, "BAD_USER_INPUT", "of"},
		{"refused without a reply", clerk, "RECEIVED", "refuseFeedback", map[string]any{"reason": "x", "reply": " "}, "BAD_USER_INPUT", "reply"},
		{"referred to nobody", clerk, "RECEIVED", "referFeedback", map[string]any{"to": " "}, "BAD_USER_INPUT", "to"},
		{"suspended too long", boss, "IN_PROGRESS", "suspendFeedback", map[string]any{"reason": "x", "reviewOn": "2026-07-11"}, "BAD_USER_INPUT", "reviewOn"},
		{"suspended as long as may be", boss, "IN_PROGRESS", "suspendFeedback", map[string]any{"reason": "x", "reviewOn": "2026-07-10"}, "", ""},
		{"an empty reply", clerk, "IN_PROGRESS", "replyFeedback", map[string]any{"reply": "\u3000"}, "BAD_USER_INPUT", "reply"},
		{"a text that cannot be stored", clerk, "IN_PROGRESS", "replyFeedback", map[string]any{"reply": "a\u0000b"}, "BAD_USER_INPUT", ""},
		{"six stars", r1, "CLOSED", "rateFeedback", map[string]any{"score": 6}, "BAD_USER_INPUT", "score"},
		{"a title too long", r1, "", "submitFeedback", map[string]any{"title": strings.Repeat("长", 101)}, "BAD_USER_INPUT", "title"},
		{"an unknown community", r1, "", "submitFeedback", map[string]any{"community": "nowhere"}, "NOT_FOUND", "community"},
		{"a station that is none", r1, "", "submitFeedback", map[string]any{"station": fixedID("Station", "a", "none")}, "NOT_FOUND", "station"},
		{"a channel of another community", r1, "", "submitFeedback", map[string]any{"channel": fixedID("Channel", "c", "x")}, "BAD_USER_INPUT", "channel"},
		{"no key", r1, "", "submitFeedback", map[string]any{"idempotencyKey": ""}, "BAD_USER_INPUT", "idempotencyKey"},
		{"a key too long", r1, "", "submitFeedback", map[string]any{"idempotencyKey": strings.Repeat("k", 201)}, "BAD_USER_INPUT", "idempotencyKey"},
		{"an id that is none", clerk, "RECEIVED", "triageFeedback", map[string]any{"id": "!", "category": "LIGHT"}, "BAD_USER_INPUT", "id"},
		{"an id of another type", clerk, "RECEIVED", "triageFeedback", map[string]any{"id": fixedID("Station", "a", "station"), "category": "LIGHT"}, "BAD_USER_INPUT", "id"},
		{"an id of an unknown community", clerk, "RECEIVED", "triageFeedback", map[string]any{"id": fixedID("Feedback", "nowhere", "x"), "category": "LIGHT"}, "NOT_FOUND", ""},
	} {
		before := b.footprint()
		in := submission("a", tc.name)
		if tc.status != "" {
			e := b.put("a", tc.status)
			before = b.footprint()
			in = on(e, nil)
			if tc.mutation == "markDuplicate" {
				in["of"] = e.ID
			}
		}
		for k, v := range tc.input {
			in[k] = v
		}
		if tc.code == "" {
			b.done(tc.token, tc.mutation, in)
			continue
		}
		if got := b.refused(tc.token, tc.mutation, in); got.Code != tc.code || strings.Join(got.Path, ".") != tc.path {
			t.Errorf("%s: %+v, not %s at %s", tc.name, got, tc.code, tc.path)
		}
		if after := b.footprint(); after != before {
			t.Errorf("%s left %s, was %s", tc.name, after, before)
		}
	}
	// A root with duplicates does not become one itself.
	b.done(clerk, "markDuplicate", on(b.put("a", "RECEIVED"), map[string]any{"of": root.ID}))
	if got := b.refused(clerk, "markDuplicate", on(root, map[string]any{"of": b.put("a", "RECEIVED").ID})); got.Code != "BAD_USER_INPUT" {
		t.Errorf("%+v", got)
	}
}

// footprint sums up all that a write may leave in source one.
func (b *book) footprint() string {
	b.t.Helper()
	var s string
	scanRow(b.t, b.one, `SELECT concat_ws(' ', (SELECT concat(count(*), ':', sum(version)) FROM feedbacks), (SELECT count(*) FROM feedback_updates), (SELECT count(*) FROM outbox_events),
		(SELECT count(*) FROM idempotency_keys), (SELECT concat(count(*), ':', sum(version)) FROM echo_wall_posts), (SELECT count(*) FROM audit_log),
		(SELECT sum(last_no) FROM feedback_counters), (SELECT count(*) FROM service_deliveries))`, &s)
	return s
}

// A reporter comes back twice, within 30 days, and gets a new answer each time.
func TestFeedbackReopening(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	r1, clerk := b.resident("a", "r1"), b.staff("a")
	e := b.put("a", "CLOSED")
	for range 2 {
		e = b.done(r1, "reopenFeedback", on(e, map[string]any{"reason": "又坏了"}))
		if e.Reply != nil || e.Overdue {
			t.Errorf("%+v", e)
		}
		e = b.done(clerk, "assignFeedback", on(e, b.inputOf("assign", "")))
		e = b.done(clerk, "startFeedback", on(e, nil))
		e = b.done(clerk, "resolveFeedback", on(e, map[string]any{"outcome": "再修"}))
		if got := b.refused(clerk, "closeFeedback", on(e, nil)); got.Code != "BAD_USER_INPUT" || !slices.Equal(got.Path, []string{"reply"}) {
			t.Errorf("%+v", got)
		}
		e = b.done(clerk, "closeFeedback", on(e, map[string]any{"reply": "换了新的"}))
	}
	if got := b.refused(r1, "reopenFeedback", on(e, map[string]any{"reason": "还坏"})); got.Code != "INVALID_TRANSITION" {
		t.Errorf("%+v", got)
	}
	old := b.put("a", "CLOSED")
	execSQL(t, b.one, `UPDATE feedbacks SET closed_at = closed_at - interval '31 days' WHERE status = 'CLOSED' AND version = 1`)
	old.Version = 2
	if got := b.refused(r1, "reopenFeedback", on(old, map[string]any{"reason": "晚了"})); got.Code != "INVALID_TRANSITION" {
		t.Errorf("%+v", got)
	}
}
