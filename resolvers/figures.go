package resolvers

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"linhui/graph"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/schema/scalar"
	"linhui/sources"
	"linhui/store"
)

// figures are the measures that an aggregate's selection asks for.
type figures struct {
	ctx     context.Context
	report  *sources.Report
	keys    []string // of the query's measures: name and filter
	shown   []shown
	inNodes []sources.Figure
}

// shown is a field that shows a figure or a dimension of the groups of one place.
type shown struct {
	field  graphql.CollectedField
	in     place
	figure sources.Figure
	whole  bool // an Int
	key    *store.Dimension
}

type place uint8

const (
	nodes place = iota
	compared
	total
	other
)

func (s *figures) collect(fc *graphql.FieldContext) error {
	c := s.report.Asked[0].Cube
	for _, f := range s.fields(fc.Field, c.AggregateType()) {
		var err error
		switch f.Name {
		case "nodes":
			err = s.group(f)
		case "edges":
			for _, n := range s.fields(f, c.GroupType()+"Edge") {
				if n.Name == "node" {
					err = s.group(n)
				}
			}
		case "total":
			s.report.Total = true
			err = s.measures(f, c.MeasuresType(), total)
		case "other":
			s.report.Total = true
			err = s.measures(f, c.MeasuresType(), other)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *figures) fields(f graphql.CollectedField, typ string) []graphql.CollectedField {
	return graphql.CollectFields(graphql.GetOperationContext(s.ctx), f.Selections, []string{typ})
}

// group collects what is selected of a group.
func (s *figures) group(f graphql.CollectedField) error {
	c, q := s.report.Asked[0].Cube, s.report.Query()
	for _, x := range s.fields(f, c.GroupType()) {
		if x.Name == "compared" {
			if s.report.Compare == nil {
				return fault.Newf(fault.BadUserInput, "compared is shown with compareTo: PREVIOUS or YEAR_AGO").At("compareTo")
			}
			if err := s.measures(x, c.MeasuresType(), compared); err != nil {
				return err
			}
		}
		if x.Name == "bucket" && q.Bucket == "" {
			return fault.Newf(fault.BadUserInput, "bucket is shown when time is cut: give bucket: MONTH, for one").At("bucket")
		}
		if d := c.DimensionAt(x.Name); d != nil {
			if !slices.Contains(q.By, d) {
				return fault.Newf(fault.BadUserInput, "%s is shown when groups are cut by it: add %s to groupBy", x.Name, d.Name).At("groupBy")
			}
			if store.LinkAt(c.GroupType(), x.Name) == nil { // else the loaders follow it
				s.shown = append(s.shown, shown{field: x, in: nodes, key: d})
			}
		}
	}
	return s.measures(f, c.GroupType(), nodes)
}

// measures collects the measures selected in a place.
func (s *figures) measures(f graphql.CollectedField, typ string, in place) error {
	c, q := s.report.Asked[0].Cube, s.report.Query()
	oc := graphql.GetOperationContext(s.ctx)
	for _, x := range s.fields(f, typ) {
		m := c.MeasureAt(x.Name)
		if m == nil {
			continue
		}
		figure := sources.Figure{Name: x.Alias, Compared: in == compared}
		asked := store.Measured{Measure: m}
		if len(x.Definition.Arguments) > 0 {
			args, err := graph.Args(s.ctx, oc, typ, x.Name, x.ArgumentMap(oc.Variables))
			if err != nil {
				return err
			}
			asked.Where = filterOf(args)
			if p, ok := args["p"].(float64); ok {
				if p < 0 || p > 1 {
					return fault.Newf(fault.BadUserInput, "p is a share from 0 to 1: 0.5 is the median").At(x.Alias, "p")
				}
				figure.Arg = p
			}
		}
		filter, err := json.Marshal(asked.Where)
		if err != nil {
			return err
		}
		key := m.Name + string(filter)
		if figure.At = slices.Index(s.keys, key); figure.At < 0 {
			figure.At = len(s.keys)
			s.keys = append(s.keys, key)
			q.Measures = append(q.Measures, asked)
		}
		s.shown = append(s.shown, shown{field: x, in: in, figure: figure, whole: m.Type() == "Int"})
		switch in {
		case compared:
			figure.Name = "compared." + figure.Name
			s.inNodes = append(s.inNodes, figure)
		case nodes:
			s.inNodes = append(s.inNodes, figure)
		}
	}
	return nil
}

// named finds a selected measure by its response name.
func (s *figures) named(name string, at ...string) (*sources.Figure, error) {
	var known []string
	for i := range s.inNodes {
		if s.inNodes[i].Name == name {
			return &s.inNodes[i], nil
		}
		known = append(known, s.inNodes[i].Name)
	}
	return nil, fault.Newf(fault.BadUserInput, "no measure of that name is selected in nodes; selected are: %s", strings.Join(known, ", ")).At(at...)
}

// keyed finds a dimension of groupBy by its field.
func (s *figures) keyed(field string) *store.Dimension {
	if d := s.report.Asked[0].Cube.DimensionAt(field); d != nil && slices.Contains(s.report.Query().By, d) {
		return d
	}
	return nil
}

// show records the selected figures at their groups, where the fields find them.
func (s *figures) show(a *store.Aggregate) {
	rows := make([]store.Node, 0, len(a.Nodes()))
	for _, g := range a.Nodes() {
		rows = append(rows, g)
	}
	store.Expect(rows, len(s.shown)+len(s.report.Query().By)) // figures, and rows that keys lead to
	for _, x := range s.shown {
		set := func(g *store.Group) {
			if g != nil {
				g.SetLoaded(x.field.Field, x.value(g), nil)
			}
		}
		switch x.in {
		case total:
			set(a.Total)
		case other:
			set(a.Other)
		case compared:
			for _, g := range a.Nodes() {
				set(g.Compared)
			}
		case nodes:
			for _, g := range a.Nodes() {
				set(g)
			}
		}
	}
	for _, x := range s.shown {
		if x.key != nil || x.in != nodes && x.in != total {
			continue
		}
		if acc := accuracyOf(x.figure, s.report.Query().Measures[x.figure.At].Kind, a); !slices.ContainsFunc(a.Accuracy, func(o store.MeasureAccuracy) bool { return o.Of == acc.Of }) {
			a.Accuracy = append(a.Accuracy, acc)
		}
	}
	if a.Accuracy == nil {
		a.Accuracy = []store.MeasureAccuracy{}
	}
}

// value is what the field shows of a group, in the Go type of its GraphQL type.
func (x shown) value(g *store.Group) any {
	if x.key != nil {
		return g.Shown(x.key)
	}
	f := x.figure
	f.Compared = false // g is the compared group itself
	if c, ok := f.Part(g).(interface{ Int() int64 }); ok {
		n := int(c.Int())
		return &n
	}
	v, ok := f.Value(g)
	switch {
	case x.whole && ok:
		n := int(v.IntPart())
		return &n
	case x.whole:
		return (*int)(nil)
	case ok:
		d := scalar.Decimal(v.String())
		return &d
	}
	return (*scalar.Decimal)(nil)
}

// accuracyOf is that of the least exact group shown.
func accuracyOf(f sources.Figure, kind measure.Kind, a *store.Aggregate) store.MeasureAccuracy {
	acc := store.MeasureAccuracy{Of: f.Name, Exact: true, Additive: kind.Additive()}
	worst := 0.0
	for _, g := range slices.Concat(a.Nodes(), []*store.Group{a.Total}) {
		part := f.Part(g)
		if part == nil {
			continue
		}
		if o := kind.Accuracy(part); !o.Exact {
			acc.Exact, worst = false, max(worst, o.Error)
		}
	}
	if !acc.Exact {
		d := scalar.Decimal(decimal.NewFromFloat(worst).String())
		acc.Error = &d
	}
	return acc
}
