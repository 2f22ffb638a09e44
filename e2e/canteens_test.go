package e2e

import (
	"fmt"
	"testing"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
)

// dayBefore is the morning before the 8th.
var dayBefore = time.Date(2026, 6, 7, 0, 0, 0, 0, time.UTC)

// startCanteen adds to the book a canteen in a and in b, both with the report's subsidy, and residents of a: old is 60 on
// the day of the meal, young is so the day after, old lives alone.
func startCanteen(t *testing.T, now time.Time) *book {
	t.Helper()
	b := startBook(t, func(o *app.Options) { o.Now = func() time.Time { return now } })
	for _, owner := range []string{"a", "b"} {
		db := b.one
		if owner == "b" {
			db = b.two
		}
		execSQL(t, db, fmt.Sprintf(`INSERT INTO canteens (owner, id, name_zh, station_id, price_min, price_max) VALUES ('%[1]s', md5('canteen')::uuid, '食堂', md5('station')::uuid, 12, 16);
			INSERT INTO subsidy_rules (owner, id, canteen_id, min_age, amount, valid) VALUES ('%[1]s', md5('rule')::uuid, md5('canteen')::uuid, 60, 4, '(,)');
			INSERT INTO residents (owner, id, name, birth_date) VALUES ('%[1]s', md5('old')::uuid, '赵六', '1966-06-08'), ('%[1]s', md5('young')::uuid, '孙七', '1966-06-09');
			INSERT INTO resident_tags (owner, resident_id, tag, valid, basis, recorded_by) VALUES ('%[1]s', md5('old')::uuid, 'LIVES_ALONE', '[2026-01-01,)', 'x', 'x');
			INSERT INTO menu_items (owner, id, canteen_id, service_date, slot, name_zh, price, order_until) SELECT '%[1]s', md5(n)::uuid, md5('canteen')::uuid, d::date, s, n, p::numeric, u::timestamptz
				FROM (VALUES ('dear', '2026-06-08', 'LUNCH', 16, '2026-06-08 01:30Z'), ('cheap', '2026-06-08', 'DINNER', 12, '2026-06-08 07:30Z'), ('again', '2026-06-08', 'LUNCH', 14, '2026-06-08 01:30Z'),
					('now', '2026-06-10', 'LUNCH', 3, '2026-06-10 05:00Z'), ('over', '2026-06-10', 'BREAKFAST', 12, '2026-06-09 10:00Z'), ('next', '2026-07-08', 'LUNCH', 12, '2026-07-08 01:30Z')) x(n, d, s, p, u);
			INSERT INTO menu_portions (owner, id, portions) VALUES ('%[1]s', md5('now')::uuid, 1)`, owner))
	}
	return b
}

// meal is what tests read of an order.
const meal = `id version status kind delivery listPrice { amount } subsidy { amount } payable { amount }`

func pays(o map[string]any) string {
	amount := func(field string) any { return o[field].(map[string]any)["amount"] }
	return fmt.Sprint(amount("listPrice"), " - ", amount("subsidy"), " = ", amount("payable"))
}

func (b *book) eats(token, who, dish, key string, more ...any) (map[string]any, string) {
	in := map[string]any{"menuItem": fixedID("MenuItem", "a", dish), "beneficiary": fixedID("Resident", "a", who), "idempotencyKey": key}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return b.changing(token, "placeMealOrder", "order", meal, in)
}

func (b *book) mealStep(token, mutation string, o map[string]any, more ...any) (map[string]any, string) {
	in := map[string]any{"id": o["id"]}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	kind := map[string]string{"sendMealOut": "SendMealOutInput", "failMealDelivery": "FailMealDeliveryInput"}[mutation]
	if kind == "" {
		kind = "StepMealOrderInput"
	}
	return b.changingBy(token, mutation, kind, "order", meal, in)
}

// cook is staff of the kitchen who may see what is looked into.
func (b *book) cook() string {
	return b.as("cook", authz.CommunityStaff, func(c *authn.Claims) { c.Purpose = "送餐" }, "a", "b")
}

// A meal is ordered, its price settled and a portion kept; it is eaten, or called off in time.
func TestMeals(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, noon)
	cook, resident := b.cook(), b.resident("a", "r1")
	o, code := b.eats(b.resident("a", "old"), "old", "now", "1")
	if o == nil || o["status"] != "PLACED" || pays(o) != "3.00 - 3.00 = 0.00" {
		t.Fatalf("a subsidy is not above the price: %v %s", o, code)
	}
	if again, _ := b.eats(b.resident("a", "old"), "old", "now", "1"); again["id"] != o["id"] {
		t.Errorf("the same key: %v", again)
	}
	left := func() string {
		var got struct {
			TodayMenu struct {
				Nodes []struct {
					NameZh             string
					Price, SeniorPrice struct{ Amount string }
					PortionsLeft       *int
				}
			}
		}
		b.must("", `{ todayMenu(communities: ["a"]) { nodes { nameZh price { amount } seniorPrice { amount } portionsLeft } } }`, nil, &got)
		out := ""
		for _, n := range got.TodayMenu.Nodes {
			out += fmt.Sprint(n.NameZh, " ", n.Price.Amount, " ", n.SeniorPrice.Amount)
			if n.PortionsLeft != nil {
				out += fmt.Sprint(" ", *n.PortionsLeft)
			}
			out += ", "
		}
		return out
	}
	if got := left(); got != "over 12.00 8.00, now 3.00 0.00 1, " {
		t.Errorf("before it is confirmed: %s", got)
	}
	if o, code = b.mealStep(cook, "confirmMealOrder", o); o == nil || o["status"] != "CONFIRMED" {
		t.Fatalf("%v %s", o, code)
	}
	if got := left(); got != "over 12.00 8.00, now 3.00 0.00 0, " {
		t.Errorf("afterwards: %s", got)
	}
	other, _ := b.eats(resident, "r1", "now", "2")
	if pays(other) != "3.00 - 0.00 = 3.00" {
		t.Errorf("without a day of birth: %s", pays(other))
	}
	if row, code := b.mealStep(cook, "confirmMealOrder", other); row != nil || code != "CONFLICT[id]" {
		t.Errorf("one portion too many: %v %s", row, code)
	}
	if row, code := b.mealStep(resident, "cancelMealOrder", o); row != nil || code != "NOT_FOUND[id]" {
		t.Errorf("somebody else's order: %v %s", row, code)
	}
	if row, code := b.mealStep(resident, "confirmMealOrder", other); row != nil || code != "!FORBIDDEN" {
		t.Errorf("confirmed by a resident: %v %s", row, code)
	}
	if row, code := b.mealStep(b.resident("a", "old"), "cancelMealOrder", o, "version", 1); row != nil || code != "CONFLICT[version]" {
		t.Errorf("a stale version: %v %s", row, code)
	}
	if row, code := b.mealStep(b.resident("a", "old"), "cancelMealOrder", o, "version", 2); row["status"] != "CANCELLED" {
		t.Errorf("called off: %v %s", row, code)
	}
	if other, code = b.mealStep(cook, "confirmMealOrder", other); other == nil {
		t.Fatalf("the portion is free again: %s", code)
	}
	for _, step := range []string{"prepareMealOrder", "readyMealOrder"} {
		other, _ = b.mealStep(cook, step, other)
	}
	if row, code := b.mealStep(cook, "sendMealOut", other); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("brought to who collects: %v %s", row, code)
	}
	if row, code := b.mealStep(resident, "cancelMealOrder", other); row != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("called off when it is ready: %v %s", row, code)
	}
	if other, _ = b.mealStep(cook, "collectMealOrder", other); other["status"] != "COLLECTED" || other["version"] != 5.0 {
		t.Errorf("%v", other)
	}
	var steps string
	scanRow(t, b.one, `SELECT string_agg(action || ' ' || (detail->>'to'), ', ' ORDER BY id) FROM audit_log WHERE entity_type = 'MealOrder'`, &steps)
	if want := "place PLACED, confirm CONFIRMED, place PLACED, cancel CANCELLED, confirm CONFIRMED, prepare PREPARED, ready READY, collect COLLECTED"; steps != want {
		t.Errorf("logged %s", steps)
	}
	if row, code := b.changing(cook, "withdrawMenuItem", "item", "id", map[string]any{"id": fixedID("MenuItem", "a", "now")}); row == nil || left() != "over 12.00 8.00, " {
		t.Errorf("off the menu: %s, %s", code, left())
	}
}

// The subsidy is for those who are 60 on the day of the meal in Shanghai, once a meal.
func TestMealsAreSubsidised(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, dayBefore)
	cook := b.cook()
	for _, tc := range []struct{ who, dish, want string }{
		{"old", "dear", "16.00 - 4.00 = 12.00"}, {"old", "again", "14.00 - 0.00 = 14.00"}, {"old", "cheap", "12.00 - 4.00 = 8.00"},
		{"young", "dear", "16.00 - 0.00 = 16.00"}, {"r1", "cheap", "12.00 - 0.00 = 12.00"},
	} {
		o, code := b.eats(cook, tc.who, tc.dish, tc.who+tc.dish)
		if o == nil || pays(o) != tc.want {
			t.Errorf("%s, %s: %v %s, want %s", tc.who, tc.dish, o, code, tc.want)
		}
	}
	var quotes struct {
		One, Two, Mine *struct {
			Quote *struct{ Payable struct{ Amount string } }
		}
	}
	quote := func(token string) string {
		b.must(token, `query($dear: ID!, $next: ID!, $old: ID, $young: ID) { one: node(id: $dear) { ... on MenuItem { quote(forResident: $old) { payable { amount } } } }
			two: node(id: $next) { ... on MenuItem { quote(forResident: $young) { payable { amount } } } } }`, map[string]any{"dear": fixedID("MenuItem", "a", "dear"), "next": fixedID("MenuItem", "a", "next"),
			"old": fixedID("Resident", "a", "old"), "young": fixedID("Resident", "a", "young")}, &quotes)
		return quotes.One.Quote.Payable.Amount + " " + quotes.Two.Quote.Payable.Amount
	}
	if got := quote(cook); got != "16.00 8.00" {
		t.Errorf("quoted %s: old has had the subsidy of this lunch, young is 60 in July", got)
	}
	b.must(b.resident("a", "young"), `query($next: ID!, $me: ID) { mine: node(id: $next) { ... on MenuItem { quote(forResident: $me) { payable { amount } } } } }`, map[string]any{"next": fixedID("MenuItem", "a", "next"), "me": fixedID("Resident", "a", "young")}, &quotes)
	if quotes.Mine.Quote == nil || quotes.Mine.Quote.Payable.Amount != "8.00" {
		t.Errorf("one's own: %+v", quotes.Mine.Quote)
	}
	a := b.ask(b.resident("a", "r1"), `query($next: ID!, $old: ID) { node(id: $next) { ... on MenuItem { quote(forResident: $old) { payable { amount } } } } }`, map[string]any{"next": fixedID("MenuItem", "a", "next"), "old": fixedID("Resident", "a", "old")})
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("somebody else's: %s %+v", a.Data, a.Errors)
	}

	// Another rule from July on, and prices that were settled stay.
	boss := b.admin("a")
	set := func(from, amount string, age int) (map[string]any, string) {
		return b.changing(boss, "setSubsidyRule", "rule", "minAge amount { amount } validFrom validTo", map[string]any{"canteen": fixedID("Canteen", "a", "canteen"), "minAge": age, "amount": amount, "from": from, "idempotencyKey": from + amount})
	}
	if row, code := set("2026-07-01", "5", 60); row == nil || fmt.Sprint(row["validFrom"]) != "2026-07-01" {
		t.Fatalf("%v %s", row, code)
	}
	for _, tc := range []struct {
		from, amount string
		age          int
		code         string
	}{{"2026-06-06", "6", 60, "BAD_USER_INPUT[from]"}, {"2026-06-20", "6", 60, "CONFLICT[from]"}, {"2026-08-01", "6", 59, "BAD_USER_INPUT[minAge]"}, {"2026-08-01", "0", 60, "BAD_USER_INPUT[amount]"}} {
		if row, code := set(tc.from, tc.amount, tc.age); row != nil || code != tc.code {
			t.Errorf("%+v: %v %s", tc, row, code)
		}
	}
	var rules struct {
		Canteens struct {
			Nodes []struct {
				SubsidyRules []struct{ ValidFrom, ValidTo *string }
				Now, Then    struct{ From, To struct{ Amount string } }
			}
		}
	}
	b.must("", `{ canteens(communities: ["a"]) { nodes { subsidyRules { validFrom validTo } now: seniorPriceRange { from { amount } to { amount } } then: seniorPriceRange(date: "2026-07-01") { from { amount } to { amount } } } } }`, nil, &rules)
	if n := rules.Canteens.Nodes[0]; fmt.Sprint(n.Now, n.Then) != "{{8.00} {12.00}} {{7.00} {11.00}}" || len(n.SubsidyRules) != 2 {
		t.Errorf("%+v", n)
	}
}

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

func TestMealsAreRefused(t *testing.T) {
	t.Parallel()
	b := startCanteen(t, noon)
	cook := b.cook()
	for _, tc := range []struct{ name, token, who, dish, code string }{
		{"the public", "", "r1", "now", "!UNAUTHENTICATED"},
		{"for somebody else", b.resident("a", "r1"), "r2", "now", "FORBIDDEN[beneficiary]"},
		{"too late", cook, "r1", "over", "CONFLICT[menuItem]"},
		{"no such dish", cook, "r1", "none", "NOT_FOUND[menuItem]"},
		{"nobody", cook, "none", "now", "NOT_FOUND[beneficiary]"},
		{"another community's kitchen", b.token(authz.StationStaff, "b"), "r1", "now", "FORBIDDEN[]"},
	} {
		if row, code := b.eats(tc.token, tc.who, tc.dish, tc.name); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	dish := map[string]any{"canteen": fixedID("Canteen", "a", "canteen"), "serviceDate": "2026-06-11", "slot": "LUNCH", "nameZh": "豆腐", "price": "12.50", "portions": 5, "orderUntil": "2026-06-11T01:00:00Z", "allergens": []string{"大豆"}}
	for _, tc := range []struct {
		name   string
		change map[string]any
		code   string
	}{
		{"a dish", nil, ""},
		{"twice on the menu", nil, "CONFLICT[nameZh]"},
		{"yesterday", map[string]any{"serviceDate": "2026-06-09"}, "BAD_USER_INPUT[serviceDate]"},
		{"ordered the day after", map[string]any{"orderUntil": "2026-06-12T01:00:00Z"}, "BAD_USER_INPUT[orderUntil]"},
		{"ordered before now", map[string]any{"orderUntil": "2026-06-10T01:00:00Z"}, "BAD_USER_INPUT[orderUntil]"},
		{"nothing", map[string]any{"nameZh": "a", "portions": 0}, "BAD_USER_INPUT[portions]"},
		{"half a fen", map[string]any{"price": "1.005"}, "BAD_USER_INPUT[price]"},
		{"below nothing", map[string]any{"price": "-1"}, "BAD_USER_INPUT[price]"},
		{"no such canteen", map[string]any{"canteen": fixedID("Canteen", "a", "none")}, "NOT_FOUND[canteen]"},
		{"somebody's number", map[string]any{"nameZh": "订13812345678"}, "BAD_USER_INPUT[nameZh]"},
		{"in English", map[string]any{"nameEn": "tofu, call 13812345678"}, "BAD_USER_INPUT[nameEn]"},
		{"among allergens", map[string]any{"allergens": []string{"大豆", "13812345678"}}, "BAD_USER_INPUT[allergens]"},
	} {
		in := map[string]any{"idempotencyKey": tc.name}
		for _, m := range []map[string]any{dish, tc.change} {
			for k, v := range m {
				in[k] = v
			}
		}
		if row, code := b.changing(cook, "addMenuItem", "item", "id nameZh price { amount } portions portionsLeft allergens", in); code != tc.code || (row == nil) != (code != "") {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	// The same through SQL.
	const add = `INSERT INTO meal_orders (owner, canteen_id, menu_item_id, service_date, slot, beneficiary_id, kind, status, closed_at, failure, delivery) VALUES ('a', md5('canteen')::uuid, `
	for _, rest := range []string{
		`md5('now')::uuid, '2026-06-11', 'LUNCH', md5('r1')::uuid, 'PAID', 'PLACED', NULL, NULL, false)`,
		`md5('now')::uuid, '2026-06-10', 'DINNER', md5('r1')::uuid, 'PAID', 'PLACED', NULL, NULL, false)`,
		`md5('dear')::uuid, '2026-06-08', 'LUNCH', md5('r1')::uuid, 'FREE_8TH', 'PLACED', NULL, NULL, false)`,
		`md5('now')::uuid, '2026-06-10', 'LUNCH', md5('r1')::uuid, 'PAID', 'CONFIRMED', NULL, NULL, false)`,
		`md5('now')::uuid, '2026-06-10', 'LUNCH', md5('r1')::uuid, 'PAID', 'CANCELLED', NULL, NULL, false)`,
		`md5('now')::uuid, '2026-06-10', 'LUNCH', md5('r1')::uuid, 'PAID', 'UNKNOWN', NULL, NULL, false)`,
	} {
		if _, err := b.one.Exec(add + rest); err == nil {
			t.Errorf("allowed: %s", rest)
		}
	}
	execSQL(t, b.one, add+`md5('now')::uuid, '2026-06-10', 'LUNCH', md5('old')::uuid, 'PAID', 'PLACED', NULL, NULL, false)`)
	for _, statement := range []string{`UPDATE meal_orders SET subsidy = 0`, `UPDATE meal_orders SET list_price = 1`, `UPDATE meal_orders SET kind = 'FREE_8TH'`, `UPDATE menu_portions SET reserved = 2`,
		`UPDATE subsidy_rules SET min_age = 59`, `INSERT INTO subsidy_rules (owner, canteen_id, min_age, amount, valid) VALUES ('a', md5('canteen')::uuid, 70, 1, '[2026-01-01,)')`} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
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
