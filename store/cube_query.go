package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
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

// statement is the query's SQL for a source. Its rows are whether the group is suppressed, the
// owner when groups are bound to one, the bucket, the keys, and the columns of every measure.
func (c *Cube) statement(ask *Ask, owners []string, q *CubeQuery) (selection, error) {
	if err := c.permit(ask.Viewer, q); err != nil {
		return selection{}, err
	}
	guarded, class, behind := c.Guarded(ask.Viewer), q.Class(), *ask
	if guarded {
		class, behind.guarded = authz.P2Personal, true
	}
	var w Where
	s, _ := c.table.reach(&behind, &w, class, owners)
	s.query.Class = ask.Budget
	if s.none {
		return s, nil
	}
	w.And("t.owner = ANY(?)", pq.Array(owners))
	from, where := c.Of.described().Table+" t", ""
	if guarded {
		classes, err := c.classes(&w, ask, q)
		if err != nil {
			return s, err
		}
		from, where = classes+" told JOIN "+from+" ON t.owner = told.owner AND t.id = told.id", "true"
	} else if err := c.narrow(&w, ask, q); err != nil {
		return s, err
	}
	k := keyColumns{guarded: guarded}
	if slices.ContainsFunc(q.By, (*Dimension).ownerBound) {
		k.add("t.owner", 0)
	}
	if q.Bucket != "" {
		k.add(c.bucketSQL(q.Bucket), c.bucketTold(q.Bucket))
	}
	for i, d := range q.By {
		switch d.place {
		case ofRow:
			k.joins = d.joined(k.joins)
			k.add("("+w.now(ask, d.SQL)+")", c.told(d))
		case ofStreet, ofDistrict:
			key, join := w.division(ask, owners, d.place, i)
			k.joins += join
			k.add(key, 0)
		}
	}
	measures, out, err := c.aggregates(&w, ask, q)
	if err != nil {
		return s, err
	}
	if where == "" {
		where = w.String()
	}
	s.query.SQL = k.grouped(measures, out, from+k.joins, where)
	s.query.Args = w.args
	return s, nil
}

// keyColumns are the columns that a statement groups by.
type keyColumns struct {
	guarded bool // a key is told from a level of the guard's lattice on
	read    []string
	by      []string
	joins   string
	finest  int // the highest level among the keys
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
// the columns to be read over g.
func (c *Cube) aggregates(w *Where, ask *Ask, q *CubeQuery) (grouped, out []string, err error) {
	made := false
	number := map[string]int{}
	for _, m := range q.Measures {
		filter := ""
		if m.Where != nil {
			own := Where{args: w.args}
			if err := m.Where.Where(&own, ask); err != nil {
				return nil, nil, err
			}
			w.args, filter = own.args, own.String()
		}
		for _, col := range m.Kind.Columns(filter) {
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
	return grouped, out, nil
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

func (c *Cube) bucketSQL(bucket scalar.Enum) string {
	at := c.time.expr + " AT TIME ZONE 'Asia/Shanghai'"
	if c.daily() {
		at = c.time.expr + "::timestamp"
	}
	return "date_trunc('" + strings.ToLower(string(bucket)) + "', " + at + ")::date"
}

// Groups reads the source's groups: their keys and the parts of their measures. Two of them
// may have the same keys, since values that this version does not know are OTHER.
func (c *Cube) Groups(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery) ([]*Group, error) {
	s, err := c.statement(ask, owners, q)
	if err != nil {
		return nil, err
	}
	r := c.groupReader(ask.Log, q)
	var groups []*Group
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

// groupReader reads the rows of one statement.
type groupReader struct {
	cube  *Cube
	query *CubeQuery
	owned bool
	log   *slog.Logger
	small bool
	owner sql.NullString
	day   *scalar.Date
	keys  []*string
	dest  []any
	lead  int
}

func (c *Cube) groupReader(log *slog.Logger, q *CubeQuery) *groupReader {
	r := &groupReader{cube: c, query: q, log: log, owned: slices.ContainsFunc(q.By, (*Dimension).ownerBound), keys: make([]*string, len(q.By))}
	r.dest = append(r.dest, &r.small)
	if r.owned {
		r.dest = append(r.dest, &r.owner)
	}
	if q.Bucket != "" {
		r.dest = append(r.dest, &r.day)
	}
	for i, d := range q.By {
		if d.place != ofOwner {
			r.dest = append(r.dest, &r.keys[i])
		}
	}
	r.lead = len(r.dest)
	return r
}

func (r *groupReader) read(rs *sql.Rows) (*Group, error) {
	g := &Group{Row: Row{typ: r.cube.GroupType()}, Parts: make([]measure.Part, len(r.query.Measures)), keys: make(map[string]*string, len(r.query.By))}
	r.dest = r.dest[:r.lead]
	for i, m := range r.query.Measures {
		g.Parts[i] = m.Kind.Part()
		r.dest = append(r.dest, g.Parts[i].Dest()...)
	}
	if err := rs.Scan(r.dest...); err != nil {
		return nil, fmt.Errorf("group of %s: %w", r.cube.Of.TypeName(), err)
	}
	if r.owned && r.bound() {
		g.Owner = r.owner.String
	}
	g.Bucket, g.Suppressed = r.day, r.small
	r.day = nil
	var rest strings.Builder
	for i, d := range r.query.By {
		value := r.keys[i]
		if d.place == ofOwner {
			value = &g.Owner
		}
		if value != nil && d.enum != nil && !slices.Contains(d.enum, *value) {
			r.log.Warn("unknown enum value mapped to OTHER", "table", r.cube.Of.described().Table, "dimension", d.Name, "enum", d.Type)
			other := "OTHER"
			value = &other
		}
		g.keys[d.field] = value
		rest.WriteByte(0)
		if value != nil {
			rest.WriteByte(1) // what is absent is not what is empty
			rest.WriteString(*value)
		}
	}
	g.rest = rest.String()
	if g.Suppressed {
		g.rest += "\x00" // apart from rows without the key
	}
	if g.Bucket != nil {
		g.Key = g.keyOn(*g.Bucket)
	} else {
		g.Key = g.Owner + g.rest
	}
	return g, nil
}

// bound reports whether the row just scanned has a key that belongs to its owner. Rows without
// a station, say, are one group, whoever's they are.
func (r *groupReader) bound() bool {
	for i, d := range r.query.By {
		if d.place == ofOwner || d.To != nil && r.keys[i] != nil {
			return true
		}
	}
	return false
}

// keyOn is the key of the group with the same dimensions in the bucket that begins on a day.
func (g *Group) keyOn(day scalar.Date) string { return g.Owner + "\x00" + day.String() + g.rest }

// Estimate is what a source's planner expects of a query.
type Estimate struct{ Groups, Rows int }

// Explain asks a source's planner what the query would read, without reading it. Planners know the
// tables well: of guarded rows only the magnitude is told.
func (c *Cube) Explain(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery) (Estimate, error) {
	s, err := c.statement(ask, owners, q)
	if err != nil || s.none {
		return Estimate{}, err
	}
	s.query.SQL = "EXPLAIN (FORMAT JSON) " + s.query.SQL
	var plans []struct{ Plan explained }
	err = s.each(ctx, src, func(rs *sql.Rows) error {
		var text []byte
		if err := rs.Scan(&text); err != nil {
			return err
		}
		return json.Unmarshal(text, &plans)
	})
	if err != nil || len(plans) == 0 {
		return Estimate{}, err
	}
	e := Estimate{Groups: plans[0].Plan.Rows, Rows: plans[0].Plan.leaves()}
	if c.Guarded(ask.Viewer) {
		e = Estimate{Groups: magnitude(e.Groups), Rows: magnitude(e.Rows)}
	}
	return e, nil
}

// leastMagnitude is the smallest that is told. Chosen: far above any group that a guard hides.
const leastMagnitude = 1000

// magnitude is the power of ten that a number does not exceed.
func magnitude(n int) int {
	m := leastMagnitude
	for m < n {
		m *= 10
	}
	return m
}

type explained struct {
	Rows  int         `json:"Plan Rows"`
	Plans []explained `json:"Plans"`
}

// leaves is the number of rows that the plan's scans return.
func (p *explained) leaves() int {
	if len(p.Plans) == 0 {
		return p.Rows
	}
	n := 0
	for i := range p.Plans {
		n += p.Plans[i].leaves()
	}
	return n
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
