package resolvers

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/schema/scalar"
	"linhui/sources"
	"linhui/store"
)

// The number of groups on a page. Chosen: a chart's worth, and what a month's groups of a
// thousand communities by a small dimension are.
const (
	defaultGroups = 100
	mostGroups    = 10_000
)

// aggregate answers the root field of a cube.
func (r *Root) aggregate(ctx context.Context) (*store.Aggregate, error) {
	fc := graphql.GetFieldContext(ctx)
	cube := store.CubeAt(fc.Field.Name)
	ask := r.analyst(ctx)
	args := aggregateArgs(fc.Args)
	query := store.CubeQuery{Where: filterOf(args), HashKey: rand.Int64()}
	by, _ := args["groupBy"].([]scalar.Enum)
	for i, name := range by {
		if slices.Contains(by[:i], name) {
			return nil, fault.Newf(fault.BadUserInput, "%s stands twice", name).At("groupBy")
		}
		query.By = append(query.By, cube.Named(name))
	}
	report, err := args.report([]sources.Asked{{Cube: cube, Query: query}})
	if err != nil {
		return nil, err
	}
	sel := &figures{ctx: ctx, report: report}
	if err := sel.collect(fc); err != nil {
		return nil, err
	}
	if err := args.arrange(report, sel); err != nil {
		return nil, err
	}
	report.Binding = args.binding(ask, fc, sel.keys)
	a, err := r.answer(ctx, ask, args, report)
	if a != nil {
		sel.show(a)
	}
	return filled(ctx, a, err)
}

// analyst is the request's ask, with the time that figures may take.
func (r *Root) analyst(ctx context.Context) *store.Ask {
	ask := r.Sources.Ask(ctx)
	ask.Budget = max(ask.Budget, database.Analyst)
	return ask
}

// answer chooses whom to ask and asks them; of a dry run it says what the groups would cost.
func (r *Root) answer(ctx context.Context, ask *store.Ask, args aggregateArgs, report *sources.Report) (a *store.Aggregate, err error) {
	for i := range report.Asked {
		x := &report.Asked[i]
		if x.Chosen, err = r.Sources.Choose(ask, args.communities(), x.Cube.Restricted()); err != nil {
			return nil, err
		}
	}
	if dry, _ := args["dryRun"].(*bool); dry != nil && *dry {
		cost, coverage, err := sources.Explain(ctx, r.Sources, ask, report, args.abort())
		return store.NoGroups(coverage, cost, r.Sources.Now()), err
	}
	return sources.Answer(ctx, r.Sources, ask, report, args.abort())
}

// aggregateArgs are the decoded arguments of a cube's root field.
type aggregateArgs map[string]any

func (a aggregateArgs) communities() []string { c, _ := a["communities"].([]string); return c }
func (a aggregateArgs) abort() bool           { p, _ := a["onPartial"].(*store.OnPartial); return p.Abort() }

// filter is an argument "where", nil without one.
func filterOf(args map[string]any) store.Filter { return store.FilterIn(args, "where") }

// report reads what needs no selection.
func (a aggregateArgs) report(asked []sources.Asked) (*sources.Report, error) {
	r := &sources.Report{Asked: asked, Size: defaultGroups}
	period, _ := a["period"].(*store.DateRange)
	bucket, _ := a["bucket"].(*scalar.Enum)
	for i := range asked {
		q := &asked[i].Query
		q.Period = period
		if bucket != nil {
			q.Bucket = *bucket
		}
	}
	if to, _ := a["compareTo"].(*scalar.Enum); to != nil {
		if bucket == nil && period == nil {
			return nil, fault.Newf(fault.BadUserInput, "compareTo needs a period or a bucket: give period {from, to}").At("compareTo")
		}
		if period != nil {
			if err := period.Check("period"); err != nil {
				return nil, err
			}
		}
		with := store.Compare(*to, period, r.Query().Bucket)
		r.Compare = &with
	}
	if first, _ := a["first"].(*int); first != nil {
		if *first < 1 || *first > mostGroups {
			return nil, fault.Newf(fault.BadUserInput, "first must be from 1 to %d", mostGroups).At("first")
		}
		r.Size = *first
	}
	if after, _ := a["after"].(*string); after != nil {
		r.After = *after
	}
	return r, nil
}

// selected is what having and orderBy may refer to.
type selected interface {
	// named finds a measure, or says which there are.
	named(name string, at ...string) (*sources.Figure, error)
	// keyed finds a dimension that groups are cut by; nil when there is none of the name.
	keyed(name string) *store.Dimension
}

// arrange reads having and orderBy, which refer to what is selected.
func (a aggregateArgs) arrange(r *sources.Report, sel selected) error {
	having, _ := a["having"].([]*store.GroupHaving)
	for i, h := range having {
		f, err := sel.named(h.Of, "having", fmt.Sprint(i), "of")
		if err != nil {
			return err
		}
		r.Having = append(r.Having, sources.Condition{Figure: *f, Keep: keeps(h)})
	}
	if least, _ := a["minGroupSize"].(*int); least != nil {
		r.AtLeast(*least)
	}
	order, _ := a["orderBy"].([]*store.GroupOrder)
	for i, o := range order {
		k := sources.Key{Desc: o.Direction == "DESC"}
		switch d := sel.keyed(o.By); {
		case o.By == "bucket" && r.Query().Bucket != "":
		case d != nil:
			k.Dimension = d
		default:
			f, err := sel.named(o.By, "orderBy", fmt.Sprint(i), "by")
			if err != nil {
				return err
			}
			k.Figure = f
		}
		r.Order = append(r.Order, k)
	}
	if order == nil {
		if r.Query().Bucket != "" {
			r.Order = append(r.Order, sources.Key{})
		}
		for _, d := range r.Query().By {
			r.Order = append(r.Order, sources.Key{Dimension: d})
		}
	}
	return nil
}

// keeps turns a condition into a function of the figure.
func keeps(h *store.GroupHaving) func(decimal.Decimal, bool) bool {
	type test struct {
		bound decimal.Decimal
		holds func(int) bool
	}
	var tests []test
	for _, t := range []struct {
		bound *scalar.Decimal
		holds func(int) bool
	}{
		{h.Gt, func(c int) bool { return c > 0 }}, {h.Gte, func(c int) bool { return c >= 0 }},
		{h.Lt, func(c int) bool { return c < 0 }}, {h.Lte, func(c int) bool { return c <= 0 }},
		{h.Eq, func(c int) bool { return c == 0 }},
	} {
		if t.bound != nil {
			tests = append(tests, test{decimal.RequireFromString(string(*t.bound)), t.holds}) // the scalar has checked it
		}
	}
	return func(v decimal.Decimal, ok bool) bool {
		if h.IsNull != nil && *h.IsNull == ok {
			return false
		}
		if !ok {
			return h.IsNull != nil
		}
		for _, t := range tests {
			if !t.holds(v.Cmp(t.bound)) {
				return false
			}
		}
		return true
	}
}

// binding is what the cursors of the report are sealed with.
func (a aggregateArgs) binding(ask *store.Ask, fc *graphql.FieldContext, measures []string) string {
	bound := map[string]any{}
	for name, v := range a {
		if name != "first" && name != "after" && name != "dryRun" {
			bound[name] = v
		}
	}
	text, err := json.Marshal([]any{fc.Field.Name, bound, measures, ask.Viewer.Principal})
	if err != nil {
		panic(fmt.Sprintf("resolvers: arguments of %s do not marshal: %v", fc.Field.Name, err))
	}
	return string(text)
}
