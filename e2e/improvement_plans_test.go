package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

type plan struct {
	ID, Status          string
	Version             int
	Outcome, DroppedFor *string
	After               *struct{ NameZh string }
}

// planning runs a mutation of plans; code is that of the rule it broke with its path, "" for none.
func (b *book) planning(token, action string, input map[string]any) (p *plan, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %c%sImprovementPlanInput!) { out: %[3]sImprovementPlan(input: $in) { plan { id status version outcome droppedFor after { nameZh } }
		userErrors { code path allowed } } }`, action[0]-32, action[1:], action), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Plan       *plan
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		e := data.Out.UserErrors[0]
		code = fmt.Sprint(e.Code, e.Path)
	}
	return data.Out.Plan, code
}

// A proposal is staff's alone until it is promised, and a promise stays in sight whatever becomes of it.
func TestImprovementPlans(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO service_windows (owner, id, station_id, name_zh, pilot) VALUES ('a', md5('w')::uuid, md5('station')::uuid, '灯会窗口', true)`)
	desk, admin := b.token(authz.StationStaff, "a"), b.token(authz.CommunityAdmin, "a")
	propose := func(token, name string, more ...any) (*plan, string) {
		in := map[string]any{"community": "a", "nameZh": name, "goals": []string{"热水不断"}, "after": fixedID("ServiceWindow", "a", "w"), "idempotencyKey": name}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.planning(token, "propose", in)
	}
	seen := func(token string) int {
		var got struct{ ImprovementPlans struct{ TotalCount int } }
		b.must(token, `{ improvementPlans(communities: ["a"]) { totalCount } }`, nil, &got)
		return got.ImprovementPlans.TotalCount
	}
	p, code := propose(desk, "延长开放")
	if p == nil || code != "" || p.Status != "PROPOSED" || p.After.NameZh != "灯会窗口" {
		t.Fatalf("%+v %s", p, code)
	}
	if seen("") != 0 || seen(desk) != 1 || seen(b.token(authz.StationStaff, "b")) != 0 {
		t.Error("a proposal is seen by the public, or not by staff")
	}
	if _, code := b.planning(desk, "accept", map[string]any{"id": p.ID}); code != "!FORBIDDEN" {
		t.Errorf("promised at the desk: %s", code)
	}
	if _, code := b.planning(b.token(authz.CommunityAdmin, "b"), "accept", map[string]any{"id": p.ID}); code != "NOT_FOUND[id]" {
		t.Errorf("promised by another community: %s", code)
	}
	if _, code := b.planning(admin, "complete", map[string]any{"id": p.ID, "outcome": "好"}); code != "INVALID_TRANSITION[]" {
		t.Errorf("done before it was promised: %s", code)
	}
	if got, code := b.planning(desk, "revise", map[string]any{"id": p.ID, "nameZh": "延长晚间开放", "version": 1}); code != "" || got.After != nil || got.Version != 2 {
		t.Errorf("revised: %+v %s", got, code)
	}
	if _, code := b.planning(admin, "accept", map[string]any{"id": p.ID, "version": 1}); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	if got, code := b.planning(admin, "accept", map[string]any{"id": p.ID, "version": 2}); code != "" || got.Status != "ACCEPTED" || seen("") != 1 {
		t.Errorf("promised: %+v %s, seen %d", got, code, seen(""))
	}
	if _, code := b.planning(desk, "revise", map[string]any{"id": p.ID, "nameZh": "别的"}); code != "INVALID_TRANSITION[]" {
		t.Errorf("revised after it was promised: %s", code)
	}
	if got, code := b.planning(admin, "complete", map[string]any{"id": p.ID, "outcome": "开放到九点"}); code != "" || got.Status != "DONE" || *got.Outcome != "开放到九点" {
		t.Errorf("done: %+v %s", got, code)
	}
	p, _ = propose(desk, "二")
	b.planning(admin, "accept", map[string]any{"id": p.ID})
	if got, code := b.planning(admin, "drop", map[string]any{"id": p.ID, "reason": "没有经费"}); code != "" || got.Status != "DROPPED" || seen("") != 2 {
		t.Errorf("dropped: %+v %s, seen %d", got, code, seen(""))
	}
	p, _ = propose(desk, "三")
	if got, code := b.planning(admin, "drop", map[string]any{"id": p.ID, "reason": "没有经费"}); code != "" || got.Status != "DROPPED" || seen("") != 2 {
		t.Errorf("a dropped proposal: %+v %s, seen %d", got, code, seen(""))
	}
	for _, tc := range []struct{ name, token, code string }{
		{"the public", "", "!UNAUTHENTICATED"},
		{"a resident", b.resident("a", "r1"), "!FORBIDDEN"},
		{"another community's desk", b.token(authz.StationStaff, "b"), "FORBIDDEN[]"},
		{" ", desk, "BAD_USER_INPUT[nameZh]"},
		{"电话13812345678", desk, "BAD_USER_INPUT[nameZh]"},
	} {
		if _, code := propose(tc.token, tc.name); code != tc.code {
			t.Errorf("%s: %s, want %s", tc.name, code, tc.code)
		}
	}
	if _, code := propose(desk, "四", "after", fixedID("ServiceWindow", "a", "none")); code != "NOT_FOUND[after]" {
		t.Errorf("after nothing: %s", code)
	}
	if _, code := propose(desk, "五", "goals", []string{"一", ""}); code != "BAD_USER_INPUT[goals]" {
		t.Errorf("a blank goal: %s", code)
	}
	for _, rest := range []string{`'DONE', NULL, NULL, NULL`, `'DONE', now(), NULL, NULL`, `'DROPPED', now(), '好', NULL`, `'ACCEPTED', now(), NULL, NULL`, `'PAUSED', NULL, NULL, NULL`} {
		if _, err := b.one.Exec(`INSERT INTO improvement_plans (owner, name_zh, status, finished_at, outcome, dropped_for) VALUES ('a', '一', ` + rest + `)`); err == nil {
			t.Errorf("allowed: %s", rest)
		}
	}
}
