package e2e

import (
	"fmt"
	"testing"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// What did not reach who lives alone is looked into the same day; who carries a meal says what became of it.
func TestMealsAreDelivered(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	cook, carrier := b.cook(), b.as("r2", authz.Volunteer, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", "r2") }, "a")
	out := func(who string) map[string]any {
		o, code := b.eats(cook, who, "dear", who, "delivery", true)
		if o == nil {
			t.Fatal(code)
		}
		for _, step := range []string{"confirmMealOrder", "prepareMealOrder", "readyMealOrder"} {
			o, _ = b.mealStep(cook, step, o)
		}
		o, code = b.mealStep(cook, "sendMealOut", o, "carrier", fixedID("Resident", "a", "r2"))
		if o["status"] != "OUT_FOR_DELIVERY" {
			t.Fatalf("%v %s", o, code)
		}
		return o
	}
	first, second, third := out("young"), out("old"), out("r1")
	carries := func(want int) {
		t.Helper()
		var mine struct{ MealOrders struct{ TotalCount int } }
		b.must(carrier, `{ mealOrders { totalCount } }`, nil, &mine)
		if mine.MealOrders.TotalCount != want {
			t.Errorf("who carries sees %d orders, want %d", mine.MealOrders.TotalCount, want)
		}
	}
	carries(3)
	carried := func(mutation string, o map[string]any, token string, more string) string {
		a := b.ask(token, fmt.Sprintf(`mutation($id: ID!) { out: %s(input: {id: $id%s}) { order { status } userErrors { code } } }`, mutation, more), map[string]any{"id": o["id"]})
		return string(a.Data)
	}
	if got := carried("deliverMeal", first, carrier, ""); got != `{"out":{"order":{"status":"DELIVERED"},"userErrors":[]}}` {
		t.Errorf("by who carries it: %s", got)
	}
	if got := carried("deliverMeal", second, b.resident("a", "r1"), ""); got != `{"out":{"order":null,"userErrors":[{"code":"NOT_FOUND"}]}}` {
		t.Errorf("by somebody else: %s", got)
	}
	if got := carried("failMealDelivery", second, carrier, `, reason: "无人应答"`); got != `{"out":{"order":{"status":"FAILED_DELIVERY"},"userErrors":[]}}` {
		t.Errorf("by who carries it: %s", got)
	}
	failed, code := b.mealStep(cook, "failMealDelivery", third, "reason", "无人应答")
	if failed["status"] != "FAILED_DELIVERY" {
		t.Errorf("who does not live alone: %v %s", failed, code)
	}
	var checks string
	scanRow(t, b.one, `SELECT string_agg(f.kind || ' ' || f.status || ' ' || f.private || ' ' || f.title || ' ' || coalesce(f.reporter_id::text, 'nobody') || ' ' || (f.due_at = '2026-06-07 16:00Z'), ', ')
		FROM meal_orders o JOIN feedbacks f ON f.owner = o.owner AND f.id = o.welfare_check_id`, &checks)
	if checks != "HELP_REQUEST RECEIVED true 请当日回访 nobody true" {
		t.Errorf("looked into: %s", checks)
	}
	var seen struct {
		MealOrder struct {
			WelfareCheck struct{ Kind, Title, DueAt string }
		}
	}
	b.must(cook, `query($id: ID!) { mealOrder: node(id: $id) { ... on MealOrder { welfareCheck { kind title dueAt } } } }`, map[string]any{"id": second["id"]}, &seen)
	if w := seen.MealOrder.WelfareCheck; w.Kind != "HELP_REQUEST" || w.DueAt != "2026-06-08T00:00:00+08:00" {
		t.Errorf("%+v", w)
	}
	carries(0)
	if _, err := b.one.Exec(`UPDATE meal_orders SET status = 'OUT_FOR_DELIVERY', closed_at = NULL, failure = NULL, welfare_check_id = NULL WHERE beneficiary_id = md5('old')::uuid;
		UPDATE meal_orders SET status = 'FAILED_DELIVERY', closed_at = now(), failure = 'x' WHERE beneficiary_id = md5('old')::uuid`); err == nil {
		t.Error("nobody looks into it")
	}
}

// What nobody confirmed lapses when the kitchen begins. When the day is over, what nobody came for is missed, what was not
// brought has failed and is looked into, and what was never made ready is given up.
func TestMealsThatTimeEnds(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	cook := b.cook()
	for _, o := range []struct {
		who      string
		delivery bool
		steps    []string
	}{
		{"old", false, nil},
		{"young", false, []string{"confirmMealOrder", "prepareMealOrder", "readyMealOrder"}},
		{"old", true, []string{"confirmMealOrder", "prepareMealOrder", "readyMealOrder"}},
		{"r1", true, []string{"confirmMealOrder", "prepareMealOrder", "readyMealOrder", "sendMealOut"}},
		{"r1", false, []string{"confirmMealOrder"}},
		{"r2", true, []string{"confirmMealOrder", "prepareMealOrder"}},
	} {
		row, code := b.eats(cook, o.who, "dear", fmt.Sprint(o), "delivery", o.delivery)
		for _, step := range o.steps {
			row, code = b.mealStep(cook, step, row)
		}
		if row == nil {
			t.Fatal(code)
		}
		if o.delivery && row["status"] == "READY" {
			if row, code := b.mealStep(cook, "missMealOrder", row); row != nil || code != "INVALID_TRANSITION[]" {
				t.Errorf("missed by whom it was to be brought to: %v %s", row, code)
			}
		}
	}
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{dayBefore, "PLACED READY READY OUT_FOR_DELIVERY CONFIRMED PREPARED"},
		{time.Date(2026, 6, 8, 1, 30, 0, 0, time.UTC), "CANCELLED READY READY OUT_FOR_DELIVERY CONFIRMED PREPARED"},
		{time.Date(2026, 6, 8, 15, 59, 0, 0, time.UTC), "CANCELLED READY READY OUT_FOR_DELIVERY CONFIRMED PREPARED"},
		{time.Date(2026, 6, 8, 16, 0, 0, 0, time.UTC), "CANCELLED NO_SHOW FAILED_DELIVERY FAILED_DELIVERY CANCELLED CANCELLED"},
	} {
		if _, err := b.gateway.Sources.Keep(t.Context(), tc.at); err != nil {
			t.Fatal(err)
		}
		var got string
		scanRow(t, b.one, `SELECT string_agg(status, ' ' ORDER BY placed_at, id) FROM meal_orders`, &got)
		if got != tc.want {
			t.Errorf("at %v: %s, want %s", tc.at, got, tc.want)
		}
	}
	var checks string
	scanRow(t, b.one, `SELECT string_agg((o.beneficiary_id = md5('old')::uuid) || ' ' || f.kind || ' ' || f.status, ', ') FROM meal_orders o JOIN feedbacks f ON f.owner = o.owner AND f.id = o.welfare_check_id`, &checks)
	if checks != "true HELP_REQUEST RECEIVED" {
		t.Errorf("looked into: %s", checks)
	}
	b.violates(t, `UPDATE meal_orders SET status = 'NO_SHOW', failure = NULL WHERE status = 'FAILED_DELIVERY' AND welfare_check_id IS NULL`)
}

// A kitchen's staff fail what nobody took out; it is looked into like any other.
func TestMealsThatNobodyTookOut(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	cook := b.cook()
	for _, delivery := range []bool{true, false} {
		o, code := b.eats(cook, "old", "dear", fmt.Sprint(delivery), "delivery", delivery)
		for _, step := range []string{"confirmMealOrder", "prepareMealOrder", "readyMealOrder"} {
			o, code = b.mealStep(cook, step, o)
		}
		if o == nil {
			t.Fatal(code)
		}
		o, code = b.mealStep(cook, "failMealDelivery", o, "reason", "没有人手")
		if delivery && (o == nil || o["status"] != "FAILED_DELIVERY") || !delivery && code != "INVALID_TRANSITION[]" {
			t.Errorf("delivery %v: %v %s", delivery, o, code)
		}
	}
	var n int
	scanRow(t, b.one, `SELECT count(*) FROM meal_orders WHERE welfare_check_id IS NOT NULL`, &n)
	if n != 1 {
		t.Errorf("%d are looked into", n)
	}
}
