package e2e

import (
	"fmt"
	"sync"
	"testing"

	"linhui/internal/authz"
)

type loan struct {
	ID, Status, DueAt  string
	Version            int
	ReturnedAt, LostAt *string
	Item               *struct {
		AssetTag  string
		Available bool
	}
	Borrower *struct{ MaskedName string }
}

// startLending adds to the book of a and c in source one and b in source two: the umbrellas u1 to u4,
// the old one, which is retired, and 64 further residents of a.
func startLending(t *testing.T) *book {
	t.Helper()
	b := startBook(t)
	for _, owner := range []string{"a", "c", "b"} {
		db := b.one
		if owner == "b" {
			db = b.two
		}
		execSQL(t, db, fmt.Sprintf(`INSERT INTO lendable_items (owner, id, asset_tag, name_zh, kind, station_id, loan_days, retired_at)
			SELECT '%s', md5(n)::uuid, n, CASE n WHEN 'u4' THEN '雨衣' ELSE '雨伞' END, CASE n WHEN 'u4' THEN 'RAINCOAT' ELSE 'UMBRELLA' END,
				md5('station')::uuid, 3, CASE n WHEN 'old' THEN now() END FROM unnest(ARRAY['u1', 'u2', 'u3', 'u4', 'old']) n`, owner))
	}
	execSQL(t, b.one, `INSERT INTO residents (owner, id, name) SELECT 'a', md5('n' || n)::uuid, '赵六' FROM generate_series(1, 64) n`)
	return b
}

// lending runs a mutation of loans; code is that of the rule it broke, "" for none.
func (b *book) lending(token, mutation, kind string, input map[string]any) (l *loan, broken userError, a answer) {
	b.t.Helper()
	a = b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { loan { id status version dueAt returnedAt lostAt
		item { assetTag available } borrower { maskedName } } userErrors { code message path currentVersion allowed } } }`, kind, mutation), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Loan       *loan
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, userError{Code: fmt.Sprint("!", a.Errors[0].Extensions["code"])}, a
	case len(data.Out.UserErrors) > 0:
		return nil, data.Out.UserErrors[0], a
	}
	return data.Out.Loan, userError{}, a
}

func (b *book) borrow(token, item, borrower, key string) (*loan, userError) {
	b.t.Helper()
	l, broken, _ := b.lending(token, "borrowItem", "BorrowItemInput", map[string]any{"item": fixedID("LendableItem", "a", item), "borrower": fixedID("Resident", "a", borrower), "idempotencyKey": key})
	return l, broken
}

// A thing goes out and comes back, whole or damaged, or is lost and then found or given up.
func TestLending(t *testing.T) {
	t.Parallel()
	b := startLending(t)
	desk := b.token(authz.StationStaff, "a", "c")
	step := func(token, mutation string, l *loan, version int, more ...any) (*loan, userError) {
		t.Helper()
		in, kind := map[string]any{"id": l.ID, "version": version}, "StepLoanInput"
		if mutation == "returnItem" {
			kind, in["damaged"] = "ReturnItemInput", len(more) > 0
		}
		got, broken, _ := b.lending(token, mutation, kind, in)
		return got, broken
	}
	l, broken := b.borrow(desk, "u1", "r1", "1")
	if l == nil || l.Status != "ACTIVE" || l.DueAt != "2026-06-14T00:00:00+08:00" || l.Item.Available || l.Borrower.MaskedName != "李*" {
		t.Fatalf("%+v %+v", l, broken)
	}
	if again, _ := b.borrow(desk, "u1", "r1", "1"); again == nil || again.ID != l.ID {
		t.Errorf("the same key: %+v", again)
	}
	if _, broken := step(desk, "writeOffLoan", l, 1); broken.Code != "!FORBIDDEN" {
		t.Errorf("written off at the desk: %+v", broken)
	}
	if _, broken := step(b.staff("a"), "writeOffLoan", l, 1); broken.Code != "INVALID_TRANSITION" || fmt.Sprint(broken.Allowed) != "[return returnDamaged reportLost]" {
		t.Errorf("written off before it was lost: %+v", broken)
	}
	if _, broken := step(desk, "returnItem", l, 7); broken.Code != "CONFLICT" || *broken.CurrentVersion != 1 {
		t.Errorf("a stale version: %+v", broken)
	}
	lost, _ := step(desk, "reportLost", l, 1)
	if lost == nil || lost.Status != "LOST" || lost.LostAt == nil || lost.Item.Available {
		t.Fatalf("%+v", lost)
	}
	if _, broken := b.borrow(desk, "u1", "r2", "2"); broken.Code != "CONFLICT" {
		t.Errorf("lent while lost: %+v", broken)
	}
	found, _ := step(desk, "returnItem", l, 2, "damaged")
	if found == nil || found.Status != "RETURNED_DAMAGED" || found.LostAt != nil || found.ReturnedAt == nil || !found.Item.Available {
		t.Fatalf("%+v", found)
	}
	if _, broken := step(desk, "returnItem", l, 3); broken.Code != "INVALID_TRANSITION" || len(broken.Allowed) > 0 {
		t.Errorf("returned twice: %+v", broken)
	}
	l, _ = b.borrow(desk, "u1", "r2", "3")
	step(desk, "reportLost", l, 1)
	if gone, _ := step(b.staff("a"), "writeOffLoan", l, 2); gone == nil || gone.Status != "WRITTEN_OFF" || gone.Item.Available {
		t.Errorf("%+v", gone)
	}
	if _, broken := b.borrow(desk, "u1", "r2", "4"); broken.Code != "CONFLICT" {
		t.Errorf("lent when given up: %+v", broken)
	}
	var steps, events string
	scanRow(t, b.one, `SELECT string_agg(action || ' ' || (detail->>'to'), ', ' ORDER BY id) FROM audit_log WHERE entity_type = 'Loan'`, &steps)
	scanRow(t, b.one, `SELECT string_agg((payload->>'action') || ' ' || (payload->>'status'), ', ' ORDER BY id) FROM outbox_events WHERE topic = 'loan'`, &events)
	if want := "borrow ACTIVE, reportLost LOST, returnDamaged RETURNED_DAMAGED, borrow ACTIVE, reportLost LOST, writeOff WRITTEN_OFF"; steps != want || events != want {
		t.Errorf("logged %s\nsent %s", steps, events)
	}
}

func TestLendingIsRefused(t *testing.T) {
	t.Parallel()
	b := startLending(t)
	desk := b.token(authz.StationStaff, "a", "c")
	execSQL(t, b.one, `INSERT INTO loans (owner, item_id, borrower_id, lent_at, due_at) VALUES
		('a', md5('u1')::uuid, md5('r1')::uuid, '2026-05-01Z', '2026-05-11 04:00Z'), ('a', md5('u2')::uuid, md5('r2')::uuid, '2026-05-01Z', '2026-05-11 03:59Z')`)
	if l, broken := b.borrow(desk, "u3", "r1", "30 days late to the minute"); l == nil {
		t.Errorf("%+v", broken)
	}
	for _, tc := range []struct{ name, token, item, borrower, code, path string }{
		{"out", desk, "u1", "n1", "CONFLICT", "item"},
		{"retired", desk, "old", "n1", "CONFLICT", "item"},
		{"nothing", desk, "none", "n1", "NOT_FOUND", "item"},
		{"nobody", desk, "u4", "none", "NOT_FOUND", "borrower"},
		{"late for too long", desk, "u4", "r2", "CONFLICT", "borrower"},
		{"another community's desk", b.token(authz.StationStaff, "b"), "u4", "n1", "FORBIDDEN", ""},
		{"a resident", b.resident("a", "r1"), "u4", "r1", "!FORBIDDEN", ""},
		{"no key", desk, "u4", "n1", "BAD_USER_INPUT", "idempotencyKey"},
	} {
		before, key := b.footprint(), tc.name
		if key == "no key" {
			key = ""
		}
		l, broken := b.borrow(tc.token, tc.item, tc.borrower, key)
		if l != nil || broken.Code != tc.code || tc.path != "" && fmt.Sprint(broken.Path) != "["+tc.path+"]" {
			t.Errorf("%s: %+v %+v", tc.name, l, broken)
		}
		if after := b.footprint(); after != before {
			t.Errorf("%s left %s, was %s", tc.name, after, before)
		}
	}
	other := map[string]any{"item": fixedID("LendableItem", "a", "u4"), "borrower": fixedID("Resident", "c", "r1"), "idempotencyKey": "x"}
	if l, broken, _ := b.lending(desk, "borrowItem", "BorrowItemInput", other); l != nil || broken.Code != "BAD_USER_INPUT" {
		t.Errorf("a resident of another community: %+v %+v", l, broken)
	}
	// The same through SQL.
	for _, query := range []string{`INSERT INTO loans (owner, item_id, borrower_id, due_at) VALUES ('a', md5('u1')::uuid, md5('n1')::uuid, now() + interval '1 day')`,
		`UPDATE loans SET status = 'RETURNED'`, `UPDATE loans SET status = 'OVERDUE'`, `UPDATE loans SET lost_at = now()`, `UPDATE loans SET due_at = lent_at`,
		`UPDATE loans SET status = 'RETURNED', returned_at = lent_at - interval '1 second'`,
		`INSERT INTO lendable_items (owner, asset_tag, name_zh, kind, station_id) VALUES ('a', 'u1', '伞', 'UMBRELLA', md5('station')::uuid)`} {
		if _, err := b.one.Exec(query); err == nil {
			t.Errorf("allowed: %s", query)
		}
	}
}

// Of 64 who borrow one thing at once one gets it, and one who borrows 4 things at once gets 3.
func TestLendingUnderRace(t *testing.T) {
	t.Parallel()
	b := startLending(t)
	desk := b.token(authz.StationStaff, "a")
	race := func(n int, borrow func(i int) (*loan, userError)) (won int) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				l, broken := borrow(i + 1)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case l != nil:
					won++
				case broken.Code != "CONFLICT":
					t.Errorf("%+v", broken)
				}
			})
		}
		wg.Wait()
		return won
	}
	if won := race(64, func(i int) (*loan, userError) { return b.borrow(desk, "u1", fmt.Sprint("n", i), fmt.Sprint(i)) }); won != 1 {
		t.Errorf("%d got one umbrella", won)
	}
	execSQL(t, b.one, `DELETE FROM loans`)
	if won := race(4, func(i int) (*loan, userError) { return b.borrow(desk, fmt.Sprint("u", i), "r1", fmt.Sprint("all", i)) }); won != 3 {
		t.Errorf("one has %d things", won)
	}
}

// Everybody sees what is to be had, in both sources; who has the rest, only staff and they themselves.
func TestLendingIsRead(t *testing.T) {
	t.Parallel()
	b := startLending(t)
	execSQL(t, b.one, `INSERT INTO loans (owner, id, item_id, borrower_id, lent_at, due_at, status, returned_at) VALUES
		('a', md5('l1')::uuid, md5('u1')::uuid, md5('r1')::uuid, '2026-06-01Z', '2026-06-11Z', 'ACTIVE', NULL), ('a', md5('l2')::uuid, md5('u2')::uuid, md5('r2')::uuid, '2026-06-02Z', '2026-06-03Z', 'ACTIVE', NULL),
		('c', md5('l3')::uuid, md5('u1')::uuid, md5('r1')::uuid, '2026-06-03Z', '2026-06-04Z', 'RETURNED', '2026-06-03Z')`)
	execSQL(t, b.two, `INSERT INTO loans (owner, item_id, borrower_id, lent_at, due_at) VALUES ('b', md5('u3')::uuid, md5('r1')::uuid, '2026-06-01Z', '2026-06-11Z')`)
	for _, tc := range []struct{ token, list, want string }{
		{"", `lendableItems(filter: {available: false}, orderBy: {field: ASSET_TAG}) { totalCount nodes { assetTag available } }`, "{3 [{u1 false } {u2 false } {u3 false }]}"},
		{"", `lendableItems(filter: {available: true, kinds: [UMBRELLA]}) { totalCount }`, "{6 []}"},
		{"", `lendableItems(communities: ["b"], filter: {nameContains: "衣"}) { totalCount nodes { assetTag available } }`, "{1 [{u4 true }]}"},
		{"", fmt.Sprintf(`lendableItems(filter: {station: %q}, orderBy: {field: ASSET_TAG, direction: DESC}, first: 1) { totalCount nodes { assetTag available } }`, fixedID("Station", "c", "station")), "{4 [{u4 true }]}"},
		{b.token(authz.StationStaff, "a"), `lendableItems { totalCount }`, "{13 []}"}, // with the retired one of a
		{b.token(authz.StationStaff), `loans { totalCount nodes { status } }`, "{4 [{ false RETURNED} { false OVERDUE} { false ACTIVE} { false ACTIVE}]}"},
		{b.token(authz.StationStaff, "a"), `loans(filter: {status: [OVERDUE]}) { totalCount nodes { status } }`, "{1 [{ false OVERDUE}]}"},
		{b.token(authz.StationStaff, "a"), `loans(filter: {status: [ACTIVE]}) { totalCount }`, "{1 []}"},
		{b.token(authz.StationStaff, "a", "c"), `loans(filter: {range: {from: "2026-06-02", to: "2026-06-03"}}, orderBy: {field: DUE_AT}) { totalCount nodes { status } }`, "{2 [{ false OVERDUE} { false RETURNED}]}"},
		{b.resident("a", "r2"), `loans { totalCount nodes { status } }`, "{1 [{ false OVERDUE}]}"},
	} {
		var got struct {
			Out struct {
				TotalCount int
				Nodes      []struct {
					AssetTag  string
					Available bool
					Status    string
				}
			}
		}
		b.must(tc.token, "{ out: "+tc.list+" }", nil, &got)
		if s := fmt.Sprint(got.Out); s != tc.want {
			t.Errorf("%s: %s, not %s", tc.list, s, tc.want)
		}
	}
	for query, code := range map[string]string{
		`{ loans { totalCount } }`: "UNAUTHENTICATED",
		fmt.Sprintf(`{ node(id: %q) { ... on Loan { status } } }`, fixedID("Loan", "a", "l1")):                    "UNAUTHENTICATED",
		fmt.Sprintf(`{ node(id: %q) { ... on LendableItem { loanDays } } }`, fixedID("LendableItem", "a", "old")): "NOT_FOUND",
	} {
		if a := b.ask("", query, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != code {
			t.Errorf("%s: %+v %s", query, a.Errors, a.Data)
		}
	}
	all := b.token(authz.StationStaff)
	for query, want := range map[string]int{
		`{ stations { nodes { lendableItems { nodes { assetTag available } } } } }`:                                                  2,
		`{ lendableItems { nodes { available station { nameZh } loans { totalCount nodes { status borrower { maskedName } } } } } }`: 5,
		`{ residents(communities: ["b", "c"]) { nodes { loans { nodes { item { assetTag } } } } } }`:                                 3,
	} {
		if n := b.statements(all, query); n["one"] != want || n["two"] != want {
			t.Errorf("%s: %v statements, not %d", query, n, want)
		}
	}
}
