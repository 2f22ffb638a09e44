package store

import (
	"fmt"
	"strings"

	"linhui/schema"
)

// CubesSDL is the part of the schema that the described cubes make: for each a root field, the
// connection it answers with, its groups, and the enum of its dimensions.
func CubesSDL() string {
	var b strings.Builder
	for _, c := range Cubes() {
		c.writeSDL(&b)
	}
	return b.String()
}

// SDL is the whole schema's: the files' and the cubes'.
func SDL() string { return schema.SDL() + CubesSDL() }

func (c *Cube) writeSDL(b *strings.Builder) {
	name := c.Of.TypeName()
	fmt.Fprintf(b, "enum %sDimension {\n", name)
	for i := range c.Dimensions {
		d := &c.Dimensions[i]
		if d.Doc != "" {
			fmt.Fprintf(b, "  %q\n", d.Doc)
		}
		fmt.Fprintf(b, "  %s\n", d.Name)
	}
	b.WriteString("}\n")

	fmt.Fprintf(b, "\"One page of the groups of %s rows that have the same keys.\"\ntype %s @class(level: P0_PUBLIC) {\n", name, c.AggregateType())
	fmt.Fprintf(b, "  edges: [%[1]sEdge!]!\n  nodes: [%[1]s!]!\n  pageInfo: PageInfo!\n", c.GroupType())
	fmt.Fprintf(b, `  "Groups on all pages; null when a source did not answer."
  totalCount: Int
  "Of every row that matches, whatever having and the page leave out."
  total: %[1]s
  "Of the rows of the total that no group of this page shows; null when there are none."
  other: %[1]s
  coverage: Coverage!
  "When the oldest answer of a source was read."
  asOf: DateTime!
  accuracy: [MeasureAccuracy!]!
  "Groups that held too few people to be shown apart."
  suppressed: Int!
  cost: AggregateCost!
}
`, c.MeasuresType())
	fmt.Fprintf(b, "type %sEdge @class(level: P0_PUBLIC) { cursor: String!, node: %[1]s! }\n", c.GroupType())

	fmt.Fprintf(b, "\"Dimensions are those of groupBy; to select another is an error. A null dimension is that of rows without one.\"\ntype %s @class(level: P0_PUBLIC) {\n", c.GroupType())
	if c.Time != "" {
		b.WriteString("  \"First day of the bucket.\"\n  bucket: Date\n")
	}
	for i := range c.Dimensions {
		d := &c.Dimensions[i]
		fmt.Fprintf(b, "  %s: %s\n", d.field, d.Type)
	}
	c.writeMeasures(b)
	if c.Time != "" {
		fmt.Fprintf(b, "  \"What compareTo asks for; null where no row stands.\"\n  compared: %s\n", c.MeasuresType())
	}
	b.WriteString("  \"Whether the group gathers what is too small to be shown apart.\"\n  suppressed: Boolean!\n}\n")

	fmt.Fprintf(b, "type %s @class(level: P0_PUBLIC) {\n", c.MeasuresType())
	c.writeMeasures(b)
	b.WriteString("}\n")

	fmt.Fprintf(b, "extend type Query {\n  %q\n  %s(communities: [ID!]", "Groups of "+name+" rows. Measures are computed when they are selected. By bucket and keys, unless ordered.", c.RootField())
	if c.Where != "" {
		fmt.Fprintf(b, ", where: %s", c.Where)
	}
	if c.Time != "" {
		b.WriteString(", period: DateRange, bucket: Bucket, compareTo: Comparison")
	}
	fmt.Fprintf(b, ", groupBy: [%sDimension!], having: [GroupHaving!], orderBy: [GroupOrder!], first: Int, after: String, minGroupSize: Int, dryRun: Boolean = false, onPartial: OnPartial = WARN): %s", name, c.AggregateType())
	if len(c.Roles) > 0 {
		roles := make([]string, len(c.Roles))
		for i, r := range c.Roles {
			roles[i] = string(r)
		}
		fmt.Fprintf(b, " @auth(any: [%s])", strings.Join(roles, ", "))
	}
	b.WriteString("\n}\n\n")
}

func (c *Cube) writeMeasures(b *strings.Builder) {
	for i := range c.Measures {
		m := &c.Measures[i]
		doc := m.Doc
		if m.Unit != "" {
			doc += " (" + m.Unit + ")"
		}
		args := ""
		if c.Where != "" {
			args = "where: " + c.Where
		}
		if m.IsPercentile() {
			if args != "" {
				args += ", "
			}
			args += "p: Float! = 0.5"
		}
		if args != "" {
			args = "(" + args + ")"
		}
		fmt.Fprintf(b, "  %q\n  %s%s: %s\n", doc, m.Name, args, m.Type())
	}
}
