package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

// Medicine comes in by lot and goes out while it is in date; what is on prescription never does.
func TestMedicine(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO medicine_boxes (owner, id, name_zh, station_id) VALUES ('a', md5('box')::uuid, '药箱', md5('station')::uuid);
		INSERT INTO medicine_stocks (owner, id, box_id, name_zh, lot, expires_on) VALUES ('a', md5('old')::uuid, md5('box')::uuid, '旧药', '1', '2026-06-09');
		INSERT INTO medicine_moves (owner, stock_id, kind, quantity, occurred_on, recorded_by) VALUES ('a', md5('old')::uuid, 'DONATED', 3, '2026-01-01', 'x')`)
	desk := b.token(authz.StationStaff, "a")
	const pick = `kind quantity stock { id quantity donated available box { donatedBoxes } }`
	with := func(in map[string]any, more ...any) map[string]any {
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	donate := func(key string, more ...any) (map[string]any, string) {
		return b.changing(desk, "donateMedicine", "move", pick, with(map[string]any{"box": fixedID("MedicineBox", "a", "box"), "nameZh": "退热贴", "lot": "A1", "expiresOn": "2026-06-10", "quantity": 4, "idempotencyKey": key}, more...))
	}
	give := func(key string, stock any, quantity int) (map[string]any, string) {
		return b.changing(desk, "dispenseMedicine", "move", pick, map[string]any{"stock": stock, "quantity": quantity, "idempotencyKey": key})
	}
	discard := func(key string, stock any, quantity int, reason string) (map[string]any, string) {
		return b.changing(desk, "discardMedicine", "move", pick, map[string]any{"stock": stock, "quantity": quantity, "reason": reason, "idempotencyKey": key})
	}
	m, code := donate("1")
	if m == nil {
		t.Fatal(code)
	}
	stock := m["stock"].(map[string]any)
	if fmt.Sprint(stock["quantity"], stock["available"], stock["box"]) != "4 true map[donatedBoxes:7]" {
		t.Errorf("%v", stock)
	}
	if again, _ := donate("1"); fmt.Sprint(again["stock"]) != fmt.Sprint(stock) {
		t.Errorf("the same key: %v", again)
	}
	if more, code := donate("2", "quantity", 1); more == nil || fmt.Sprint(more["stock"].(map[string]any)["quantity"]) != "5" {
		t.Errorf("the same lot: %v %s", more, code)
	}
	if out, code := give("3", stock["id"], 3); out == nil || fmt.Sprint(out["stock"].(map[string]any)["quantity"]) != "2" {
		t.Errorf("on its last day: %v %s", out, code)
	}
	pills, _ := donate("4", "nameZh", "降压药", "prescription", true)
	old := fixedID("MedicineStock", "a", "old")
	for _, tc := range []struct {
		name string
		do   func() (map[string]any, string)
		code string
	}{
		{"more than is left", func() (map[string]any, string) { return give("x", stock["id"], 3) }, "CONFLICT[quantity]"},
		{"nothing", func() (map[string]any, string) { return give("x", stock["id"], 0) }, "BAD_USER_INPUT[quantity]"},
		{"on prescription", func() (map[string]any, string) { return give("x", pills["stock"].(map[string]any)["id"], 1) }, "CONFLICT[stock]"},
		{"past its day", func() (map[string]any, string) { return give("x", old, 1) }, "CONFLICT[stock]"},
		{"no such medicine", func() (map[string]any, string) { return give("x", fixedID("MedicineStock", "a", "none"), 1) }, "NOT_FOUND[stock]"},
		{"thrown away without a word", func() (map[string]any, string) { return discard("x", old, 1, " ") }, "BAD_USER_INPUT[reason]"},
		{"taken past its day", func() (map[string]any, string) { return donate("x", "expiresOn", "2026-06-09") }, "BAD_USER_INPUT[expiresOn]"},
		{"the lot with another day", func() (map[string]any, string) { return donate("x", "expiresOn", "2026-07-01") }, "CONFLICT[lot]"},
		{"no such box", func() (map[string]any, string) { return donate("x", "box", fixedID("MedicineBox", "a", "none")) }, "NOT_FOUND[box]"},
	} {
		if row, code := tc.do(); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	if out, code := discard("5", old, 3, "过期"); out == nil {
		t.Errorf("thrown away: %s", code)
	}
	if row, code := b.changing(b.resident("a", "r1"), "dispenseMedicine", "move", "id", map[string]any{"stock": stock["id"], "quantity": 1, "idempotencyKey": "r"}); row != nil || code != "!FORBIDDEN" {
		t.Errorf("by a resident: %v %s", row, code)
	}
	a := b.ask("", `{ medicineStocks(communities: ["a"], filter: {available: true}) { nodes { nameZh quantity expiresOn } } }`, nil)
	if got := string(a.Data); got != `{"medicineStocks":{"nodes":[{"nameZh":"退热贴","quantity":2,"expiresOn":"2026-06-10"}]}}` {
		t.Errorf("the public finds %s", got)
	}
	for _, statement := range []string{`UPDATE medicine_stocks SET quantity = 9`, `UPDATE medicine_stocks SET prescription = false WHERE prescription`, `UPDATE medicine_moves SET quantity = 1`, `DELETE FROM medicine_moves`,
		`INSERT INTO medicine_moves (owner, stock_id, kind, quantity, occurred_on, recorded_by) VALUES ('a', md5('old')::uuid, 'DISPENSED', 1, '2026-06-10', 'x')`} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}
