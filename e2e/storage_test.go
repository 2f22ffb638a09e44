package e2e

import (
	"fmt"
	"testing"
	"time"

	"linhui/internal/authz"
)

type stored struct {
	ID, Status  string
	Version     int
	Locked      bool
	CollectedAt *string
	HandedTo    *string
}

// storing runs a mutation of stored items; code is that of the rule it broke, "" for none.
func (b *book) storing(token, mutation string, input map[string]any) (item *stored, claim, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %c%sInput!) { out: %s(input: $in) { claimCode item { id status version locked collectedAt handedTo }
		userErrors { code message path } } }`, mutation[0]-32, mutation[1:], mutation), map[string]any{"in": input})
	var data struct {
		Out *struct {
			ClaimCode  string
			Item       *stored
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, "", fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		code = fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.Item, data.Out.ClaimCode, code
}

// A bag is left, and goes out to its code, or after five wrong codes to who proves to be its
// owner, or once its time has passed to the police.
func TestStorage(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	desk := b.token(authz.StationStaff, "a")
	leave := func(shelf string, more ...any) (*stored, string, string) {
		in := map[string]any{"station": fixedID("Station", "a", "station"), "shelf": shelf, "description": "双肩包", "idempotencyKey": shelf}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.storing(desk, "depositItem", in)
	}
	collect := func(i *stored, claim string) (*stored, string) {
		got, _, code := b.storing(desk, "collectItem", map[string]any{"id": i.ID, "claimCode": claim})
		return got, code
	}
	bag, claim, code := leave("1")
	if bag == nil || code != "" || len(claim) != 10 || bag.Status != "DEPOSITED" {
		t.Fatalf("%+v %q %s", bag, claim, code)
	}
	if again, claim, _ := leave("1"); again == nil || again.ID != bag.ID || claim != "" {
		t.Errorf("the same key: %+v, the code is shown again: %q", again, claim)
	}
	if _, _, code := leave("1", "idempotencyKey", "another"); code != "CONFLICT[shelf]" {
		t.Errorf("two things on a shelf: %s", code)
	}
	if got, code := collect(bag, "WRONG"); got == nil || code != "FORBIDDEN[claimCode]" || got.Status != "DEPOSITED" || got.Version != 2 {
		t.Errorf("a wrong code: %+v %s", got, code)
	}
	if got, code := collect(bag, " "+claim); code != "" || got.Status != "COLLECTED" || got.CollectedAt == nil {
		t.Errorf("the right code: %+v %s", got, code)
	}
	if _, code := collect(bag, claim); code != "INVALID_TRANSITION[]" {
		t.Errorf("collected twice: %s", code)
	}

	bag, claim, _ = leave("2")
	for range 5 {
		collect(bag, "WRONG")
	}
	if got, code := collect(bag, claim); got != nil || code != "INVALID_TRANSITION[claimCode]" {
		t.Errorf("the right code after five wrong ones: %+v %s", got, code)
	}
	if got, _, code := b.storing(desk, "releaseItem", map[string]any{"id": bag.ID, "note": "核对身份"}); code != "" || got.Status != "COLLECTED" || !got.Locked {
		t.Errorf("released: %+v %s", got, code)
	}

	bag, _, _ = leave("3")
	late, _, _ := leave("4")
	hand := func(i *stored) (*stored, string) {
		got, _, code := b.storing(desk, "handOverItem", map[string]any{"id": i.ID, "to": "派出所"})
		return got, code
	}
	if _, code := hand(bag); code != "INVALID_TRANSITION[]" {
		t.Errorf("handed over before its time: %s", code)
	}
	execSQL(t, b.one, `UPDATE stored_items SET deposited_at = $1, collect_by = $1 WHERE shelf = '4'`, noon.Add(-time.Hour))
	list := func(token, filter string) string {
		var got struct {
			StoredItems struct {
				TotalCount int
				Nodes      []struct{ Shelf, Status string }
			}
		}
		b.must(token, `{ storedItems(`+filter+`) { totalCount nodes { shelf status } } }`, nil, &got)
		return fmt.Sprint(got.StoredItems)
	}
	if got := list(desk, `filter: {status: [UNCLAIMED]}`); got != "{1 [{4 UNCLAIMED}]}" {
		t.Error(got)
	}
	if got := list(desk, `filter: {status: [DEPOSITED]}`); got != "{1 [{3 DEPOSITED}]}" {
		t.Error(got)
	}
	if got := list(b.token(authz.StationStaff, "b"), `first: 5`); got != "{0 []}" {
		t.Errorf("another community sees %s", got)
	}
	if got, code := hand(late); code != "" || got.Status != "HANDED_OVER" || *got.HandedTo != "派出所" {
		t.Errorf("handed over: %+v %s", got, code)
	}
	if got, _, code := b.storing(desk, "refuseItem", map[string]any{"station": fixedID("Station", "a", "station"), "reason": "易燃", "idempotencyKey": "r"}); code != "" || got.Status != "REFUSED" {
		t.Errorf("refused: %+v %s", got, code)
	}
	var steps string
	scanRow(t, b.one, `SELECT string_agg(action || ' ' || n, ', ' ORDER BY action) FROM (SELECT action, count(*) AS n FROM audit_log WHERE entity_type = 'StoredItem' GROUP BY action) x`, &steps)
	if want := "collect 1, deposit 4, handOver 1, refuse 1, release 1, tryCode 6"; steps != want {
		t.Errorf("logged %s, not %s", steps, want)
	}
}

func TestStorageIsRefused(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	for _, tc := range []struct {
		name, token string
		change      map[string]any
		code        string
	}{
		{"the public", "", nil, "!UNAUTHENTICATED"},
		{"a resident", b.resident("a", "r1"), nil, "!FORBIDDEN"},
		{"another community's desk", b.token(authz.StationStaff, "b"), nil, "FORBIDDEN[]"},
		{"no such station", b.token(authz.StationStaff, "a"), map[string]any{"station": fixedID("Station", "a", "none")}, "NOT_FOUND[station]"},
		{"no shelf", b.token(authz.StationStaff, "a"), map[string]any{"shelf": " "}, "BAD_USER_INPUT[shelf]"},
		{"collected yesterday", b.token(authz.StationStaff, "a"), map[string]any{"collectBy": noon.Add(-time.Hour)}, "BAD_USER_INPUT[collectBy]"},
	} {
		in := map[string]any{"station": fixedID("Station", "a", "station"), "shelf": "1", "idempotencyKey": tc.name}
		for k, v := range tc.change {
			in[k] = v
		}
		if item, claim, code := b.storing(tc.token, "depositItem", in); item != nil || claim != "" || code != tc.code {
			t.Errorf("%s: %+v %q %s, want %s", tc.name, item, claim, code, tc.code)
		}
	}
	// The same through SQL.
	const add = `INSERT INTO stored_items (owner, station_id, shelf, claim_code_hash, deposited_at, collect_by, status, collected_at, wrong_codes) VALUES ('a', md5('station')::uuid, `
	for _, rest := range []string{`NULL, 'x', now(), now(), 'DEPOSITED', NULL, 0)`, `'1', NULL, now(), now(), 'DEPOSITED', NULL, 0)`, `'1', 'x', now(), now(), 'UNCLAIMED', NULL, 0)`,
		`'1', 'x', now(), now(), 'COLLECTED', NULL, 0)`, `'1', 'x', now(), now(), 'REFUSED', NULL, 0)`, `'1', 'x', now(), now(), 'DEPOSITED', NULL, 6)`,
		`'1', 'x', now(), now() - interval '1 second', 'DEPOSITED', NULL, 0)`} {
		if _, err := b.one.Exec(add + rest); err == nil {
			t.Errorf("allowed: %s", rest)
		}
	}
}
