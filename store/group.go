package store

import (
	"strconv"
	"time"
	"unsafe"

	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"
)

// Group is the rows of an aggregate that have the same keys, with what was measured of them;
// also a total, which has none.
type Group struct {
	Row
	// Bucket is the first day of the group's bucket; nil without one.
	Bucket *scalar.Date
	// Compared is what the group is compared with; nil where nothing was asked or no row stands.
	Compared *Group
	// Suppressed groups hold too few people to be shown apart; their keys are null.
	Suppressed bool

	// Parts are the measures' parts, in the order they were asked for.
	Parts []measure.Part
	// Key identifies the group within its aggregate.
	Key string

	beside []*Group // of the second and further cubes of a report, with the same keys
	rest   string   // the key but for owner and bucket
	by     []*Dimension
	keys   []*string // of each dimension in by; nil is that of rows without one
}

func groupOf(n Node) *Group { return (*Group)(unsafe.Pointer(n.Base())) } // Row stands first

// Keyed returns the key of a dimension; ok is false when the group is not cut by it.
func (g *Group) Keyed(d *Dimension) (key *string, ok bool) {
	for i, by := range g.by {
		if by.field == d.field { // a joined cube's dimension is another of the same name
			return g.keys[i], true
		}
	}
	return nil, false
}

func (g *Group) keyed(d *Dimension) *string {
	key, _ := g.Keyed(d)
	return key
}

// Of is the group of the i-th cube of a report in this row; nil where it has none.
func (g *Group) Of(i int) *Group {
	switch {
	case i == 0 || g == nil:
		return g
	case i > len(g.beside):
		return nil
	}
	return g.beside[i-1]
}

// SetBeside sets the group of the i-th cube, from 1, beside this one.
func (g *Group) SetBeside(i int, o *Group) {
	for len(g.beside) < i {
		g.beside = append(g.beside, nil)
	}
	g.beside[i-1] = o
}

// Bare is the group's keys, without what was measured.
func (g *Group) Bare() *Group {
	return &Group{Row: Row{typ: g.typ, Owner: g.Owner}, Bucket: g.Bucket, Suppressed: g.Suppressed, Key: g.Key, rest: g.rest, by: g.by, keys: g.keys}
}

// Shown is the key of a dimension in the Go type of its GraphQL type, nil for rows without one.
func (g *Group) Shown(d *Dimension) any {
	key := g.keyed(d)
	switch {
	case d.enum != nil:
		return (*scalar.Enum)(key)
	case d.Type == "Int":
		return parsed(key, strconv.Atoi)
	case d.Type == "Boolean":
		return parsed(key, strconv.ParseBool)
	case d.Type == "Date":
		return parsed(key, scalar.ParseDate)
	}
	return key
}

// parsed reads a key that the database has written; it cannot fail.
func parsed[V any](key *string, parse func(string) (V, error)) *V {
	if key == nil {
		return nil
	}
	v, err := parse(*key)
	if err != nil {
		return nil
	}
	return &v
}

// Aggregate is one page of groups with what is said of all of them.
type Aggregate struct {
	*page.Connection[Group]
	// Total is of every row that matches, whatever having and the page leave out.
	Total *Group
	// Other is of the rows of the total that no group of this page shows.
	Other *Group
	// AsOf is when the oldest answer of a source was read.
	AsOf     time.Time
	Accuracy []MeasureAccuracy
	// Suppressed counts the groups that were too small to be shown apart.
	Suppressed int
	Cost       AggregateCost
}

// NoGroups is the answer to a question that was priced and not asked.
func NoGroups(coverage *page.Coverage, cost AggregateCost, now time.Time) *Aggregate {
	none := page.NewConnection[Group](nil, page.Info{}, coverage, nil, nil)
	return &Aggregate{Connection: none, AsOf: now, Cost: cost}
}

// GroupEdge is a group with its cursor.
type GroupEdge = page.Edge[Group]

// MeasureAccuracy says how far the values of a measure may be off.
type MeasureAccuracy struct {
	Of       string
	Exact    bool
	Error    *scalar.Decimal
	Additive bool
}

// AggregateCost is what an aggregate took, or would take.
type AggregateCost struct {
	Sources int
	Groups  int
	Rows    *int
	Rollup  bool
}

// With is the cost of two queries that one answer is made of.
func (c AggregateCost) With(o AggregateCost) AggregateCost {
	c.Sources, c.Groups, c.Rollup = max(c.Sources, o.Sources), c.Groups+o.Groups, c.Rollup && o.Rollup
	if c.Rows != nil && o.Rows != nil {
		rows := *c.Rows + *o.Rows
		c.Rows = &rows
	}
	return c
}

// GroupHaving keeps groups by a measure.
type GroupHaving struct {
	Of                   string
	Gt, Gte, Lt, Lte, Eq *scalar.Decimal
	IsNull               *bool
}

// GroupOrder orders groups by a measure or a dimension.
type GroupOrder struct {
	By        string
	Direction scalar.Enum
}
