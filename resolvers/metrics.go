package resolvers

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
	"linhui/sources"
	"linhui/store"
)

// mostMetrics bounds the measures of one table. Chosen: wider than a sheet that people read.
const mostMetrics = 20

func (q query) MetricCatalogue(ctx context.Context, of []string) ([]*store.MetricDefinition, error) {
	return store.MetricCatalogue(q.Sources.Ask(ctx).Viewer, of), nil
}

func (q query) Metrics(ctx context.Context, measures []string, dimensions []string, _ []string, where []*store.MetricCondition, _ *store.DateRange, _, _ *scalar.Enum,
	_ []*store.GroupHaving, _ []*store.GroupOrder, _ *int, _ *string, _ *int, _ *bool, _ *store.OnPartial) (*store.Metrics, error) {
	fc := graphql.GetFieldContext(ctx)
	ask, args := q.analyst(ctx), aggregateArgs(fc.Args)
	t := &table{}
	if err := t.choose(ask, measures, dimensions, where); err != nil {
		return nil, err
	}
	if err := t.timed(args); err != nil {
		return nil, err
	}
	report, err := args.report(t.asked)
	if err != nil {
		return nil, err
	}
	report.Total = true
	t.report = report
	if err := args.arrange(report, t); err != nil {
		return nil, err
	}
	report.Binding = args.binding(ask, fc, measures)
	a, err := q.answer(ctx, ask, args, report)
	if err = lacking(ctx, err); err != nil {
		return nil, err
	}
	return t.shown(ctx, q.Sources, ask, a), nil
}

// table is figures by their names: what metrics makes of a report.
type table struct {
	metrics []store.MetricAsked
	figures []sources.Figure // of the metrics
	by      []*store.Dimension
	asked   []sources.Asked
	report  *sources.Report
}

// choose finds measures, dimensions and conditions, and says what is legal when there is none.
func (t *table) choose(ask *store.Ask, measures, dimensions []string, where []*store.MetricCondition) error {
	if len(measures) == 0 || len(measures) > mostMetrics {
		return fault.Newf(fault.BadUserInput, "name from 1 to %d measures, as metricCatalogue has them", mostMetrics).At("measures")
	}
	var cubes []*store.Cube
	for i, name := range measures {
		m, err := store.MetricNamed(name)
		if err == nil {
			err = m.Cube.MayAsk(ask.Viewer)
		}
		if err != nil {
			return err
		}
		if slices.Contains(measures[:i], name) {
			return fault.Newf(fault.BadUserInput, "%s stands twice", m.Name).At("measures")
		}
		of := slices.Index(cubes, m.Cube)
		if of < 0 {
			of = len(cubes)
			cubes = append(cubes, m.Cube)
			t.asked = append(t.asked, sources.Asked{Cube: m.Cube, Query: store.CubeQuery{HashKey: rand.Int64()}})
		}
		q := &t.asked[of].Query
		t.metrics = append(t.metrics, m)
		t.figures = append(t.figures, sources.Figure{Name: name, Of: of, At: len(q.Measures), Arg: m.Arg})
		q.Measures = append(q.Measures, store.Measured{Measure: m.Measure})
	}
	common := store.Common(ask.Viewer, cubes)
	for i, name := range dimensions {
		at := slices.IndexFunc(common, func(d *store.Dimension) bool { return d.Name == name })
		if at < 0 {
			return illegal(cubes, common).At("dimensions")
		}
		if slices.Contains(dimensions[:i], name) {
			return fault.Newf(fault.BadUserInput, "%s stands twice", name).At("dimensions")
		}
		t.by = append(t.by, common[at])
	}
	for i := range t.asked {
		x := &t.asked[i]
		for _, d := range t.by {
			x.Query.By = append(x.Query.By, x.Cube.Named(scalar.Enum(d.Name)))
		}
		if where == nil {
			continue
		}
		for _, c := range where {
			if !slices.ContainsFunc(common, func(d *store.Dimension) bool { return d.Name == c.Of }) {
				return illegal(cubes, common).At("where")
			}
		}
		conditions, err := x.Cube.Conditions(where)
		if err != nil {
			return err
		}
		x.Query.Where = conditions
	}
	return nil
}

// illegal says by what the measures of some cubes can be cut.
func illegal(of []*store.Cube, common []*store.Dimension) *fault.Error {
	var names, legal []string
	for _, c := range of {
		names = append(names, c.Of.TypeName())
	}
	for _, d := range common {
		legal = append(legal, d.Name)
	}
	return fault.Newf(fault.BadUserInput, "your roles cut measures of %s, together, by %s", strings.Join(names, " and "), strings.Join(legal, ", ")).With("legal", legal)
}

// timed refuses time of what has none.
func (t *table) timed(args aggregateArgs) error {
	for _, name := range []string{"period", "bucket", "compareTo"} {
		switch v := args[name].(type) {
		case *store.DateRange:
			if v == nil {
				continue
			}
		case *scalar.Enum:
			if v == nil {
				continue
			}
		default:
			continue
		}
		for _, x := range t.asked {
			if x.Cube.Time == "" {
				return fault.Newf(fault.BadUserInput, "%s rows have no time: leave out %s, or the measures of %[1]s", x.Cube.Of.TypeName(), name).At(name)
			}
		}
	}
	return nil
}

// named finds a measure by the name it was asked for by.
func (t *table) named(name string, at ...string) (*sources.Figure, error) {
	plain, compared := strings.CutPrefix(name, "compared.")
	var known []string
	for _, f := range t.figures {
		known = append(known, f.Name)
		if f.Name == plain && (!compared || t.report.Compare != nil) {
			f.Compared = compared
			return &f, nil
		}
	}
	return nil, fault.Newf(fault.BadUserInput, "no measure of that name is asked for; there are: %s", strings.Join(known, ", ")).At(at...).With("legal", known)
}

// keyed finds a dimension by its name.
func (t *table) keyed(name string) *store.Dimension {
	for _, d := range t.by {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// shown turns an aggregate into columns and rows.
func (t *table) shown(ctx context.Context, s *sources.Sources, ask *store.Ask, a *store.Aggregate) *store.Metrics {
	groups := a.Nodes()
	rows := make([]*store.MetricRow, len(groups))
	for i, g := range groups {
		rows[i] = &store.MetricRow{Bucket: g.Bucket, Suppressed: g.Suppressed, Keys: make([]*string, len(t.by)), Labels: make([]*string, len(t.by)),
			Values: t.values(g, false), Compared: []*scalar.Decimal{}}
		if t.report.Compare != nil {
			rows[i].Compared = t.values(g, true)
		}
		for j, d := range t.by {
			rows[i].Keys[j] = g.KeyText(ask.Directory, d)
		}
	}
	if ask.Demand["MetricRow"]["labels"] {
		for j, d := range t.by {
			for i, label := range sources.Labels(ctx, s, ask, t.asked[0].Cube, d, groups) {
				rows[i].Labels[j] = label
			}
		}
	}
	out := &store.Metrics{Connection: page.Converted(a.Connection, rows), Columns: store.MetricColumns(t.report.Query().Bucket, t.by, t.metrics),
		AsOf: a.AsOf, Suppressed: a.Suppressed, Cost: a.Cost, Accuracy: []store.MeasureAccuracy{}}
	if a.Total != nil {
		out.Total = t.values(a.Total, false)
	}
	if a.Other != nil {
		out.Other = t.values(a.Other, false)
	}
	for i, f := range t.figures {
		out.Accuracy = append(out.Accuracy, accuracyOf(f, t.metrics[i].Kind, a))
	}
	return out
}

// values are the figures of a group, or of what it is compared with.
func (t *table) values(g *store.Group, compared bool) []*scalar.Decimal {
	all := make([]*scalar.Decimal, len(t.figures))
	for i, f := range t.figures {
		f.Compared = compared
		if v, ok := f.Value(g); ok {
			d := scalar.Decimal(v.String())
			all[i] = &d
		}
	}
	return all
}
