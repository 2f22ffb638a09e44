package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

// A need is heard of, paired with what is offered, made a project of, and met; or it comes to nothing.
func TestNeeds(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO alliances (owner, id, name_zh) VALUES ('a', md5('alliance')::uuid, '联盟')`)
	staff, partner := b.staff("a"), b.token(authz.Partner, "a")
	const need = `id status version metBy closedOn droppedFor pairing { resource { nameZh } project { nameZh } } pairings { totalCount }`
	add := func(token, name string) (map[string]any, string) {
		return b.changing(token, "addNeed", "need", need, map[string]any{"community": "a", "alliance": fixedID("Alliance", "a", "alliance"), "nameZh": name, "idempotencyKey": name})
	}
	step := func(mutation string, n map[string]any, more ...any) (map[string]any, string) {
		in := map[string]any{"id": n["id"]}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.changing(staff, mutation, "need", need, in)
	}
	room, code := b.changing(partner, "offerResource", "resource", "id nameZh kind", map[string]any{"community": "a", "nameZh": "周末场地", "kind": "VENUE", "quantity": 1, "idempotencyKey": "r"})
	if room == nil {
		t.Fatal(code)
	}
	n, code := add(partner, "儿童阅读场地")
	if n == nil || n["status"] != "OPEN" {
		t.Fatalf("%v %s", n, code)
	}
	if row, code := step("startNeed", n, "projectNameZh", "书屋"); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("a project of nothing: %v %s", row, code)
	}
	if row, code := step("matchNeed", n, "resource", fixedID("ResourceItem", "a", "none")); row != nil || code != "NOT_FOUND[resource]" {
		t.Errorf("matched with nothing: %v %s", row, code)
	}
	if row, code := step("matchNeed", n, "resource", room["id"], "version", 9); row != nil || code != "CONFLICT[version]" {
		t.Errorf("a stale version: %v %s", row, code)
	}
	n, _ = step("matchNeed", n, "resource", room["id"], "version", 1)
	if n["status"] != "MATCHED" || fmt.Sprint(n["pairing"]) != "map[project:<nil> resource:map[nameZh:周末场地]]" {
		t.Fatalf("%v", n)
	}
	if n, _ = step("reopenNeed", n); n["status"] != "OPEN" || n["pairing"] != nil {
		t.Fatalf("%v", n)
	}
	step("matchNeed", n, "resource", room["id"])
	if row, code := step("startNeed", n); row != nil || code != "BAD_USER_INPUT[project]" {
		t.Errorf("a project without a name: %v %s", row, code)
	}
	if n, code = step("startNeed", n, "projectNameZh", "周末书屋"); n == nil || fmt.Sprint(n["pairing"]) != "map[project:map[nameZh:周末书屋] resource:map[nameZh:周末场地]]" {
		t.Fatalf("%v %s", n, code)
	}
	if n, code = step("meetNeed", n); n["status"] != "MET" || n["metBy"] != "周末场地" || n["closedOn"] != "2026-06-10" || fmt.Sprint(n["pairings"]) != "map[totalCount:2]" {
		t.Errorf("%v %s", n, code)
	}
	if row, code := step("dropNeed", n, "reason", "x"); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("dropped when it is met: %v %s", row, code)
	}
	other, _ := add(staff, "露天停车")
	if other, code = step("dropNeed", other, "reason", "没有场地"); other["status"] != "DROPPED" || other["droppedFor"] != "没有场地" {
		t.Errorf("%v %s", other, code)
	}
	for _, tc := range []struct{ name, token, need, code string }{
		{"the public", "", "x", "!UNAUTHENTICATED"}, {"a resident", b.resident("a", "r1"), "x", "!FORBIDDEN"}, {"elsewhere", b.staff("b"), "x", "FORBIDDEN[]"},
		{"nothing", staff, " ", "BAD_USER_INPUT[nameZh]"}, {"somebody's", staff, "找13812345678", "BAD_USER_INPUT[nameZh]"},
	} {
		if row, code := add(tc.token, tc.need); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	if row, code := b.changing(partner, "matchNeed", "need", "id", map[string]any{"id": other["id"], "resource": room["id"]}); row != nil || code != "!FORBIDDEN" {
		t.Errorf("matched by a partner: %v %s", row, code)
	}
	var figures struct {
		NeedItemAggregate struct {
			Total struct {
				Needs, Met  int
				PairedShare string
			}
		}
		PairingAggregate struct {
			Nodes []struct {
				ResourceKind                        string
				Pairings, InProjects, CameToNothing int
			}
		}
	}
	b.must("", `{ needItemAggregate(communities: ["a"]) { total { needs met pairedShare } } pairingAggregate(communities: ["a"], groupBy: [RESOURCE_KIND]) { nodes { resourceKind pairings inProjects cameToNothing } } }`, nil, &figures)
	if got := fmt.Sprint(figures); got != "{{{2 1 0.5}} {[{VENUE 2 1 1}]}}" {
		t.Errorf("figures: %s", got)
	}
	if _, err := b.one.Exec(`INSERT INTO need_items (owner, name_zh, status) VALUES ('a', 'x', 'MATCHED')`); err == nil {
		t.Error("matched without a pairing")
	}
	for _, statement := range []string{`UPDATE need_items SET status = 'IN_PROJECT', met_by = NULL, closed_on = NULL WHERE status = 'DROPPED'`, `UPDATE need_items SET met_by = NULL WHERE status = 'MET'`,
		`UPDATE need_items SET dropped_for = NULL`, `UPDATE pairings SET ended_on = NULL`} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}

// Bodies join an alliance and leave it; what units report is counted.
func TestAlliances(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO alliances (owner, id, name_zh) VALUES ('a', md5('alliance')::uuid, '联盟'); INSERT INTO dual_reporting_units (owner, id, org_id) VALUES ('a', md5('unit')::uuid, md5('org')::uuid)`)
	staff := b.staff("a")
	join := func(key, org string) (map[string]any, string) {
		return b.changing(staff, "joinAlliance", "membership", "id version until alliance { members { nameZh } }", map[string]any{"alliance": fixedID("Alliance", "a", "alliance"), "organization": fixedID("Organization", "a", org), "idempotencyKey": key})
	}
	m, code := join("1", "org")
	if m == nil || fmt.Sprint(m["alliance"]) != "map[members:[map[nameZh:物业]]]" {
		t.Fatalf("%v %s", m, code)
	}
	if row, code := join("2", "org"); row != nil || code != "CONFLICT[organization]" {
		t.Errorf("a member twice: %v %s", row, code)
	}
	if row, code := join("2", "none"); row != nil || code != "NOT_FOUND[organization]" {
		t.Errorf("nobody: %v %s", row, code)
	}
	leave := func() (map[string]any, string) {
		return b.changing(staff, "leaveAlliance", "membership", "until alliance { members { nameZh } }", map[string]any{"id": m["id"]})
	}
	if row, code := leave(); row == nil || row["until"] != "2026-06-10" || fmt.Sprint(row["alliance"]) != "map[members:[]]" {
		t.Errorf("%v %s", row, code)
	}
	if row, code := leave(); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("left twice: %v %s", row, code)
	}
	for _, tc := range []struct {
		name   string
		change map[string]any
		code   string
	}{
		{"a day", nil, ""}, {"tomorrow", map[string]any{"occurredOn": "2026-06-11"}, "BAD_USER_INPUT[occurredOn]"}, {"nobody", map[string]any{"people": 0}, "BAD_USER_INPUT[people]"},
		{"fewer than no visits", map[string]any{"visits": -1}, "BAD_USER_INPUT[visits]"}, {"no such unit", map[string]any{"unit": fixedID("DualReportingUnit", "a", "none")}, "NOT_FOUND[unit]"},
	} {
		in := map[string]any{"unit": fixedID("DualReportingUnit", "a", "unit"), "occurredOn": "2026-06-10", "people": 4, "visits": 6, "target": "SHOP", "idempotencyKey": tc.name}
		for k, v := range tc.change {
			in[k] = v
		}
		if row, code := b.changing(b.token(authz.Partner, "a"), "recordDualReporting", "entry", "id people visits", in); code != tc.code || (row == nil) != (code != "") {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
}
