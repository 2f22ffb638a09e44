package e2e

import (
	"fmt"
	"strings"
	"testing"

	"linhui/internal/authz"
)

// changing runs a mutation whose input type is its name with Input; pick is what is read of the payload's
// row, under the field of. Code is that of the rule it broke with its path, "!CODE" where nothing was answered.
func (b *book) changing(token, mutation, of, pick string, input map[string]any) (row map[string]any, code string) {
	b.t.Helper()
	return b.changingBy(token, mutation, fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:]), of, pick, input)
}

// changingBy is changing for an input that several mutations share.
func (b *book) changingBy(token, mutation, kind, of, pick string, input map[string]any) (row map[string]any, code string) {
	b.t.Helper()
	return steps{b, of, pick}.take(token, mutation, kind, input)
}

// Money comes in and goes out, what was wrong is undone, and the fund is never below zero.
func TestFunds(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	boss := b.admin("a", "c")
	fund, code := b.changing(boss, "openFund", "fund", "id nameZh balance { amount currency }", map[string]any{"community": "a", "nameZh": "社区微基金", "purpose": "社区公益事业", "idempotencyKey": "f"})
	if fund == nil || fmt.Sprint(fund["balance"]) != "map[amount:0.00 currency:CNY]" {
		t.Fatalf("%v %s", fund, code)
	}
	post := func(token, key, amount, source string, more ...any) (map[string]any, string) {
		in := map[string]any{"fund": fund["id"], "amount": amount, "source": source, "idempotencyKey": key}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.changing(token, "postFundEntry", "entry", "id amount { amount } balanceAfter { amount } source purpose postedBy", in)
	}
	in, code := post(boss, "1", "100.50", "PROCEEDS")
	if in == nil || fmt.Sprint(in["balanceAfter"]) != "map[amount:100.50]" || in["postedBy"] != "boss" {
		t.Fatalf("%v %s", in, code)
	}
	if again, _ := post(boss, "1", "100.50", "PROCEEDS"); again["id"] != in["id"] {
		t.Errorf("the same key: %v", again)
	}
	if _, code := post(boss, "1", "100.51", "PROCEEDS"); code != "CONFLICT[idempotencyKey]" {
		t.Errorf("the same key for another amount: %s", code)
	}
	if _, code := post(boss, "2", "-100.51", "PUBLIC_GOOD", "purpose", "图书"); code != "CONFLICT[amount]" {
		t.Errorf("below zero: %s", code)
	}
	spent, code := post(boss, "2", "-60", "PUBLIC_GOOD", "purpose", "图书")
	if spent == nil || fmt.Sprint(spent["balanceAfter"], spent["amount"]) != "map[amount:40.50] map[amount:-60.00]" {
		t.Fatalf("a key is free again when nothing was written: %v %s", spent, code)
	}
	undo := func(token string, entry map[string]any, key string) (map[string]any, string) {
		return b.changing(token, "reverseFundEntry", "entry", "id amount { amount } balanceAfter { amount } source reverses { id reversedBy { id } }", map[string]any{"entry": entry["id"], "reason": "录错", "idempotencyKey": key})
	}
	undone, code := undo(boss, spent, "3")
	if undone == nil || fmt.Sprint(undone["amount"], undone["balanceAfter"], undone["source"]) != "map[amount:60.00] map[amount:100.50]PUBLIC_GOOD" ||
		fmt.Sprint(undone["reverses"]) != fmt.Sprintf("map[id:%s reversedBy:map[id:%s]]", spent["id"], undone["id"]) {
		t.Fatalf("%v %s", undone, code)
	}
	post(boss, "4", "-80", "PUBLIC_GOOD", "purpose", "慰问")
	for _, tc := range []struct {
		name string
		do   func() (map[string]any, string)
		code string
	}{
		{"undone twice", func() (map[string]any, string) { return undo(boss, spent, "5") }, "CONFLICT[entry]"},
		{"a reversal undone", func() (map[string]any, string) { return undo(boss, undone, "5") }, "CONFLICT[entry]"},
		{"what is spent already undone", func() (map[string]any, string) { return undo(boss, in, "5") }, "CONFLICT[amount]"},
		{"nothing undone", func() (map[string]any, string) {
			return undo(boss, map[string]any{"id": fixedID("FundEntry", "a", "none")}, "5")
		}, "NOT_FOUND[entry]"},
		{"nothing", func() (map[string]any, string) { return post(boss, "5", "0.00", "DONATION") }, "BAD_USER_INPUT[amount]"},
		{"half a fen", func() (map[string]any, string) { return post(boss, "5", "1.005", "DONATION") }, "BAD_USER_INPUT[amount]"},
		{"more than there is", func() (map[string]any, string) { return post(boss, "5", "100000000", "DONATION") }, "BAD_USER_INPUT[amount]"},
		{"a donation taken away", func() (map[string]any, string) { return post(boss, "5", "-1", "DONATION", "purpose", "x") }, "BAD_USER_INPUT[amount]"},
		{"spent on nothing", func() (map[string]any, string) { return post(boss, "5", "-1", "PUBLIC_GOOD") }, "BAD_USER_INPUT[purpose]"},
		{"somebody's number", func() (map[string]any, string) {
			return post(boss, "5", "-1", "PUBLIC_GOOD", "purpose", "慰问13812345678")
		}, "BAD_USER_INPUT[purpose]"},
		{"no such programme", func() (map[string]any, string) {
			return post(boss, "5", "1", "PROCEEDS", "programme", fixedID("Programme", "a", "none"))
		}, "NOT_FOUND[programme]"},
		{"no such fund", func() (map[string]any, string) {
			return post(boss, "5", "1", "PROCEEDS", "fund", fixedID("Fund", "a", "none"))
		}, "NOT_FOUND[fund]"},
		{"another community's", func() (map[string]any, string) { return post(b.admin("b"), "5", "1", "PROCEEDS") }, "FORBIDDEN[]"},
		{"staff", func() (map[string]any, string) { return post(b.staff("a"), "5", "1", "PROCEEDS") }, "!FORBIDDEN"},
		{"a fund of the same name", func() (map[string]any, string) {
			return b.changing(boss, "openFund", "fund", "id", map[string]any{"community": "a", "nameZh": "社区微基金", "purpose": "x", "idempotencyKey": "g"})
		}, "CONFLICT[nameZh]"},
	} {
		if row, code := tc.do(); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, row, code, tc.code)
		}
	}
	list := func(token string) string {
		a := b.ask(token, `{ funds(communities: ["a"], first: 5) { nodes { balance { amount } entries(orderBy: {field: AMOUNT, direction: DESC}) { totalCount nodes { amount { amount } } } } } }`, nil)
		return fmt.Sprint(string(a.Data), a.Errors)
	}
	if got := list(b.resident("a", "r1")); got != `{"funds":{"nodes":[{"balance":{"amount":"20.50"},"entries":{"totalCount":4,"nodes":[{"amount":{"amount":"100.50"}},{"amount":{"amount":"60.00"}},{"amount":{"amount":"-60.00"}},{"amount":{"amount":"-80.00"}}]}}]}}[]` {
		t.Errorf("a resident sees %s", got)
	}
	if got := list(b.resident("b", "r1")); !strings.HasPrefix(got, `{"funds":{"nodes":[{"balance":null,"entries":null}]}}[{some communities lie outside your scope`) {
		t.Errorf("a resident of elsewhere sees %s", got)
	}
	var sum struct {
		FundEntryAggregate struct {
			Total struct{ Income, Spending, Balance string }
		}
	}
	b.must(b.token(authz.Analyst, "a"), `{ fundEntryAggregate { total { income spending balance } } }`, nil, &sum)
	if got := fmt.Sprint(sum.FundEntryAggregate.Total); got != "{100.5 80 20.5}" {
		t.Errorf("figures: %s", got)
	}
}

func TestFundsInSQL(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO funds (owner, id, name_zh) VALUES ('a', md5('f')::uuid, '基金'), ('a', md5('g')::uuid, '另一')`)
	const add = `INSERT INTO fund_entries (owner, id, fund_id, amount, source, purpose, reverses_id, posted_by) VALUES ('a', `
	execSQL(t, b.one, add+`md5('e')::uuid, md5('f')::uuid, 10, 'GRANT', NULL, NULL, 'x')`)
	for _, statement := range []string{
		add + `md5('e2')::uuid, md5('f')::uuid, -11, 'OTHER', 'x', NULL, 'x')`,
		add + `md5('e2')::uuid, md5('f')::uuid, -9, 'GRANT', 'x', md5('e')::uuid, 'x')`,
		add + `md5('e2')::uuid, md5('g')::uuid, -10, 'GRANT', 'x', md5('e')::uuid, 'x')`,
		`UPDATE fund_entries SET amount = 5`, `DELETE FROM fund_entries`, `UPDATE funds SET balance = 7`,
		`INSERT INTO funds (owner, name_zh, balance) VALUES ('a', '第三', 1)`,
	} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}
