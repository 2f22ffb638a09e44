package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

// Free meals are on the 8th for who is on the roster, once.
func TestFreeMeals(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	cook := b.cook()
	free := func(who, dish, key string) (map[string]any, string) {
		return b.eats(cook, who, dish, key, "kind", "FREE_8TH", "delivery", true)
	}
	if row, code := free("old", "dear", "1"); row != nil || code != "CONFLICT[beneficiary]" {
		t.Errorf("not on the roster: %v %s", row, code)
	}
	add := func(token, who, key string) (map[string]any, string) {
		return b.changing(token, "addToFreeMealRoster", "entry", "id ground validFrom validTo", map[string]any{"canteen": fixedID("Canteen", "a", "canteen"), "resident": fixedID("Resident", "a", who), "ground": "EMPTY_NEST", "basis": "网格走访", "idempotencyKey": key})
	}
	aimless := steps{b, "entry", "id version"}
	aimless.refused("FORBIDDEN[]", b.staff("a"), "addToFreeMealRoster", "AddToFreeMealRosterInput", nil, "canteen", fixedID("Canteen", "a", "canteen"), "resident", fixedID("Resident", "a", "old"),
		"ground", "EMPTY_NEST", "basis", "网格走访", "idempotencyKey", "0")
	entry, code := add(cook, "old", "1")
	if entry == nil {
		t.Fatal(code)
	}
	if row, code := add(cook, "old", "2"); row != nil || code != "CONFLICT[resident]" {
		t.Errorf("twice on the roster: %v %s", row, code)
	}
	o, code := free("old", "dear", "2")
	if o == nil || pays(o) != "16.00 - 0.00 = 0.00" {
		t.Fatalf("%v %s", o, code)
	}
	for _, tc := range []struct{ who, dish, code string }{
		{"old", "cheap", "CONFLICT[beneficiary]"}, {"young", "dear", "CONFLICT[beneficiary]"}, {"old", "now", "BAD_USER_INPUT[kind]"}} {
		if row, code := free(tc.who, tc.dish, tc.who+tc.dish); row != nil || code != tc.code {
			t.Errorf("%+v: %v %s", tc, row, code)
		}
	}
	if row, code := b.eats(b.staff("a"), "old", "next", "3", "kind", "FREE_8TH"); row != nil || code != "FORBIDDEN[]" {
		t.Errorf("ordered for somebody else without a purpose: %v %s", row, code)
	}
	if row, code := b.eats(b.resident("a", "old"), "old", "next", "3", "kind", "FREE_8TH"); row == nil {
		t.Errorf("one's own: %s", code)
	}
	if o, code = b.mealStep(cook, "confirmMealOrder", o); o == nil {
		t.Fatal(code)
	}
	aimless.refused("FORBIDDEN[]", b.staff("a"), "endFreeMeals", "EndFreeMealsInput", nil, "id", entry["id"])
	orders := func(want string) {
		t.Helper()
		var got string
		scanRow(t, b.one, `SELECT string_agg(service_date || ' ' || status, ', ' ORDER BY service_date) FROM meal_orders WHERE roster_id IS NOT NULL`, &got)
		if got != want {
			t.Errorf("free meals: %s, want %s", got, want)
		}
	}
	end := func(lastDay string) string {
		row, code := b.changing(cook, "endFreeMeals", "entry", "validTo", map[string]any{"id": entry["id"], "lastDay": lastDay})
		return fmt.Sprint(row["validTo"], code)
	}
	if got := end("2026-06-30"); got != "2026-06-30" {
		t.Error(got)
	}
	orders("2026-06-08 CONFIRMED, 2026-07-08 CANCELLED")
	if got := end("2026-07-31"); got != "<nil>BAD_USER_INPUT[lastDay]" {
		t.Errorf("an end put off: %s", got)
	}
	if got := end("2026-06-07"); got != "2026-06-07" {
		t.Error(got)
	}
	orders("2026-06-08 CANCELLED, 2026-07-08 CANCELLED")
	execSQL(t, b.one, `UPDATE free_meal_roster SET valid = '[2026-01-01,2026-06-01)'`)
	if got := end("2026-06-30"); got != "<nil>INVALID_TRANSITION[]" {
		t.Errorf("what had ended: %s", got)
	}
	// The database asks on the day it is confirmed.
	execSQL(t, b.one, `UPDATE free_meal_roster SET valid = '[2026-01-01,)'`)
	again, code := free("old", "dear", "4")
	if again == nil {
		t.Fatal(code)
	}
	execSQL(t, b.one, `UPDATE free_meal_roster SET valid = '[2026-01-01,2026-06-08)'`)
	if row, code := b.mealStep(cook, "confirmMealOrder", again); row != nil || code != "CONFLICT[beneficiary]" {
		t.Errorf("confirmed for who is off the roster that day: %v %s", row, code)
	}
}

// Who is on the roster of the free meal is told by no order but for a stated purpose.
func TestWhoEatsNeedsAPurpose(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	b.eats(b.resident("a", "old"), "old", "dear", "1")
	for _, tc := range []struct{ query, code string }{
		{`{ mealOrders(communities: ["a"]) { nodes { kind beneficiary { maskedName } } } }`, "FORBIDDEN"},
		{`{ residents(communities: ["a"]) { nodes { mealOrders(filter: {kinds: [FREE_8TH]}) { totalCount } } } }`, "FORBIDDEN"},
		{`{ mealOrders(communities: ["a"]) { nodes { kind } } }`, ""},
	} {
		for _, token := range []string{b.staff("a"), b.token(authz.StationStaff, "a")} {
			a := b.ask(token, tc.query, nil)
			if code := ""; len(a.Errors) > 0 || tc.code != "" {
				if len(a.Errors) > 0 {
					code = fmt.Sprint(a.Errors[0].Extensions["code"])
				}
				if code != tc.code {
					t.Errorf("%s: %s %+v", tc.query, code, a.Errors)
				}
			}
		}
	}
	var seen struct {
		MealOrders struct {
			Nodes []struct{ Beneficiary struct{ MaskedName string } }
		}
	}
	for _, token := range []string{b.cook(), b.resident("a", "old")} {
		b.must(token, `{ mealOrders(communities: ["a"]) { nodes { beneficiary { maskedName } } } }`, nil, &seen)
		if n := seen.MealOrders.Nodes; len(n) != 1 || n[0].Beneficiary.MaskedName != "赵*" {
			t.Errorf("%+v", n)
		}
	}
}
