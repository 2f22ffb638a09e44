package e2e

import (
	"fmt"
	"testing"
)

// What was put into a place is recorded with how sure it is.
func TestRenovations(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	record := func(token, key string, more ...any) (map[string]any, string) {
		in := map[string]any{"community": "a", "nameZh": "大厅改造" + key, "kind": "FULL", "station": fixedID("Station", "a", "station"), "investment": "80000", "investmentQualifier": "MORE_THAN",
			"functions": []string{"党员教育", "议事协商", "儿童娱乐"}, "before": "闲置", "idempotencyKey": key}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.changing(token, "recordRenovation", "renovation", "investment { amount } investmentQualifier costPerFunction { amount } stations { nameZh renovations { nameZh } }", in)
	}
	r, code := record(b.staff("a"), "1")
	if r == nil || fmt.Sprint(r["costPerFunction"]) != "map[amount:26666.67]" || fmt.Sprint(r["stations"]) != "[map[nameZh:驿站 renovations:[map[nameZh:大厅改造1]]]]" {
		t.Fatalf("%v %s", r, code)
	}
	for name, tc := range map[string]struct {
		token string
		more  []any
		code  string
	}{
		"the same name":         {b.staff("a"), []any{"nameZh", "大厅改造1"}, "CONFLICT[nameZh]"},
		"how sure is not said":  {b.staff("a"), []any{"investmentQualifier", nil}, "BAD_USER_INPUT[investmentQualifier]"},
		"half a fen":            {b.staff("a"), []any{"investment", "0.001"}, "BAD_USER_INPUT[investment]"},
		"nothing":               {b.staff("a"), []any{"investment", "0"}, "BAD_USER_INPUT[investment]"},
		"no such station":       {b.staff("a"), []any{"station", fixedID("Station", "a", "none")}, "NOT_FOUND[station]"},
		"somebody's number":     {b.staff("a"), []any{"after", "问13812345678"}, "BAD_USER_INPUT[after]"},
		"another community":     {b.staff("b"), nil, "FORBIDDEN[]"},
		"a resident":            {b.resident("a", "r1"), nil, "!FORBIDDEN"},
		"before there were any": {b.staff("a"), []any{"year", 1900}, "BAD_USER_INPUT[year]"},
	} {
		if row, code := record(tc.token, name, tc.more...); row != nil || code != tc.code {
			t.Errorf("%s: %v %s, want %s", name, row, code, tc.code)
		}
	}
	var figures struct {
		RenovationAggregate struct {
			Nodes []struct {
				Qualifier, Investment string
			}
		}
	}
	b.must("", `{ renovationAggregate(communities: ["a"], groupBy: [QUALIFIER]) { nodes { qualifier investment } } }`, nil, &figures)
	if got := fmt.Sprint(figures); got != "{{[{MORE_THAN 80000}]}}" {
		t.Errorf("figures: %s", got)
	}
}
