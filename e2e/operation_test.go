package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/schema"
)

// operations makes random valid operations from the schema itself, so that a new domain is
// asked about before its author writes a test.
type operations struct {
	*rand.Rand
	schema      *ast.Schema
	viewer      *authz.Viewer
	communities []string // slugs to choose from
	ids         []string // global ids seen in answers
}

// root is one list to ask for, page after page.
type root struct {
	field     string
	args      string // without paging
	selection string
	size      int
	backward  bool
}

// query asks for the page behind a cursor; "" is the first.
func (r *root) query(cursor string) string {
	size, from := "first", "after"
	if r.backward {
		size, from = "last", "before"
	}
	paging := fmt.Sprintf("%s: %d", size, r.size)
	if cursor != "" {
		paging += fmt.Sprintf(", %s: %q", from, cursor)
	}
	args := paging
	if r.args != "" {
		args = r.args + ", " + paging
	}
	return fmt.Sprintf("{ list: %s(%s) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } %s } }", r.field, args, r.selection)
}

// root draws a list among the root fields that page.
func (o *operations) root() *root {
	var fields []*ast.FieldDefinition
	for _, f := range o.schema.Query.Fields {
		if f.Arguments.ForName("last") != nil && o.allowed("Query", f) {
			fields = append(fields, f)
		}
	}
	f := fields[o.IntN(len(fields))]
	return &root{field: f.Name, args: o.arguments(f.Arguments), selection: o.connection(f.Type.Name(), 3), size: 1 + o.IntN(30), backward: o.IntN(3) == 0}
}

// lookup asks for a few nodes by id.
func (o *operations) lookup() string {
	var ids []string
	for range 1 + o.IntN(6) {
		ids = append(ids, fmt.Sprintf("%q", o.ids[o.IntN(len(o.ids))]))
	}
	var fragments []string
	for _, t := range o.schema.GetPossibleTypes(o.schema.Types["Node"]) {
		if len(fragments) < 12 && o.IntN(3) == 0 {
			fragments = append(fragments, fmt.Sprintf("... on %s { %s }", t.Name, o.fields(t, 2)))
		}
	}
	return fmt.Sprintf("{ nodes(ids: [%s]) { __typename id %s } }", strings.Join(ids, ", "), strings.Join(fragments, " "))
}

func (o *operations) allowed(typ string, f *ast.FieldDefinition) bool {
	rule, ok := schema.Fields()[typ+"."+f.Name]
	return ok && !strings.HasPrefix(f.Name, "_") && rule.Class < authz.P2Personal && o.viewer.Reads(rule.Class) &&
		(rule.Roles == nil || o.viewer.Has(rule.Roles...))
}

func (o *operations) connection(typ string, depth int) string {
	node := o.schema.Types[typ].Fields.ForName("nodes").Type.Name()
	inner := o.fields(o.schema.Types[node], depth)
	var b strings.Builder
	switch o.IntN(3) {
	case 0:
		fmt.Fprintf(&b, "nodes { %s }", inner)
	case 1:
		fmt.Fprintf(&b, "edges { cursor node { %s } }", inner)
	default:
		fmt.Fprintf(&b, "edges { node { id } } nodes { %s }", inner)
	}
	if o.IntN(3) == 0 {
		b.WriteString(" totalCount")
	}
	return b.String()
}

// fields draws a selection on an object. Deeper levels get fewer links.
func (o *operations) fields(t *ast.Definition, depth int) string {
	var out []string
	add := func(s string) {
		// Aliases keep equal fields with other arguments, and fields of other types, apart.
		out = append(out, fmt.Sprintf("%s%d: %s", strings.ToLower(t.Name), len(out), s))
	}
	if t.Fields.ForName("id") != nil {
		out = append(out, "id")
	}
	for _, f := range t.Fields {
		if f.Name == "id" || !o.allowed(t.Name, f) || len(out) > 8 {
			continue
		}
		to := o.schema.Types[f.Type.Name()]
		switch {
		case to.IsLeafType():
			if o.IntN(2) == 0 && required(f) == 0 {
				add(f.Name)
			}
		case to.Name == "Coverage" || depth == 0 || o.IntN(3) > 0:
		default:
			args := o.arguments(f.Arguments)
			if f.Arguments.ForName("first") != nil {
				size := fmt.Sprintf("first: %d", 1+o.IntN(4))
				if o.IntN(4) == 0 {
					size = fmt.Sprintf("last: %d", 1+o.IntN(4))
				}
				args = strings.TrimPrefix(args+", "+size, ", ")
			}
			if args != "" {
				args = "(" + args + ")"
			}
			sel := ""
			if to.Fields.ForName("pageInfo") != nil {
				sel = o.connection(to.Name, depth-1)
			} else if to.Kind == ast.Object {
				sel = o.fields(to, depth-1)
			}
			if sel != "" {
				add(fmt.Sprintf("%s%s { %s }", f.Name, args, sel))
			}
		}
	}
	if len(out) == 0 {
		return "__typename"
	}
	return strings.Join(out, " ")
}

func required(f *ast.FieldDefinition) int {
	n := 0
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			n++
		}
	}
	return n
}

// arguments draws arguments other than paging; optional ones are mostly left out.
func (o *operations) arguments(defs ast.ArgumentDefinitionList) string {
	var out []string
	for _, a := range defs {
		switch a.Name {
		case "first", "last", "after", "before", "onPartial":
			continue
		}
		if !a.Type.NonNull && o.IntN(2) == 0 {
			continue
		}
		if v := o.value(a.Name, a.Type); v != "" {
			out = append(out, a.Name+": "+v)
		}
	}
	return strings.Join(out, ", ")
}

// value draws a literal; "" when there is none to draw.
func (o *operations) value(name string, t *ast.Type) string {
	if t.Elem != nil {
		n := 1 + o.IntN(3)
		if name == "communities" {
			n = 1 + o.IntN(len(o.communities))
		}
		var items []string
		for range n {
			if v := o.value(name, t.Elem); v != "" {
				items = append(items, v)
			}
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	switch t.NamedType {
	case "ID":
		if name == "communities" {
			return fmt.Sprintf("%q", o.communities[o.IntN(len(o.communities))])
		}
		return ""
	case "Boolean":
		return []string{"true", "false"}[o.IntN(2)]
	case "Int":
		return fmt.Sprint(1 + o.IntN(7)) // a weekday, an age, a number of anything
	case "String":
		return fmt.Sprintf("%q", []string{"1", "课", "社区", "%", "_", ""}[o.IntN(6)])
	case "Date":
		return fmt.Sprintf("%q", fmt.Sprintf("2026-%02d-%02d", 5+o.IntN(2), 1+o.IntN(28)))
	case "DateTime":
		return fmt.Sprintf("%q", fmt.Sprintf("2026-06-%02dT%02d:30:00+08:00", 8+o.IntN(5), o.IntN(24)))
	case "DivisionCode":
		return ""
	case "DateRange":
		return fmt.Sprintf(`{from: "2026-%02d-01", to: "2026-%02d-28"}`, 1+o.IntN(5), 6+o.IntN(6))
	}
	def := o.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[o.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		var out []string
		for _, f := range def.Fields {
			if !f.Type.NonNull && o.IntN(3) > 0 {
				continue
			}
			if v := o.value(f.Name, f.Type); v != "" {
				out = append(out, f.Name+": "+v)
			}
		}
		return "{" + strings.Join(out, ", ") + "}"
	}
	return ""
}
