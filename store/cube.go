package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"linhui/internal/authz"
	"linhui/internal/measure"
	"linhui/schema"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Cube describes what can be counted and measured of a type's rows, and along which
// dimensions. A domain declares it beside its table; the root field, its types, their
// resolvers and the catalogue follow from the declaration.
type Cube struct {
	// Of is the table whose rows are measured.
	Of Described
	// Where is the GraphQL input that narrows the rows, "" for none; bound to a Filter.
	Where string
	// Default is the filter of a query without one; nil: every row counts.
	Default Filter
	// Time is the column, an instant or a day, by which rows belong to a period and a bucket;
	// "" for what has no time.
	Time string
	// Roles may ask: any of them. nil: anyone.
	Roles      []authz.Role
	Dimensions []Dimension
	Measures   []Measure
	// Guard protects people behind the rows; nil where the rows are of nobody.
	Guard *Guard
	// Rollups are totals that the database keeps; the first that can answers. A viewer behind
	// the guard is answered from rows.
	Rollups []*Rollup

	table cubed
	time  *column
}

// cubed is what a cube needs of its table, whatever the table's rows are.
type cubed interface {
	Described
	columnNamed(string) *column
	reach(ask *Ask, w *Where, class authz.Class, owners []string) (selection, []string)
}

// referred is a table that a dimension's key leads to.
type referred interface {
	refer(ctx context.Context, src Source, b *Batch, key func(Node) (string, *uuid.UUID)) error
}

// Dimension is what groups are cut by. Name is a value of the cube's dimension enum; the
// group's field is the same name in lower camel case.
type Dimension struct {
	Name string
	Doc  string
	// SQL is the key over t, and over what From adds; Column stands for it where the key is one
	// column of the table, whose type and class are taken over.
	SQL, Column string
	// From is joined for SQL. Dimensions with the same From share it.
	From string
	// Overlaps says that From may give a row several keys: sums of groups exceed the total.
	Overlaps bool
	// To is the type whose id the key is; the group's field shows the row.
	To Described
	// Type is the GraphQL type of other keys: an enum, String (the default), Int, Boolean, Date.
	Type string

	field string
	class authz.Class
	enum  []string
	place dimensionPlace
}

// dimensionPlace says where a dimension that every cube has takes its key from.
type dimensionPlace uint8

const (
	ofRow      dimensionPlace = iota
	ofOwner                   // the community itself
	ofStreet                  // the division above it, as the directory says
	ofDistrict                // and above that
)

// Measure is a figure of a group's rows. Name is the group's field.
type Measure struct {
	Name string
	// Doc is the formula in words, for the schema and the catalogue.
	Doc string
	// Unit is what it counts: 件, 人次, 小时; "" for a share.
	Unit string
	Kind measure.Kind
	// Class is that of the most personal column behind it.
	Class authz.Class
}

// Type is the GraphQL type of a measure's value.
func (m *Measure) Type() string {
	switch m.Kind.(type) {
	case measure.Count, measure.Distinct:
		return "Int"
	}
	return "Decimal"
}

// Field is the group's field that shows a dimension.
func (d *Dimension) Field() string { return d.field }

var cubes = map[string]*Cube{}

// Cubes returns the described cubes by the name of their type, sorted.
func Cubes() []*Cube {
	all := make([]*Cube, 0, len(cubes))
	for _, name := range slices.Sorted(maps.Keys(cubes)) {
		all = append(all, cubes[name])
	}
	return all
}

// CubeAt returns the cube behind a root field, nil when there is none.
func CubeAt(rootField string) *Cube {
	for _, c := range cubes {
		if c.RootField() == rootField {
			return c
		}
	}
	return nil
}

// RootField is the query field that answers from the cube.
func (c *Cube) RootField() string { return lowerFirst(c.Of.TypeName()) + "Aggregate" }

// Restricted reports whether the rows are those of a restricted table.
func (c *Cube) Restricted() bool { return c.Of.described().Restricted }

// GroupType, MeasuresType and AggregateType are the cube's GraphQL types.
func (c *Cube) GroupType() string     { return c.Of.TypeName() + "Group" }
func (c *Cube) MeasuresType() string  { return c.Of.TypeName() + "Measures" }
func (c *Cube) AggregateType() string { return c.Of.TypeName() + "Aggregate" }

// DefineCube describes a cube.
func DefineCube(c Cube) *Cube {
	table, ok := c.Of.(cubed)
	if !ok {
		panic("store: cube of " + c.Of.TypeName() + ": not a table")
	}
	if _, twice := cubes[c.Of.TypeName()]; twice {
		panic("store: cube of " + c.Of.TypeName() + " is described twice")
	}
	if c.Guard != nil && c.Roles == nil && c.Guard.least() < publicPeople {
		panic("store: cube of " + c.Of.TypeName() + ": what anyone may ask is guarded by 10 people at least")
	}
	c.table = table
	if c.Time != "" {
		c.time = table.columnNamed(c.Time)
	}
	c.Dimensions = append([]Dimension{
		{Name: "COMMUNITY", Doc: "社区; null for what belongs to a district.", Type: "Community", place: ofOwner},
		{Name: "STREET", Doc: "街道 or 镇 above the community.", Type: "Division", place: ofStreet},
		{Name: "DISTRICT", Doc: "区 or 县 above the community.", Type: "Division", place: ofDistrict},
	}, c.Dimensions...)
	for i := range c.Dimensions {
		c.prepare(&c.Dimensions[i])
	}
	for _, r := range c.Rollups {
		r.declare(&c)
	}
	cubes[c.Of.TypeName()] = &c
	schema.Declare("Query."+c.RootField(), schema.Field{Roles: c.Roles})
	return &c
}

// prepare completes a dimension and registers the link behind its field.
func (c *Cube) prepare(d *Dimension) {
	d.field = camel(d.Name)
	if d.Column != "" {
		col := c.table.columnNamed(d.Column)
		d.SQL, d.class = col.expr, col.class
		if col.enum != nil {
			d.Type = col.enum.Name
		}
	}
	if d.Type == "" {
		d.Type = "String"
	}
	if def := schema.Parsed().Types[d.Type]; def != nil {
		for _, v := range def.EnumValues {
			d.enum = append(d.enum, v.Name)
		}
	}
	at := func(n Node) (string, *uuid.UUID) { return n.Base().Owner, idOf(groupOf(n).keyed(d)) }
	switch {
	case d.To != nil:
		d.Type = d.To.TypeName()
		child, ok := d.To.(referred)
		if !ok {
			panic(fmt.Sprintf("store: dimension %s leads to no table", d.Name))
		}
		register(&Link{Parent: c.GroupType(), Field: d.field, Child: d.Type, key: d.keyOf, load: func(ctx context.Context, src Source, b *Batch) error {
			return child.refer(ctx, src, b, at)
		}})
	case d.place == ofOwner:
		c.local(d, func(dir *Directory, key string) any { return orNil(dir.Community(key)) })
	case d.place == ofStreet, d.place == ofDistrict:
		c.local(d, func(dir *Directory, key string) any { return orNil(dir.Division(key)) })
	}
}

func idOf(key *string) *uuid.UUID {
	if key == nil {
		return nil
	}
	id, err := uuid.Parse(*key)
	if err != nil {
		return nil // the database's own uuid
	}
	return &id
}

func (c *Cube) local(d *Dimension, find func(*Directory, string) any) {
	register(&Link{Parent: c.GroupType(), Field: d.field, Child: d.Type, key: d.keyOf, local: func(ask *Ask, n Node, _ map[string]any) (any, error) {
		key := groupOf(n).keyed(d)
		if key == nil {
			return nil, nil
		}
		return find(ask.Directory, *key), nil
	}})
}

// keyOf tells groups apart by what the dimension leads to from them.
func (d *Dimension) keyOf(n Node) Key {
	g := groupOf(n)
	switch key := g.keyed(d); {
	case key == nil:
		return Key{}
	case d.To == nil:
		return Key{Owner: *key} // a community or a division
	default:
		id, _ := uuid.Parse(*key) // the database's own uuid
		return Key{g.Owner, id}
	}
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// ownerBound reports whether no group of the dimension holds rows of two owners.
func (d *Dimension) ownerBound() bool { return d.place == ofOwner || d.To != nil }

// Named returns the dimension of an enum value, nil when the cube has none.
func (c *Cube) Named(name scalar.Enum) *Dimension {
	for i := range c.Dimensions {
		if c.Dimensions[i].Name == string(name) {
			return &c.Dimensions[i]
		}
	}
	return nil
}

// DimensionAt returns the dimension behind a field of the group, nil when it is none.
func (c *Cube) DimensionAt(field string) *Dimension {
	for i := range c.Dimensions {
		if c.Dimensions[i].field == field {
			return &c.Dimensions[i]
		}
	}
	return nil
}

// MeasureAt returns the measure behind a field, nil when it is none.
func (c *Cube) MeasureAt(field string) *Measure {
	for i := range c.Measures {
		if c.Measures[i].Name == field {
			return &c.Measures[i]
		}
	}
	return nil
}

// IsMeasured reports whether a field shows a measure or a dimension of a cube; generated code
// resolves it from what the aggregate loaded.
func IsMeasured(typ, field string) bool {
	for _, c := range cubes {
		switch typ {
		case c.GroupType():
			return c.MeasureAt(field) != nil || c.DimensionAt(field) != nil
		case c.MeasuresType():
			return c.MeasureAt(field) != nil
		}
	}
	return false
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// camel turns SERVICE_KIND into serviceKind.
func camel(name string) string {
	words := strings.Split(strings.ToLower(name), "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// IsPercentile reports whether the measure takes the argument p.
func (m *Measure) IsPercentile() bool { _, ok := m.Kind.(measure.Percentile); return ok }

// Size is how many people a group's rows are about, or how many rows it has.
func (c *Cube) Size() *Measure {
	if c.Guard == nil {
		return &Measure{Kind: measure.Count{}}
	}
	return &Measure{Kind: measure.Distinct{Of: c.Guard.People}}
}
