package sources

import (
	"context"
	"slices"
	"strings"

	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/store"

	"github.com/shopspring/decimal"
)

// Figure is a measure as a field selects it.
type Figure struct {
	Name     string // response name
	Of       int    // of the cube in the report
	At       int    // of the measure in the cube's query
	Arg      float64
	Compared bool // of what the group is compared with
}

// Value is the figure of a group; ok is false where it is absent.
func (f Figure) Value(g *store.Group) (v decimal.Decimal, ok bool) {
	p := f.Part(g)
	if p == nil {
		return v, false
	}
	return p.Value(f.Arg)
}

// Part is what the figure is the value of; nil where no row stands.
func (f Figure) Part(g *store.Group) measure.Part {
	g = g.Of(f.Of)
	if g != nil && f.Compared {
		g = g.Compared
	}
	if g == nil || g.Parts == nil {
		return nil
	}
	return g.Parts[f.At]
}

// Report is an aggregate as its caller wants it shown.
type Report struct {
	Asked   []Asked         // one, or several whose groups are joined by their keys
	Compare *store.Baseline // nil: with nothing
	Having  []Condition
	Order   []Key
	Size    int
	After   string // a cursor, "" from the start
	Binding string // what a cursor is sealed with
	Total   bool   // total or other is wanted
}

// Asked is a cube as a report asks it. The queries of a report have the same dimensions, bucket
// and period.
type Asked struct {
	Cube   *store.Cube
	Query  store.CubeQuery
	Chosen Chosen
}

// Query is the first of the report's queries, in what is common to all.
func (r *Report) Query() *store.CubeQuery { return &r.Asked[0].Query }

// AtLeast leaves out groups of fewer people, or of fewer rows where a cube knows of no people.
func (r *Report) AtLeast(n int) {
	least := decimal.NewFromInt(int64(n))
	for i := range r.Asked {
		a := &r.Asked[i]
		size := Figure{Of: i, At: len(a.Query.Measures)}
		a.Query.Measures = append(a.Query.Measures, store.Measured{Measure: a.Cube.Size()})
		r.Having = append(r.Having, Condition{Figure: size, Keep: func(v decimal.Decimal, ok bool) bool { return !ok || v.GreaterThanOrEqual(least) }})
	}
}

// Condition keeps groups by a figure.
type Condition struct {
	Figure
	Keep func(v decimal.Decimal, ok bool) bool
}

// Key is one key of a report's order: a figure or a dimension.
type Key struct {
	Figure    *Figure
	Dimension *store.Dimension // nil with a nil Figure: the bucket
	Desc      bool
}

// Answer gathers, folds and shows a report.
func Answer(ctx context.Context, s *Sources, ask *store.Ask, r *Report, abort bool) (*store.Aggregate, error) {
	now, err := r.gather(ctx, s, ask, abort)
	if now == nil {
		return nil, err
	}
	shown := slices.DeleteFunc(slices.Clone(now.Groups), func(g *store.Group) bool {
		return slices.ContainsFunc(r.Having, func(c Condition) bool { return !c.Keep(c.Value(g)) })
	})
	sorted := r.sorted(shown)
	window, from, perr := r.window(ask, sorted)
	if perr != nil {
		return nil, perr
	}
	rows := make([]*store.Group, len(window))
	for i, p := range window {
		rows[i] = p.group
	}
	info := page.Info{HasPrevious: from > 0, HasNext: from+len(rows) < len(sorted)}
	total := len(sorted)
	a := &store.Aggregate{
		Connection: page.NewConnection(rows, info, now.Coverage,
			func(i int) string { return ask.Cursors.Seal(r.Binding, page.Cursor{At: window[i].position()}) },
			func(context.Context) (int, error) { return total, nil }),
		Total: now.Total, AsOf: now.AsOf, Cost: now.Cost,
	}
	for _, g := range now.Groups {
		if g.Suppressed {
			a.Suppressed++
		}
	}
	if r.Total && len(rows) < len(now.Groups) {
		a.Other = r.other(now.Groups, rows)
	}
	return a, err
}

// placed is a group with the values of its order.
type placed struct {
	group  *store.Group
	values []orderValue
}

// orderValue is a value of an order: a text, or the size of a figure.
type orderValue struct {
	there bool // else it is absent
	sized bool
	text  string
	size  decimal.Decimal
}

// position is the place of a group in cursors: each value "" where absent, else a mark and the
// value.
func (p *placed) position() page.Position {
	at := make(page.Position, 0, len(p.values)+1)
	for _, v := range p.values {
		switch {
		case !v.there:
			at = append(at, "")
		case v.sized:
			at = append(at, "="+v.size.String())
		default:
			at = append(at, "="+v.text)
		}
	}
	return append(at, p.group.Key)
}

// sorted orders groups. What has no value comes last, and equals are ordered by key, so that
// the order is total and the same wherever the rows lie.
func (r *Report) sorted(groups []*store.Group) []placed {
	all := make([]placed, len(groups))
	values := make([]orderValue, len(groups)*len(r.Order))
	for i, g := range groups {
		n := len(r.Order)
		all[i] = placed{g, values[i*n : (i+1)*n : (i+1)*n]}
		r.place(&all[i])
	}
	slices.SortFunc(all, func(a, b placed) int { return r.compare(&a, &b) })
	return all
}

func (r *Report) place(p *placed) {
	for i, k := range r.Order {
		v := &p.values[i]
		switch {
		case k.Figure != nil:
			v.sized = true
			v.size, v.there = k.Figure.Value(p.group)
		case k.Dimension != nil:
			if key, _ := p.group.Keyed(k.Dimension); key != nil {
				v.text, v.there = *key, true
			}
		case p.group.Bucket != nil:
			v.text, v.there = p.group.Bucket.String(), true
		}
	}
}

func (r *Report) compare(a, b *placed) int {
	for i, k := range r.Order {
		va, vb := &a.values[i], &b.values[i]
		if !va.there || !vb.there {
			if va.there != vb.there { // absent last, either way
				if va.there {
					return -1
				}
				return 1
			}
			continue
		}
		var c int
		if k.Figure != nil {
			c = va.size.Cmp(vb.size)
		} else {
			c = strings.Compare(va.text, vb.text)
		}
		if k.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return strings.Compare(a.group.Key, b.group.Key)
}

// window cuts the page out and says how many groups stand before it.
func (r *Report) window(ask *store.Ask, sorted []placed) (rows []placed, from int, err error) {
	if r.After != "" {
		c, err := ask.Cursors.Open(r.Binding, r.After)
		if err != nil {
			return nil, 0, err
		}
		at, err := r.read(c.At)
		if err != nil {
			return nil, 0, err
		}
		from, _ = slices.BinarySearchFunc(sorted, at, func(p placed, at *placed) int {
			if c := r.compare(&p, at); c != 0 {
				return c
			}
			return -1 // the group of the cursor itself has been shown
		})
	}
	return sorted[from:min(len(sorted), from+r.Size)], from, nil
}

// read is position read back.
func (r *Report) read(at page.Position) (*placed, error) {
	foreign := fault.Newf(fault.BadUserInput, "the cursor belongs to another order of this list").At("after")
	if len(at) != len(r.Order)+1 {
		return nil, foreign
	}
	p := &placed{group: &store.Group{}, values: make([]orderValue, len(r.Order))}
	for i := range r.Order {
		v := &p.values[i]
		text, _ := at[i].(string)
		if v.text, v.there = strings.CutPrefix(text, "="); v.there && r.Order[i].Figure != nil {
			var err error
			v.sized = true
			if v.size, err = decimal.NewFromString(v.text); err != nil {
				return nil, foreign
			}
		}
	}
	p.group.Key, _ = at[len(r.Order)].(string)
	return p, nil
}
