package store

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema"
	"linhui/schema/scalar"

	"github.com/shopspring/decimal"
)

// Metrics is one page of the figures of one or more cubes.
type Metrics struct {
	*page.Connection[MetricRow]
	Columns      []MetricColumn
	Total, Other []*scalar.Decimal // nil: not told
	AsOf         time.Time
	Accuracy     []MeasureAccuracy
	Suppressed   int
	Cost         AggregateCost
}

// MetricRow is a group: its keys with what people call them, and its figures.
type MetricRow struct {
	Bucket           *scalar.Date
	Keys, Labels     []*string
	Values, Compared []*scalar.Decimal
	Suppressed       bool
}

// MetricRowEdge is a row with its cursor.
type MetricRowEdge = page.Edge[MetricRow]

// MetricColumn says what a key or a figure of every row is.
type MetricColumn struct {
	Name string
	Role scalar.Enum
	Type string
	Unit *string
}

// MetricAsked is a measure of a cube as metrics are asked for it.
type MetricAsked struct {
	Name string // as it was asked for
	Cube *Cube
	*Measure
	Arg float64 // of a quantile
}

// MetricNamed finds "Feedback.onTimeShare", or "Feedback.hoursToReply@0.9" of a quantile. Otherwise
// the fault says what there is.
func MetricNamed(name string) (MetricAsked, error) {
	full, share, shared := strings.Cut(name, "@")
	of, field, _ := strings.Cut(full, ".")
	c := cubes[of]
	if c == nil {
		var legal []string
		for _, c := range Cubes() {
			legal = append(legal, c.Of.TypeName())
		}
		return MetricAsked{}, fault.Newf(fault.BadUserInput, "a measure is named by its type and its field, as in Feedback.received; there are figures of %s: see metricCatalogue", strings.Join(legal, ", ")).
			At("measures").With("legal", legal)
	}
	m := MetricAsked{Name: name, Cube: c, Measure: c.MeasureAt(field)}
	if m.Measure == nil {
		var legal []string
		for i := range c.Measures {
			legal = append(legal, c.metricName(&c.Measures[i]))
		}
		return m, fault.Newf(fault.BadUserInput, "%s has no such measure; it has %s", of, strings.Join(legal, ", ")).At("measures").With("legal", legal)
	}
	if m.IsPercentile() {
		m.Arg = 0.5
	}
	if shared {
		var err error
		if m.Arg, err = strconv.ParseFloat(share, 64); !m.IsPercentile() || err != nil || !(m.Arg >= 0 && m.Arg <= 1) {
			return m, fault.Newf(fault.BadUserInput, "behind @ stands the share of a quantile, from 0 to 1: Feedback.hoursToReply@0.9").At("measures")
		}
	}
	return m, nil
}

// MayAsk refuses a viewer who may not ask the cube, by either way to it.
func (c *Cube) MayAsk(v *authz.Viewer) error { return schema.MayAsk(v, "Query."+c.RootField()) }

func (c *Cube) metricName(m *Measure) string { return c.Of.TypeName() + "." + m.Name }

func (c *Cube) names() []string {
	names := make([]string, len(c.Dimensions))
	for i := range c.Dimensions {
		names[i] = c.Dimensions[i].Name
	}
	return names
}

// Common returns the dimensions by which a viewer may cut all of some cubes alike: those of one
// name and one type.
func Common(v *authz.Viewer, of []*Cube) []*Dimension {
	var common []*Dimension
	for i := range of[0].Dimensions {
		d := &of[0].Dimensions[i]
		if !slices.ContainsFunc(of, func(c *Cube) bool {
			o := c.Named(scalar.Enum(d.Name))
			return o == nil || o.Type != d.Type || !c.cutBy(v, o)
		}) {
			common = append(common, d)
		}
	}
	return common
}

// cutBy reports whether a viewer may cut the cube by a dimension of it.
func (c *Cube) cutBy(v *authz.Viewer, d *Dimension) bool {
	return c.permit(v, &CubeQuery{By: []*Dimension{d}}) == nil
}

// column describes what the keys of a dimension are.
func (d *Dimension) column() MetricColumn {
	return MetricColumn{Name: d.Name, Role: "DIMENSION", Type: d.Type}
}

// MetricColumns describes the columns of a table of figures.
func MetricColumns(bucket scalar.Enum, by []*Dimension, metrics []MetricAsked) []MetricColumn {
	var all []MetricColumn
	if bucket != "" {
		all = append(all, MetricColumn{Name: "bucket", Role: "BUCKET", Type: "Date"})
	}
	for _, d := range by {
		all = append(all, d.column())
	}
	for _, m := range metrics {
		all = append(all, MetricColumn{Name: m.Name, Role: "MEASURE", Type: m.Type(), Unit: optional(m.Unit)})
	}
	return all
}

// MetricDefinition is a measure in the catalogue.
type MetricDefinition struct {
	Name, Formula        string
	Unit                 *string
	Type                 string
	Kind                 scalar.Enum
	Additive             bool
	Error                *scalar.Decimal
	Of, Field            string
	Roles                []scalar.Enum
	Mine                 bool
	LeastPeople          *int
	Dimensions           []string
	DimensionDefinitions []DimensionDefinition
	Buckets              []scalar.Enum
}

// DimensionDefinition is a dimension in the catalogue.
type DimensionDefinition struct {
	Name        string
	Description *string
	Type        string
	Values      []string
	Overlaps    bool
}

// MetricCatalogue describes every measure of the types named, nil for all, as it is for a viewer.
func MetricCatalogue(v *authz.Viewer, of []string) []*MetricDefinition {
	all := []*MetricDefinition{}
	for _, c := range Cubes() {
		if of == nil || slices.Contains(of, c.Of.TypeName()) {
			all = append(all, c.definitions(v)...)
		}
	}
	return all
}

func (c *Cube) definitions(v *authz.Viewer) []*MetricDefinition {
	shared := MetricDefinition{Of: c.Of.TypeName(), Field: c.RootField(), Roles: []scalar.Enum{}, Mine: c.MayAsk(v) == nil, Buckets: []scalar.Enum{}}
	for _, r := range c.Roles {
		shared.Roles = append(shared.Roles, scalar.Enum(r))
	}
	if c.Guarded(v) {
		least := c.Guard.least()
		shared.LeastPeople = &least
	}
	if c.Time != "" {
		for _, b := range []scalar.Enum{"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"} {
			if c.permit(v, &CubeQuery{Bucket: b}) == nil {
				shared.Buckets = append(shared.Buckets, b)
			}
		}
	}
	for _, d := range Common(v, []*Cube{c}) {
		shared.Dimensions = append(shared.Dimensions, d.Name)
		shared.DimensionDefinitions = append(shared.DimensionDefinitions,
			DimensionDefinition{Name: d.Name, Description: optional(d.Doc), Type: d.Type, Values: d.enum, Overlaps: d.Overlaps})
	}
	var all []*MetricDefinition
	for i := range c.Measures {
		m, of := &c.Measures[i], shared
		of.Name, of.Formula, of.Unit, of.Type, of.Kind, of.Additive = c.metricName(m), m.Doc, optional(m.Unit), m.Type(), kindOf(m.Kind), m.Kind.Additive()
		if worst := measure.Worst(m.Kind); worst > 0 {
			d := scalar.Decimal(decimal.NewFromFloat(worst).String())
			of.Error = &d
		}
		of.Mine = of.Mine && c.permit(v, &CubeQuery{Measures: []Measured{{Measure: m}}}) == nil
		all = append(all, &of)
	}
	return all
}

func kindOf(k measure.Kind) scalar.Enum {
	switch k.(type) {
	case measure.Count:
		return "COUNT"
	case measure.Sum:
		return "SUM"
	case measure.Ratio:
		return "RATIO"
	case measure.Deviation:
		return "DEVIATION"
	case measure.Least:
		return "LEAST"
	case measure.Most:
		return "MOST"
	case measure.Percentile:
		return "QUANTILE"
	case measure.Distinct:
		return "DISTINCT"
	}
	return "OTHER"
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
