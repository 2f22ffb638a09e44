package e2e

import (
	"fmt"
	"testing"
)

// A meeting is planned, held and decides; a post does what follows, and residents learn what was settled.
func TestMeetings(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	staff, resident := b.staff("a"), b.resident("a", "r1")
	with := func(in map[string]any, more ...any) map[string]any {
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	plan := func(key, at string) (map[string]any, string) {
		return b.changing(staff, "planMeeting", "meeting", "id version status", map[string]any{"community": "a", "kind": "DELIBERATION", "titleZh": "议事会", "startsAt": at, "idempotencyKey": key})
	}
	decide := func(m map[string]any, key string, more ...any) (map[string]any, string) {
		return b.changing(staff, "recordDecision", "decision", "id outcome votesFor decidedOn", with(map[string]any{"meeting": m["id"], "textZh": "周末晾晒", "idempotencyKey": key}, more...))
	}
	m, code := plan("1", "2026-06-10T01:00:00Z")
	if m == nil || m["status"] != "PLANNED" {
		t.Fatalf("%v %s", m, code)
	}
	later, _ := plan("2", "2026-06-11T01:00:00Z")
	hold := func(m map[string]any, more ...any) (map[string]any, string) {
		return b.changing(staff, "holdMeeting", "meeting", "status attendance", with(map[string]any{"id": m["id"], "attendance": 12}, more...))
	}
	for _, tc := range []struct {
		name string
		do   func() (map[string]any, string)
		code string
	}{
		{"decided before it is held", func() (map[string]any, string) { return decide(m, "x") }, "CONFLICT[meeting]"},
		{"held before it begins", func() (map[string]any, string) { return hold(later) }, "INVALID_TRANSITION[]"},
		{"held by nobody", func() (map[string]any, string) { return hold(m, "attendance", 0) }, "BAD_USER_INPUT[attendance]"},
		{"a stale version", func() (map[string]any, string) { return hold(m, "version", 7) }, "CONFLICT[version]"},
		{"somebody's number", func() (map[string]any, string) { return hold(m, "summaryZh", "电话13812345678") }, "BAD_USER_INPUT[summaryZh]"},
		{"by a resident", func() (map[string]any, string) {
			return b.changing(resident, "planMeeting", "meeting", "id", map[string]any{"community": "a", "kind": "JOINT", "titleZh": "x", "startsAt": "2026-06-10T01:00:00Z", "idempotencyKey": "x"})
		}, "!FORBIDDEN"},
	} {
		if row, code := tc.do(); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	if row, code := hold(m, "version", 1, "summaryZh", "讨论晾晒"); row == nil || fmt.Sprint(row) != "map[attendance:12 status:HELD]" {
		t.Fatalf("%v %s", row, code)
	}
	d, code := decide(m, "1", "votesFor", 9, "votesAgainst", 2, "votesAbstained", 1)
	if d == nil || d["outcome"] != "ADOPTED" || d["decidedOn"] != "2026-06-10" {
		t.Fatalf("%v %s", d, code)
	}
	for name, tc := range map[string]struct {
		more []any
		code string
	}{
		"adopted against the votes":  {[]any{"votesFor", 2, "votesAgainst", 2, "votesAbstained", 0}, "BAD_USER_INPUT[outcome]"},
		"rejected against the votes": {[]any{"outcome", "REJECTED", "votesFor", 3, "votesAgainst", 2, "votesAbstained", 0}, "BAD_USER_INPUT[outcome]"},
		"half a count":               {[]any{"votesFor", 2}, "BAD_USER_INPUT[votesFor]"},
		"fewer than none":            {[]any{"outcome", "REJECTED", "votesFor", 1, "votesAgainst", 2, "votesAbstained", -1}, "BAD_USER_INPUT[votesAbstained]"},
		"no such pairing":            {[]any{"pairing", fixedID("Pairing", "a", "none")}, "NOT_FOUND[pairing]"},
	} {
		if row, code := decide(m, name, tc.more...); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", name, row, code, tc.code)
		}
	}
	add := func(post, due, key string) (map[string]any, string) {
		return b.changing(staff, "addAction", "action", "id status overdue", map[string]any{"decision": d["id"], "textZh": "装晾晒架", "post": fixedID("StaffPost", "a", post), "dueOn": due, "idempotencyKey": key})
	}
	act, code := add("cadre", "2026-06-20", "1")
	if act == nil || fmt.Sprint(act["status"], act["overdue"]) != "OPEN false" && fmt.Sprint(act["status"], act["overdue"]) != "OPENfalse" {
		t.Fatalf("%v %s", act, code)
	}
	if row, code := add("none", "2026-06-20", "2"); row != nil || code != "NOT_FOUND[post]" {
		t.Errorf("no post: %v %s", row, code)
	}
	if row, code := add("cadre", "2026-06-09", "2"); row != nil || code != "BAD_USER_INPUT[dueOn]" {
		t.Errorf("due yesterday: %v %s", row, code)
	}
	closeAction := func(mutation string, more ...any) (map[string]any, string) {
		return b.changingBy(staff, mutation, "CloseActionInput", "action", "status closedOn", with(map[string]any{"id": act["id"]}, more...))
	}
	if row, code := closeAction("dropAction"); row != nil || code != "BAD_USER_INPUT[note]" {
		t.Errorf("dropped without a word: %v %s", row, code)
	}
	if row, code := closeAction("completeAction"); row == nil || fmt.Sprint(row) != "map[closedOn:2026-06-10 status:DONE]" {
		t.Errorf("%v %s", row, code)
	}
	if row, code := closeAction("dropAction", "note", "x"); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("dropped when it is done: %v %s", row, code)
	}

	topic, code := b.changing(resident, "raiseDeliberation", "deliberation", "id status", map[string]any{"community": "a", "topicZh": "晾晒架", "idempotencyKey": "1"})
	if topic == nil || topic["status"] != "RAISED" {
		t.Fatalf("%v %s", topic, code)
	}
	shown := func(token, want string) {
		t.Helper()
		if a := b.ask(token, `{ deliberations(communities: ["a"]) { totalCount nodes { topicZh } } }`, nil); string(a.Data) != `{"deliberations":`+want+`}` {
			t.Errorf("%s, want %s", a.Data, want)
		}
	}
	gossip, _ := b.changing(resident, "raiseDeliberation", "deliberation", "id", map[string]any{"community": "a", "topicZh": "三单元某家养狗", "idempotencyKey": "2"})
	if row, code := b.changingBy(staff, "dropDeliberation", "CloseDeliberationInput", "deliberation", "status", map[string]any{"id": gossip["id"], "resolutionZh": "不指名道姓"}); row == nil || row["status"] != "DECLINED" {
		t.Errorf("%v %s", row, code)
	}
	shown("", `{"totalCount":0,"nodes":[]}`)
	shown(b.resident("a", "r2"), `{"totalCount":0,"nodes":[]}`)
	if row, code := b.changing(resident, "acceptDeliberation", "deliberation", "id", map[string]any{"id": topic["id"]}); row != nil || code != "!FORBIDDEN" {
		t.Errorf("accepted by who raised it: %v %s", row, code)
	}
	if row, code := b.changing(staff, "acceptDeliberation", "deliberation", "status", map[string]any{"id": topic["id"]}); row == nil || row["status"] != "OPEN" {
		t.Errorf("%v %s", row, code)
	}
	shown("", `{"totalCount":1,"nodes":[{"topicZh":"晾晒架"}]}`)
	settle := func(token, mutation string) (map[string]any, string) {
		return b.changingBy(token, mutation, "CloseDeliberationInput", "deliberation", "status resolutionZh decision { textZh votesFor votesAgainst }", map[string]any{"id": topic["id"], "resolutionZh": "只在周末晾晒", "decision": d["id"]})
	}
	if row, code := settle(resident, "resolveDeliberation"); row != nil || code != "!FORBIDDEN" {
		t.Errorf("settled by one resident: %v %s", row, code)
	}
	if row, code := settle(staff, "dropDeliberation"); row != nil || code != "BAD_USER_INPUT[decision]" {
		t.Errorf("dropped by a decision: %v %s", row, code)
	}
	if row, code := settle(staff, "resolveDeliberation"); row == nil || fmt.Sprint(row["decision"]) != "map[textZh:周末晾晒 votesAgainst:2 votesFor:9]" {
		t.Errorf("%v %s", row, code)
	}
	a := b.ask("", `{ decisions(communities: ["a"]) { nodes { textZh votesFor deliberations { topicZh resolutionZh } meeting { attendance } } } }`, nil)
	if got := string(a.Data); got != `{"decisions":{"nodes":[{"textZh":"周末晾晒","votesFor":9,"deliberations":[{"topicZh":"晾晒架","resolutionZh":"只在周末晾晒"}],"meeting":{"attendance":12}}]}}` {
		t.Errorf("the public sees %s", got)
	}
	if _, err := b.one.Exec(`INSERT INTO decisions (owner, meeting_id, text_zh, outcome, decided_on) SELECT owner, id, 'x', 'ADOPTED', '2026-06-11' FROM meetings WHERE status = 'PLANNED'`); err == nil {
		t.Error("decided where nobody met")
	}
}
