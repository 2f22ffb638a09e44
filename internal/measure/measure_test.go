package measure_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"linhui/internal/measure"
	"linhui/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestPartsFoldToTheWhole: whatever the rows' division into three parts, folded parts give the
// value that all rows give: exactly, or within what the accuracy says where a part is a sketch.
func TestPartsFoldToTheWhole(t *testing.T) {
	t.Parallel()
	db := testkit.Empty(t).Open(t)
	// Part 0 is small enough for exact values and hashes, part 1 too large for values, part 2 for
	// both. x has zero, negative and absent values and a long tail; y repeats.
	if _, err := db.Exec(`CREATE TABLE t AS SELECT CASE WHEN n < 5000 THEN 0 WHEN n < 30000 THEN 1 ELSE 2 END AS part,
		CASE WHEN n % 97 = 0 THEN NULL WHEN n % 89 = 0 THEN 0 WHEN n % 7 = 0 THEN -(n * 7919 % 1000) / 3.0 ELSE exp((n * 104729 % 10007) / 900.0) END AS x,
		n * 31 % 170000 AS y FROM generate_series(1, 200000::bigint) n`); err != nil {
		t.Fatal(err)
	}
	read := func(k measure.Kind, where string) measure.Part {
		t.Helper()
		var grouped, out []string
		for i, c := range k.Columns("t.y % 5 <> 0") {
			name := fmt.Sprint("m", i)
			grouped = append(grouped, strings.ReplaceAll(c.Group, measure.HashKey, "4711")+" AS "+name)
			if c.Out != "" {
				name = strings.ReplaceAll(c.Out, "?", "g."+name)
			}
			out = append(out, name)
		}
		p := k.Part()
		query := "SELECT " + strings.Join(out, ", ") + " FROM (SELECT " + strings.Join(grouped, ", ") + " FROM t WHERE " + where + ") g"
		if err := db.QueryRow(query).Scan(p.Dest()...); err != nil {
			t.Fatalf("%T: %v\n%s", k, err, query)
		}
		return p
	}
	for name, c := range map[string]struct {
		kind  measure.Kind
		arg   float64
		truth string // SQL of the value, "" for what the whole gives
		exact bool
	}{
		"count":     {measure.Count{If: "t.x > 0"}, 0, "count(*) FILTER (WHERE x > 0)", true},
		"sum":       {measure.Sum{Of: "t.x::numeric"}, 0, "sum(x::numeric)", true},
		"known":     {measure.Known{Of: "t.x::numeric"}, 0, "sum(x::numeric)", true},
		"mean":      {measure.Mean("t.y"), 0, "round(avg(y), 6)", true},
		"share":     {measure.Share("t.x > 5", "t.x > 0"), 0, "round(count(*) FILTER (WHERE x > 5)::numeric / count(*) FILTER (WHERE x > 0), 6)", true},
		"deviation": {measure.Deviation{Of: "t.y"}, 0, "round(stddev_pop(y), 6)", true},
		"least":     {measure.Least{Of: "t.y"}, 0, "min(y)", true},
		"most":      {measure.Most{Of: "t.y"}, 0, "max(y)", true},
		"median":    {measure.Percentile{Of: "t.x"}, 0.5, "percentile_disc(0.5) WITHIN GROUP (ORDER BY x)", false},
		"p99":       {measure.Percentile{Of: "t.x"}, 0.99, "percentile_disc(0.99) WITHIN GROUP (ORDER BY x)", false},
		"p03":       {measure.Percentile{Of: "t.x"}, 0.03, "percentile_disc(0.03) WITHIN GROUP (ORDER BY x)", false},
		"different": {measure.Distinct{Of: "t.y"}, 0, "count(DISTINCT y)", false},
	} {
		var want float64
		if err := db.QueryRow("SELECT (" + c.truth + ")::float8 FROM t WHERE y % 5 <> 0").Scan(&want); err != nil {
			t.Fatal(name, err)
		}
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
			all := c.kind.Part()
			for _, part := range order {
				all.Add(read(c.kind, fmt.Sprint("part = ", part)))
			}
			acc := c.kind.Accuracy(all)
			v, ok := all.Value(c.arg)
			got, _ := v.Float64()
			within := 1e-9 + acc.Error
			if !ok || acc.Exact != c.exact || math.Abs(got-want) > within*math.Abs(want) {
				t.Errorf("%s, parts %v: %v %t, within %+v of %v", name, order, got, ok, acc, want)
			}
		}
		// A part that is small enough is exact, and none is what no rows give.
		small := read(c.kind, "part = 0")
		if acc := c.kind.Accuracy(small); !acc.Exact {
			t.Errorf("%s of few rows: %+v", name, acc)
		}
		if err := db.QueryRow("SELECT (" + c.truth + ")::float8 FROM t WHERE y % 5 <> 0 AND part = 0").Scan(&want); err != nil {
			t.Fatal(name, err)
		}
		if v, ok := small.Value(c.arg); !ok || math.Abs(v.InexactFloat64()-want) > 1e-6*math.Abs(want)+1e-6 {
			t.Errorf("%s of few rows: %v, not %v", name, v, want)
		}
		none := read(c.kind, "false")
		v, ok := none.Value(c.arg)
		switch name {
		case "count", "sum", "different":
			if !ok || !v.IsZero() {
				t.Errorf("%s of no rows: %v %t, not zero", name, v, ok)
			}
		default:
			if ok {
				t.Errorf("%s of no rows: %v, not absent", name, v)
			}
		}
	}
}
