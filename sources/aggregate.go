package sources

import (
	"context"
	"time"

	"linhui/page"
	"linhui/store"
)

// Groups is an aggregate with the answers of all sources folded together.
type Groups struct {
	Groups []*store.Group // one a key, in no order
	// Total is of all rows; nil when it was not asked for.
	Total    *store.Group
	Coverage *page.Coverage
	AsOf     time.Time
	Cost     store.AggregateCost
	index    map[string]*store.Group
}

// At returns the group with a key, nil when no row stands in it.
func (g *Groups) At(key string) *store.Group { return g.index[key] }

// share is what one source answers: the groups of each query, and the total of the first.
type share struct {
	groups [][]*store.Group
	rolled []bool // by query: kept totals answered
	total  *store.Group
}

// Aggregate asks every source that holds one of the owners for its part of each of the
// queries, one statement a query and source, and folds the parts by key. The queries differ in
// their period only. Beside a *Partial the groups are complete but for the sources it names.
// withTotal asks for the first query's total as well, which is no sum of groups that overlap.
func Aggregate(ctx context.Context, s *Sources, ask *store.Ask, c *store.Cube, queries []*store.CubeQuery, withTotal bool, chosen Chosen, abort bool) ([]*Groups, error) {
	parts := gather(ctx, s, ask.Budget, chosen.Owners, func(ctx context.Context, src *Source, owners []string) (sh share, err error) {
		sh.groups, sh.rolled = make([][]*store.Group, len(queries)), make([]bool, len(queries))
		for i, q := range queries {
			if sh.groups[i], sh.rolled[i], err = c.Groups(ctx, src, ask, owners, q); err != nil {
				return sh, err
			}
		}
		if withTotal && queries[0].Overlapping() {
			whole := *queries[0]
			whole.By, whole.Bucket = nil, ""
			groups, _, err := c.Groups(ctx, src, ask, owners, &whole)
			if err != nil {
				return sh, err
			}
			sh.total = c.Total(whole.Measures)
			for _, g := range groups {
				sh.total.Add(g)
			}
		}
		return sh, nil
	})
	err := Settle(parts, chosen.Forbidden, abort)
	if err != nil {
		if _, partial := err.(*Partial); !partial {
			return nil, err
		}
	}
	answers := make([]*Groups, len(queries))
	for i := range queries {
		answers[i] = foldGroups(parts, i)
		answers[i].Coverage = Coverage(parts, chosen.Forbidden)
	}
	if withTotal {
		answers[0].Total = total(c, queries[0], parts, answers[0])
	}
	return answers, err
}

// foldGroups merges the sources' groups of query i by key.
func foldGroups(parts []Part[share], i int) *Groups {
	all := &Groups{index: map[string]*store.Group{}}
	for _, p := range parts {
		if p.Err != nil {
			continue
		}
		all.Cost.Rollup = p.Value.rolled[i] && (all.Cost.Rollup || all.Cost.Sources == 0)
		all.Cost.Sources++
		if all.AsOf.IsZero() || p.AsOf.Before(all.AsOf) {
			all.AsOf = p.AsOf
		}
		for _, g := range p.Value.groups[i] {
			all.Cost.Groups++
			if known := all.index[g.Key]; known != nil {
				known.Add(g)
				continue
			}
			all.index[g.Key] = g
			all.Groups = append(all.Groups, g)
		}
	}
	return all
}

func total(c *store.Cube, q *store.CubeQuery, parts []Part[share], all *Groups) *store.Group {
	t := c.Total(q.Measures)
	if !q.Overlapping() {
		for _, g := range all.Groups {
			t.Add(g)
		}
		return t
	}
	for _, p := range parts {
		if p.Err == nil {
			t.Add(p.Value.total)
		}
	}
	return t
}

// Explain asks every source's planner what a report would read, without reading it.
func Explain(ctx context.Context, s *Sources, ask *store.Ask, r *Report, abort bool) (cost store.AggregateCost, coverage *page.Coverage, err error) {
	errs := make([]error, len(r.Asked))
	for i := range r.Asked {
		of, covers, err := explain(ctx, s, ask, r, &r.Asked[i], abort)
		if _, partial := err.(*Partial); err != nil && !partial {
			return cost, nil, err
		}
		errs[i] = err
		if i == 0 {
			cost, coverage = of, covers
		} else {
			cost, coverage = cost.With(of), covering(coverage, covers)
		}
	}
	return cost, coverage, partialOf(errs)
}

func explain(ctx context.Context, s *Sources, ask *store.Ask, r *Report, a *Asked, abort bool) (store.AggregateCost, *page.Coverage, error) {
	parts := gather(ctx, s, ask.Budget, a.Chosen.Owners, func(ctx context.Context, src *Source, owners []string) (all store.Estimate, err error) {
		for _, q := range r.queries(a) {
			e, err := a.Cube.Explain(ctx, src, ask, owners, q)
			if err != nil {
				return all, err
			}
			all.Groups, all.Rows = all.Groups+e.Groups, all.Rows+e.Rows
		}
		return all, nil
	})
	rows := 0
	cost := store.AggregateCost{Rows: &rows}
	for _, p := range parts {
		if p.Err == nil {
			cost.Rollup = p.Value.Rolled && (cost.Rollup || cost.Sources == 0)
			cost.Sources++
			cost.Groups += p.Value.Groups
			rows += p.Value.Rows
		}
	}
	return cost, Coverage(parts, a.Chosen.Forbidden), Settle(parts, a.Chosen.Forbidden, abort)
}
