package store

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/measure"
	"linhui/schema/scalar"
)

// Rollup declares totals that the database keeps of a cube's rows, in the transaction of each
// write (linhui_roll_up in store/migrations). A query that they can answer is answered from
// them; it need not know. What a rollup can answer is decided on the text of the statement:
// every column that it reads must be one that the totals are kept by.
type Rollup struct {
	// Grain is DAY or MONTH: how finely the cube's time is kept.
	Grain scalar.Enum
	// Keys are the columns of the table that totals are kept by, beside the owner.
	Keys []string
	// Measures are kept. Counts, sums, shares, means and deviations can be; quantiles, extremes
	// and distinct counts cannot, nor what depends on the instant of the request.
	Measures []string
	// Rows is the condition on rows that count, "" for all; it answers queries that state it.
	Rows string

	public bool           // anyone may read the totals, as the columns that they are made of
	time   string         // the cube's
	day    *regexp.Regexp // what SQL says of the time that the kept day says as well, as dayIs
	dayIs  string
	sums   []string // the aggregates: rollup_m1, rollup_m2 … of the table
	table  string
}

// relation is what a statement of a cube reads rows from, as t: the table, or totals of it.
type relation struct {
	from   string
	time   string // the time's expression, "" for none
	daily  bool   // a day and no instant
	rollup *Rollup
	areas  bool // totals of areas, which know no owner
}

func (c *Cube) rows() relation {
	r := relation{from: c.Of.described().Table}
	if c.time != nil {
		r.time, r.daily = c.time.expr, c.daily()
	}
	return r
}

const rowsCounted = "count(*)"

// declare completes a rollup of the cube.
func (r *Rollup) declare(c *Cube) {
	for _, name := range r.Measures {
		m := c.MeasureAt(name)
		if m == nil {
			panic("store: rollup of " + c.Of.TypeName() + ": no measure " + name)
		}
		if !rollable(m.Kind) {
			panic("store: rollup of " + c.Of.TypeName() + ": " + name + " does not add up, or changes with time alone")
		}
		for _, col := range m.Kind.Columns("") {
			if col.Group != rowsCounted && !slices.Contains(r.sums, col.Group) {
				r.sums = append(r.sums, col.Group)
			}
		}
	}
	r.public = !c.Restricted() && !slices.ContainsFunc(r.Keys, func(k string) bool { return c.table.columnNamed(k).class > authz.P0Public }) &&
		!slices.ContainsFunc(r.Measures, func(m string) bool { return c.MeasureAt(m).Class > authz.P0Public })
	r.time = c.time.expr
	r.day, r.dayIs = regexp.MustCompile(regexp.QuoteMeta(r.time+" AT TIME ZONE 'Asia/Shanghai'")), "t.rollup_day::timestamp"
	if c.daily() {
		r.day, r.dayIs = regexp.MustCompile(regexp.QuoteMeta(r.time)+`\b`), "t.rollup_day"
	}
	table := c.Of.described().Table
	digest := md5.Sum([]byte(strings.Join([]string{table, string(r.Grain), c.Time, strings.Join(r.Keys, ","), strings.Join(r.sums, "\n"), r.kept()}, "\n")))
	r.table = table + "_by_" + strings.ToLower(string(r.Grain)) + "_" + hex.EncodeToString(digest[:])[:8]
}

func rollable(k measure.Kind) bool {
	switch k.(type) {
	case measure.Count, measure.Sum, measure.Ratio, measure.Deviation:
		return !slices.ContainsFunc(k.Columns(""), func(c measure.Column) bool { return strings.Contains(c.Group, Now) })
	}
	return false
}

func (r *Rollup) kept() string {
	if r.Rows == "" {
		return "true"
	}
	return r.Rows
}

// Call is the statement of a migration that makes the rollup.
func (r *Rollup) Call(c *Cube) string {
	list := func(between string, texts []string) string {
		quoted := make([]string, len(texts))
		for i, t := range texts {
			quoted[i] = "'" + strings.ReplaceAll(t, "'", "''") + "'"
		}
		return "ARRAY[" + strings.Join(quoted, between) + "]::text[]"
	}
	return fmt.Sprintf("CALL linhui_roll_up('%s', '%s', '%s',\n  %s,\n  %s,\n  '%s', %t);\nCALL linhui_roll_up_areas('%s');", c.Of.described().Table, r.Grain, c.Time,
		list(", ", r.Keys), list(",\n    ", r.sums), strings.ReplaceAll(r.kept(), "'", "''"), r.public, r.table)
}

// relations are the rollup's totals, the fewest first that may answer for so many owners.
func (r *Rollup) relations(owners int) []relation {
	each := relation{from: r.table, time: "t.rollup_day", daily: true, rollup: r}
	if owners < areasFrom {
		return []relation{each}
	}
	areas := each
	areas.areas = true
	return []relation{areas, each}
}

func (rel relation) bucketSQL(bucket scalar.Enum) string {
	at := rel.time + " AT TIME ZONE 'Asia/Shanghai'"
	if rel.daily {
		at = rel.time + "::timestamp"
	}
	return "date_trunc('" + strings.ToLower(string(bucket)) + "', " + at + ")::date"
}

// onDays is an expression with the kept day in place of the cube's time, where it asks no more
// of it than its day in Shanghai.
func (rel relation) onDays(expr string) string {
	if rel.rollup == nil || rel.rollup.Grain != "DAY" {
		return expr
	}
	return rel.rollup.day.ReplaceAllString(expr, rel.rollup.dayIs)
}

// columns are those of a measure's part; ok is false when the totals do not keep it.
func (rel relation) columns(k measure.Kind, filter string) (cols []measure.Column, ok bool) {
	if rel.rollup == nil {
		return k.Columns(filter), true
	}
	if !rollable(k) {
		return nil, false
	}
	cols = k.Columns("")
	for i, col := range cols {
		total := "rollup_n"
		if col.Group != rowsCounted {
			n := slices.Index(rel.rollup.sums, col.Group)
			if n < 0 {
				return nil, false
			}
			total = "rollup_m" + strconv.Itoa(n+1)
		}
		cols[i].Group = "COALESCE(" + measure.Filtered("sum(t."+total+")", filter) + ", 0)"
	}
	return cols, true
}

// keeps reports whether the totals can be cut by a range of days of a column: one of the
// cube's time, and of whole months where totals are of months.
func (r *Rollup) keeps(column string, days *DateRange) bool {
	return r != nil && column == r.time && (r.Grain == "DAY" || days.From.Day == 1 && days.To.AddDays(1).Day == 1)
}

var columnOfT = regexp.MustCompile(`\bt\.(\w+)`)

// answers reports whether a statement over the totals reads nothing but what they hold, and of
// no finer days than they are kept by.
func (rel relation) answers(q *CubeQuery, w *Where, sql string) bool {
	r := rel.rollup
	if r == nil {
		return true
	}
	if r.Grain == "MONTH" && (q.Bucket == "DAY" || q.Bucket == "WEEK") || r.Rows != "" && !w.stated {
		return false
	}
	for _, m := range columnOfT.FindAllStringSubmatch(sql, -1) {
		if column := m[1]; (rel.areas || column != "owner") && !strings.HasPrefix(column, "rollup_") && !slices.Contains(r.Keys, column) {
			return false
		}
	}
	return true
}

// noTable reports whether a statement failed for want of its table.
func noTable(err error) bool {
	v := database.ViolationOf(err)
	return v != nil && v.SQLState == "42P01" // undefined_table
}

// Differences are added up a few thousand at a time; until then they are read one by one.
var _ = keeps(Chore{Name: "folding", AtOnce: 5000, Do: func(r *Round) (int, error) {
	return r.Count("SELECT linhui_fold($1)", r.AtOnce)
}})
