package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/schema/scalar"

	"github.com/lib/pq"
)

// maxGroups bounds the groups that one source may send. Chosen: ten times what a page shows at
// most, about 100 MB.
const maxGroups = 100_000

// Measured is a measure of the rows that a filter keeps.
type Measured struct {
	*Measure
	Where Filter // nil: all
}

// CubeQuery is an aggregate as a source is asked for it.
type CubeQuery struct {
	By       []*Dimension
	Bucket   scalar.Enum // "" for none
	Period   *DateRange
	Where    Filter // nil: every row
	Measures []Measured
	// HashKey keys the hashes of this request's distinct counts.
	HashKey int64
}

// Class is the highest class among what the query reads.
func (q *CubeQuery) Class() authz.Class {
	class := authz.P0Public
	for _, d := range q.By {
		class = max(class, d.class)
	}
	for _, m := range q.Measures {
		class = max(class, m.Class)
	}
	if conds, ok := q.Where.(Conditions); ok {
		class = max(class, conds.class())
	}
	return class
}

// Overlapping reports whether a row may stand in several groups.
func (q *CubeQuery) Overlapping() bool {
	return slices.ContainsFunc(q.By, func(d *Dimension) bool { return d.Overlaps })
}

// statement is the query's SQL for a source, over the totals of the first rollup that can answer
// it, or over the rows. Its rows are whether the group is suppressed, the owner when groups are
// bound to one, the bucket, the keys, and the columns of every measure.
func (c *Cube) statement(ask *Ask, owners []string, q *CubeQuery, rollups []*Rollup) (selection, *Rollup, error) {
	if err := c.permit(ask.Viewer, q); err != nil {
		return selection{}, nil, err
	}
	if !c.Guarded(ask.Viewer) {
		for _, r := range rollups {
			for _, rel := range r.relations(len(owners)) {
				if s, ok, err := c.over(rel, ask, owners, q); err != nil || ok {
					return s, r, err
				}
			}
		}
	}
	s, _, err := c.over(c.rows(), ask, owners, q)
	return s, nil, err
}

// over is the query's SQL over a relation; ok is false when the relation lacks what is asked.
func (c *Cube) over(rel relation, ask *Ask, owners []string, q *CubeQuery) (s selection, ok bool, err error) {
	guarded, class, behind := c.Guarded(ask.Viewer), q.Class(), *ask
	if guarded {
		class = authz.P2Personal
	}
	// Figures are for the cube's roles: where people stand behind the guard, or nobody is behind
	// the rows, they need not be roles that read rows.
	behind.guarded = guarded || c.Guard == nil && c.Roles != nil
	w := Where{over: rel.rollup}
	s, seen := c.table.reach(&behind, &w, class, owners)
	s.query.Class = ask.Budget
	if rel.areas && !rel.rollup.public && len(seen) < len(owners) {
		return s, false, nil // the database hides areas that are in scope in part
	}
	if s.none {
		return s, true, nil
	}
	from, where := rel.from+" t", ""
	if rel.areas {
		from = rel.rollup.areasOver(w.Arg(pq.Array(owners))) + " t"
	} else {
		w.And("t.owner = ANY(?)", pq.Array(owners))
	}
	if guarded {
		classes, err := c.classes(&w, ask, q)
		if err != nil {
			return s, false, err
		}
		from, where = classes+" told JOIN "+from+" ON t.owner = told.owner AND t.id = told.id", "true"
	} else if err := c.narrow(&w, ask, q); err != nil {
		return s, false, err
	}
	k := keyColumns{guarded: guarded}
	if slices.ContainsFunc(q.By, (*Dimension).ownerBound) {
		k.add("t.owner", 0)
	}
	if q.Bucket != "" {
		k.add(rel.bucketSQL(q.Bucket), c.bucketTold(q.Bucket))
	}
	for i, d := range q.By {
		switch d.place {
		case ofRow:
			k.joins = d.joined(k.joins)
			k.add("("+w.now(ask, rel.onDays(d.SQL))+")", c.told(d))
		case ofStreet, ofDistrict:
			key, join := w.division(ask, owners, d.place, i)
			k.joins += join
			k.add(key, 0)
		}
	}
	measures, out, ok, err := c.aggregates(rel, &w, ask, q)
	if err != nil || !ok {
		return s, false, err
	}
	if where == "" {
		where = w.String()
	}
	if rel.rollup != nil {
		k.having = "sum(t.rollup_n) <> 0"
	}
	s.query.SQL = k.grouped(measures, out, from+k.joins, where)
	s.query.Args = w.args
	return s, rel.answers(q, &w, s.query.SQL), nil
}

// keyColumns are the columns that a statement groups by.
type keyColumns struct {
	guarded bool // a key is told from a level of the guard's lattice on
	read    []string
	by      []string
	joins   string
	having  string // "" for every group
	finest  int    // the highest level among the keys
}

func (k *keyColumns) add(key string, level int) {
	if k.guarded && level > 0 {
		k.finest = max(k.finest, level)
		key = fmt.Sprintf("CASE WHEN told.level >= %d THEN %s END", level, key)
	}
	k.read = append(k.read, key+"::text AS k"+strconv.Itoa(len(k.read)))
	k.by = append(k.by, key)
}

// grouped puts a statement together: whether a group is suppressed, the keys, and the measures,
// over the groups where out says so.
func (k *keyColumns) grouped(measures, out []string, from, where string) string {
	read, by := []string{"false AS small"}, k.by
	if k.guarded {
		small := fmt.Sprintf("told.level < %d", k.finest)
		read, by = []string{small + " AS small"}, append([]string{small}, by...)
	}
	read = append(read, k.read...)
	text := "SELECT " + strings.Join(slices.Concat(read, measures), ", ") + " FROM " + from + " WHERE " + where
	if len(by) > 0 {
		text += " GROUP BY " + strings.Join(by, ", ")
		if k.having != "" {
			text += " HAVING " + k.having
		}
	}
	if out == nil {
		return text
	}
	keys := []string{"g.small"}
	for i := range k.read {
		keys = append(keys, "g.k"+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(append(keys, out...), ", ") + " FROM (" + text + ") g"
}

// joined adds what the dimension's key is read from, once.
func (d *Dimension) joined(joins string) string {
	if strings.Contains(joins, d.From) {
		return joins
	}
	return joins + " " + d.From
}

// division joins the owners' divisions, which the directory knows and the source does not.
func (w *Where) division(ask *Ask, owners []string, place dimensionPlace, i int) (key, join string) {
	name := "d" + strconv.Itoa(i)
	return name + ".code", " JOIN unnest(" + w.Arg(pq.Array(owners)) + "::text[], " + w.Arg(pq.Array(ask.Directory.above(owners, place))) + "::text[]) " +
		name + "(owner, code) ON " + name + ".owner = t.owner"
}

// narrow adds the query's own conditions.
func (c *Cube) narrow(w *Where, ask *Ask, q *CubeQuery) error {
	if q.Period != nil {
		days := (*Where).During
		if c.daily() {
			days = (*Where).Days
		}
		if err := days(w, c.time.expr, q.Period, "period"); err != nil {
			return err
		}
	}
	if q.Where != nil {
		return q.Where.Where(w, ask)
	}
	if c.Default != nil {
		return c.Default.Where(w, ask)
	}
	return nil
}

// aggregates are the measures' columns over t and, when one of them is made of what is grouped,
// the columns to be read over g. ok is false when the relation does not keep a measure.
func (c *Cube) aggregates(rel relation, w *Where, ask *Ask, q *CubeQuery) (grouped, out []string, ok bool, err error) {
	made := false
	number := map[string]int{}
	for _, m := range q.Measures {
		filter := ""
		if m.Where != nil {
			own := Where{args: w.args, over: w.over}
			if err := m.Where.Where(&own, ask); err != nil {
				return nil, nil, false, err
			}
			w.args, filter = own.args, own.String()
		}
		columns, ok := rel.columns(m.Kind, filter)
		if !ok {
			return nil, nil, false, nil
		}
		for _, col := range columns {
			aggregate := strings.ReplaceAll(w.now(ask, col.Group), measure.HashKey, strconv.FormatInt(q.HashKey, 10))
			n, known := number[aggregate]
			if !known {
				n = len(number)
				number[aggregate] = n
				grouped = append(grouped, aggregate+" AS m"+strconv.Itoa(n))
			}
			name := "g.m" + strconv.Itoa(n)
			if col.Out != "" {
				made = true
				name = strings.ReplaceAll(col.Out, "?", name)
			}
			out = append(out, name)
		}
	}
	if !made && len(out) == len(grouped) {
		out = nil
	}
	return grouped, out, true, nil
}

// Now stands in the SQL of dimensions and measures for the instant of the request.
const Now = "$now$"

// now places the request's instant.
func (w *Where) now(ask *Ask, expr string) string {
	if !strings.Contains(expr, Now) {
		return expr
	}
	return strings.ReplaceAll(expr, Now, w.Arg(ask.Viewer.At)+"::timestamptz")
}

// daily reports whether the cube's time is a day and no instant.
func (c *Cube) daily() bool {
	return c.time.typ == reflect.TypeFor[scalar.Date]() || c.time.typ == reflect.TypeFor[*scalar.Date]()
}

// Groups reads the source's groups: their keys and the parts of their measures. Two of them
// may have the same keys, since values that this version does not know are OTHER. rolled says
// that kept totals answered.
func (c *Cube) Groups(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery) (groups []*Group, rolled bool, err error) {
	groups, rollup, err := c.groups(ctx, src, ask, owners, q, c.Rollups)
	if rollup != nil && noTable(err) { // the source is of an older schema
		groups, rollup, err = c.groups(ctx, src, ask, owners, q, nil)
	}
	return groups, rollup != nil, err
}

func (c *Cube) groups(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery, rollups []*Rollup) ([]*Group, *Rollup, error) {
	s, rollup, err := c.statement(ask, owners, q, rollups)
	if err != nil {
		return nil, nil, err
	}
	groups, err := c.read(ctx, src, ask, q, s)
	return groups, rollup, err
}

func (c *Cube) read(ctx context.Context, src Source, ask *Ask, q *CubeQuery, s selection) (groups []*Group, err error) {
	r := c.groupReader(ask.Log, q)
	err = s.each(ctx, src, func(rs *sql.Rows) error {
		if len(groups) == maxGroups {
			return fault.Newf(fault.CostExceeded, "more than %d groups: group by fewer dimensions, by a longer bucket, or narrow the period", maxGroups).At("groupBy")
		}
		g, err := r.read(rs)
		groups = append(groups, g)
		return err
	})
	return groups, err
}

// Total returns an empty group for totals.
func (c *Cube) Total(measures []Measured) *Group {
	g := &Group{Row: Row{typ: c.MeasuresType()}, Parts: make([]measure.Part, len(measures))}
	for i, m := range measures {
		g.Parts[i] = m.Kind.Part()
	}
	return g
}

// Add folds the rows of another group in.
func (g *Group) Add(o *Group) {
	for i, p := range g.Parts {
		p.Add(o.Parts[i])
	}
}
