package e2e

import (
	"fmt"
	"sync"
	"testing"

	"linhui/internal/authz"
)

type supplied struct {
	ID, Status string
	Quantity   int
	Version    int
	Offering   *struct{ Stock *int }
}

// startSupplies adds to the book's communities a box of 10 heat packs, one that nobody counts, and a chair.
func startSupplies(t *testing.T) *book {
	t.Helper()
	b := startBook(t)
	for _, owner := range []string{"a", "c", "b"} {
		db := b.one
		if owner == "b" {
			db = b.two
		}
		execSQL(t, db, fmt.Sprintf(`INSERT INTO offerings (owner, id, station_id, name_zh, kind, consumable, stock) VALUES
			('%[1]s', md5('packs')::uuid, md5('station')::uuid, '暖宝', 'HEAT_PACK', true, 10),
			('%[1]s', md5('masks')::uuid, md5('station')::uuid, '口罩', 'MASK', true, NULL),
			('%[1]s', md5('chair')::uuid, md5('station')::uuid, '座椅', 'SEATING', false, NULL)`, owner))
	}
	return b
}

// supplying runs a mutation of supplies; code is that of the rule it broke with its path, "" for none.
func (b *book) supplying(token, mutation string, input map[string]any) (s *supplied, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %c%sInput!) { out: %s(input: $in) { supplyIssue { id status quantity version offering { stock } }
		userErrors { code path } } }`, mutation[0]-32, mutation[1:], mutation), map[string]any{"in": input})
	var data struct {
		Out *struct {
			SupplyIssue *supplied
			UserErrors  []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		code = fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.SupplyIssue, code
}

func packs(offering string, quantity int, key string, more ...any) map[string]any {
	in := map[string]any{"offering": fixedID("Offering", "a", offering), "quantity": quantity, "idempotencyKey": key}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

// Packs go out until none are left, and those of a wrong record come back.
func TestSupplies(t *testing.T) {
	t.Parallel()
	b := startSupplies(t)
	desk := b.token(authz.StationStaff, "a", "c")
	first, code := b.supplying(desk, "issueSupply", packs("packs", 4, "1", "audience", "ON_DUTY_STAFF"))
	if first == nil || code != "" || *first.Offering.Stock != 6 {
		t.Fatalf("%+v %s", first, code)
	}
	if again, _ := b.supplying(desk, "issueSupply", packs("packs", 4, "1", "audience", "ON_DUTY_STAFF")); again == nil || again.ID != first.ID || *again.Offering.Stock != 6 {
		t.Errorf("the same key: %+v", again)
	}
	if s, code := b.supplying(desk, "issueSupply", packs("packs", 7, "2")); s != nil || code != "CONFLICT[quantity]" {
		t.Errorf("more than there are: %+v %s", s, code)
	}
	if s, code := b.supplying(desk, "issueSupply", packs("masks", 50, "3")); code != "" || s.Offering.Stock != nil {
		t.Errorf("of what nobody counts: %+v %s", s, code)
	}
	if s, code := b.supplying(desk, "cancelSupplyIssue", map[string]any{"id": first.ID, "reason": "记错", "version": 9}); s != nil || code != "CONFLICT[version]" {
		t.Errorf("a stale version: %+v %s", s, code)
	}
	if s, code := b.supplying(desk, "cancelSupplyIssue", map[string]any{"id": first.ID, "reason": "记错", "version": 1}); code != "" || s.Status != "CANCELLED" || *s.Offering.Stock != 10 {
		t.Errorf("cancelled: %+v %s", s, code)
	}
	if s, code := b.supplying(desk, "cancelSupplyIssue", map[string]any{"id": first.ID, "reason": "记错"}); s != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("cancelled twice: %+v %s", s, code)
	}
	// Twenty desks want one pack each of the ten.
	var given sync.Map
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			if s, _ := b.supplying(desk, "issueSupply", packs("packs", 1, fmt.Sprint("race", i))); s != nil {
				given.Store(i, true)
			}
		})
	}
	wait.Wait()
	n := 0
	given.Range(func(any, any) bool { n++; return true })
	var stock int
	scanRow(t, b.one, `SELECT stock FROM offerings WHERE owner = 'a' AND id = md5('packs')::uuid`, &stock)
	if n != 10 || stock != 0 {
		t.Errorf("%d of 10 packs were given, %d are left", n, stock)
	}
	const recount = `mutation($in: CountSupplyInput!) { countSupply(input: $in) { offering { stock version available } userErrors { code path } } }`
	box := map[string]any{"id": fixedID("Offering", "a", "packs"), "stock": 40, "version": 1}
	sameJSON(t, b.ask(desk, recount, map[string]any{"in": box}).Data, `{"countSupply":{"offering":{"stock":40,"version":2,"available":true},"userErrors":[]}}`)
	sameJSON(t, b.ask(desk, recount, map[string]any{"in": box}).Data, `{"countSupply":{"offering":null,"userErrors":[{"code":"CONFLICT","path":["version"]}]}}`)
	box["id"], box["version"] = fixedID("Offering", "a", "chair"), 1
	sameJSON(t, b.ask(desk, recount, map[string]any{"in": box}).Data, `{"countSupply":{"offering":null,"userErrors":[{"code":"BAD_USER_INPUT","path":["id"]}]}}`)

	var got struct{ Kept, All struct{ TotalCount int } }
	b.must(desk, `{ kept: supplyIssues(filter: {kinds: [HEAT_PACK], station: "`+fixedID("Station", "a", "station")+`"}) { totalCount } all: supplyIssues(filter: {status: [ISSUED, CANCELLED]}) { totalCount } }`, nil, &got)
	if got.Kept.TotalCount != 10 || got.All.TotalCount != 12 {
		t.Errorf("%+v", got)
	}
	sameJSON(t, b.ask(b.token(authz.Analyst, "a"), `{ supplyIssueAggregate(groupBy: [KIND]) { total { itemsGiven } nodes { kind itemsGiven issues } } }`, nil).Data,
		`{"supplyIssueAggregate":{"total":{"itemsGiven":"60"},"nodes":[{"kind":"HEAT_PACK","itemsGiven":"10","issues":10},{"kind":"MASK","itemsGiven":"50","issues":1}]}}`)
}

func TestSuppliesAreRefused(t *testing.T) {
	t.Parallel()
	b := startSupplies(t)
	desk := b.token(authz.StationStaff, "a")
	for _, tc := range []struct {
		name, token string
		in          map[string]any
		code        string
	}{
		{"the public", "", packs("packs", 1, "k"), "!UNAUTHENTICATED"},
		{"a resident", b.resident("a", "r1"), packs("packs", 1, "k"), "!FORBIDDEN"},
		{"another community's desk", b.token(authz.StationStaff, "b"), packs("packs", 1, "k"), "FORBIDDEN[]"},
		{"nothing", desk, packs("packs", 0, "k"), "BAD_USER_INPUT[quantity]"},
		{"less than nothing", desk, packs("packs", -1, "k"), "BAD_USER_INPUT[quantity]"},
		{"no such offering", desk, packs("none", 1, "k"), "NOT_FOUND[offering]"},
		{"no consumable", desk, packs("chair", 1, "k"), "BAD_USER_INPUT[offering]"},
		{"tomorrow", desk, packs("packs", 1, "k", "givenOn", "2026-06-12"), "BAD_USER_INPUT[givenOn]"},
		{"no key", desk, packs("packs", 1, ""), "BAD_USER_INPUT[idempotencyKey]"},
	} {
		if s, code := b.supplying(tc.token, "issueSupply", tc.in); s != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", tc.name, s, code, tc.code)
		}
	}
	// The same through SQL.
	execSQL(t, b.one, `INSERT INTO supply_issues (owner, id, offering_id, given_on, quantity) VALUES ('a', md5('s')::uuid, md5('packs')::uuid, '2026-06-01', 2)`)
	for _, statement := range []string{
		`INSERT INTO supply_issues (owner, offering_id, given_on, quantity) VALUES ('a', md5('packs')::uuid, '2026-06-01', 9)`,
		`INSERT INTO supply_issues (owner, offering_id, given_on, quantity) VALUES ('a', md5('packs')::uuid, '2026-06-01', 0)`,
		`INSERT INTO supply_issues (owner, offering_id, given_on, quantity, status) VALUES ('a', md5('packs')::uuid, '2026-06-01', 1, 'CANCELLED')`,
		`UPDATE supply_issues SET quantity = 1`, `UPDATE supply_issues SET status = 'CANCELLED'`,
	} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}
