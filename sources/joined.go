package sources

import (
	"context"
	"slices"
	"sync"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/store"
)

// gather asks for every cube of the report, all at once, and joins their groups by key. Without
// groups there is an error; beside groups it is a *Partial.
func (r *Report) gather(ctx context.Context, s *Sources, ask *store.Ask, abort bool) (*Groups, error) {
	answers, errs := make([][]*Groups, len(r.Asked)), make([]error, len(r.Asked))
	var wg sync.WaitGroup
	for i := range r.Asked {
		run := func() {
			a := &r.Asked[i]
			answers[i], errs[i] = Aggregate(ctx, s, ask, a.Cube, r.queries(a), r.Total, a.Chosen, abort)
		}
		if i == len(r.Asked)-1 {
			run()
		} else {
			wg.Go(run)
		}
	}
	wg.Wait()
	for i := range answers {
		if answers[i] == nil {
			return nil, errs[i]
		}
	}
	now := r.join(answers)
	if r.Compare != nil {
		for i := range answers {
			now.Cost.Groups += answers[i][1].Cost.Groups
			r.compareWith(now, i, answers[i][1])
		}
	}
	return now, partialOf(errs)
}

// queries are what is asked of a cube: the groups, and those that they are compared with.
func (r *Report) queries(a *Asked) []*store.CubeQuery {
	if r.Compare == nil {
		return []*store.CubeQuery{&a.Query}
	}
	then := a.Query
	then.Period = r.Compare.Period
	return []*store.CubeQuery{&a.Query, &then}
}

// join sets the groups of the other cubes beside those of the first that have the same keys. A
// group that the first has not is there without its measures.
func (r *Report) join(answers [][]*Groups) *Groups {
	now := answers[0][0]
	for i := 1; i < len(answers); i++ {
		beside := answers[i][0]
		for _, g := range beside.Groups {
			row := now.index[g.Key]
			if row == nil {
				row = g.Bare()
				now.index[g.Key] = row
				now.Groups = append(now.Groups, row)
			}
			row.SetBeside(i, g)
		}
		if now.Total != nil {
			now.Total.SetBeside(i, beside.Total)
		}
		if beside.AsOf.Before(now.AsOf) {
			now.AsOf = beside.AsOf
		}
		now.Coverage = covering(now.Coverage, beside.Coverage)
		now.Cost = now.Cost.With(beside.Cost)
	}
	return now
}

// compareWith sets what groups are compared with beside their measures of cube i.
func (r *Report) compareWith(now *Groups, i int, then *Groups) {
	for _, row := range now.Groups {
		if row.Bucket == nil && r.Query().Bucket != "" {
			continue // there is no time before none
		}
		was := then.At(r.Compare.KeyOf(row))
		if was == nil {
			continue
		}
		g := row.Of(i)
		if g == nil {
			g = row.Bare()
			row.SetBeside(i, g)
		}
		g.Compared = was
	}
}

// other is of the rows of all groups that stand in none of the shown ones; nil where groups
// overlap.
func (r *Report) other(all, shown []*store.Group) *store.Group {
	if slices.ContainsFunc(r.Asked, func(a Asked) bool { return a.Query.Overlapping() }) {
		return nil
	}
	on := make(map[*store.Group]bool, len(shown))
	for _, g := range shown {
		on[g] = true
	}
	var other *store.Group
	for i := range r.Asked {
		t := r.Asked[i].Cube.Total(r.Asked[i].Query.Measures)
		for _, row := range all {
			if g := row.Of(i); !on[row] && g != nil && g.Parts != nil {
				t.Add(g)
			}
		}
		if i == 0 {
			other = t
		} else {
			other.SetBeside(i, t)
		}
	}
	return other
}

// partialOf is one report of everything that the answers lack; nil when they are whole.
func partialOf(errs []error) error {
	var all Partial
	for _, err := range errs {
		p, ok := err.(*Partial)
		if !ok {
			continue
		}
		for _, f := range p.Faults {
			same := func(o *fault.Error) bool {
				return o.Code == f.Code && o.Extensions["source"] == f.Extensions["source"]
			}
			if !slices.ContainsFunc(all.Faults, same) {
				all.Faults = append(all.Faults, f)
			}
		}
	}
	if all.Faults == nil {
		return nil
	}
	return &all
}

// covering is the coverage of an answer made of two: a source that lacks in one lacks in both.
func covering(a, b *page.Coverage) *page.Coverage {
	both := &page.Coverage{Sources: slices.Clone(a.Sources)}
	for _, of := range b.Sources {
		at := slices.IndexFunc(both.Sources, func(o page.SourceCoverage) bool {
			return o.Key == of.Key && (o.State == page.Forbidden) == (of.State == page.Forbidden)
		})
		switch {
		case at < 0:
			both.Sources = append(both.Sources, of)
		case both.Sources[at].State == page.OK:
			of.Communities = union(both.Sources[at].Communities, of.Communities)
			of.LatencyMs = max(of.LatencyMs, both.Sources[at].LatencyMs)
			both.Sources[at] = of
		default:
			both.Sources[at].Communities = union(both.Sources[at].Communities, of.Communities)
		}
	}
	return both
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
