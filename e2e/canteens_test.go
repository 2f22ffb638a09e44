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
