package tabular

import (
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
)

// Shape is how an operation's answer becomes a table.
type Shape struct {
	Columns []Column
	// Root is the one root field, its fragments merged.
	Root graphql.CollectedField
	// Connection is the type of a connection, nil for a plain list.
	Connection *ast.Definition
	// Rows selects the rows on a connection, Beside everything else that is worth a note.
	Rows, Beside ast.SelectionSet

	rows  string // response key of the rows on the connection
	tree  node   // of one row
	names map[string]bool
}

// Aggregate reports whether the rows are figures over many rows: then a page that lacks a source
// is wrong, not only short, and first is part of the question.
func (s *Shape) Aggregate() bool {
	return s.Connection != nil && s.Connection.Fields.ForName("suppressed") != nil
}

// node is a place in a row's JSON.
type node struct {
	key      string
	column   int // -1: an object, or a list whose elements are the children
	list     bool
	children []node
}

// legal ends the refusal of an operation of another shape.
const legal = "An export has one root field: a connection with nodes { … } or edges { node { … } }, an aggregate, or a plain list"

// ShapeOf finds the table in a validated operation. What has no rows, or rows that would not fit
// into cells, is refused with BAD_USER_INPUT.
func ShapeOf(schema *ast.Schema, oc *graphql.OperationContext) (*Shape, error) {
	if oc.Operation.Operation != ast.Query {
		return nil, fault.Newf(fault.BadUserInput, "only a query can be exported. %s", legal)
	}
	b := &builder{schema: schema, oc: oc, shape: &Shape{names: map[string]bool{}}}
	var roots []graphql.CollectedField
	for _, f := range b.fields(oc.Operation.SelectionSet, schema.Query) {
		if f.Name != "__typename" {
			roots = append(roots, f)
		}
	}
	if len(roots) != 1 {
		return nil, fault.Newf(fault.BadUserInput, "the operation has %d root fields. %s", len(roots), legal)
	}
	if err := b.root(roots[0]); err != nil {
		return nil, err
	}
	if len(b.shape.Columns) == 0 {
		return nil, fault.Newf(fault.BadUserInput, "%s selects no column", roots[0].Alias)
	}
	return b.shape, nil
}

type builder struct {
	schema *ast.Schema
	oc     *graphql.OperationContext
	shape  *Shape
}

// fields merges a selection on a type: of an interface or union, what any of its types selects.
func (b *builder) fields(set ast.SelectionSet, on *ast.Definition) []graphql.CollectedField {
	names := []string{on.Name}
	for _, t := range b.schema.GetPossibleTypes(on) {
		names = append(append(names, t.Name), t.Interfaces...)
	}
	return graphql.CollectFields(b.oc, set, names)
}

func (b *builder) root(f graphql.CollectedField) error {
	s := b.shape
	s.Root = f
	def := b.schema.Types[f.Definition.Type.Name()]
	list := f.Definition.Type.Elem != nil
	switch {
	case list && f.Definition.Type.Elem.Elem != nil:
		return fault.Newf(fault.BadUserInput, "%s is a list of lists. %s", f.Alias, legal)
	case list && len(f.Selections) == 0:
		s.tree = b.leaf(f, "", def, false)
		return nil
	case list:
		return b.children(&s.tree, f.Selections, def, "")
	case def.Fields.ForName("pageInfo") == nil || f.Definition.Arguments.ForName("after") == nil:
		return fault.Newf(fault.BadUserInput, "%s is no list. %s", f.Alias, legal)
	}
	s.Connection = def
	for _, c := range b.fields(f.Selections, def) {
		one := ast.SelectionSet{whole(c)}
		switch {
		case c.Name != "nodes" && c.Name != "edges":
			s.Beside = append(s.Beside, one...)
		case s.Rows != nil:
			return fault.Newf(fault.BadUserInput, "%s selects its rows twice: nodes or edges, not both", f.Alias)
		default:
			s.Rows, s.rows = one, c.Alias
			if err := b.children(&s.tree, c.Selections, b.schema.Types[c.Definition.Type.Name()], ""); err != nil {
				return err
			}
		}
	}
	if s.Rows == nil {
		return fault.Newf(fault.BadUserInput, "%s selects no rows. %s", f.Alias, legal)
	}
	return nil
}

// whole is a collected field as one selection.
func whole(f graphql.CollectedField) *ast.Field {
	merged := *f.Field
	merged.SelectionSet = f.Selections
	return &merged
}

// children adds the columns of an object. The node of an edge adds no prefix to their names.
func (b *builder) children(into *node, set ast.SelectionSet, def *ast.Definition, prefix string) error {
	into.column = -1
	for _, f := range b.fields(set, def) {
		if f.Name == "__typename" && len(prefix) == 0 && def == b.schema.Query {
			continue
		}
		name := prefix + f.Alias
		typ := b.schema.Types[f.Definition.Type.Name()]
		isList := f.Definition.Type.Elem != nil
		if len(f.Selections) == 0 {
			if b.shape.names[name] {
				return fault.Newf(fault.BadUserInput, "two columns are called %s: give one of them an alias", name)
			}
			b.shape.names[name] = true
			if of := f.Definition.Directives.ForName("columns"); of != nil && isList {
				into.children = append(into.children, b.spread(f, name, typ, of.Arguments.ForName("of").Value.Raw))
			} else {
				into.children = append(into.children, b.leaf(f, name, typ, isList))
			}
			continue
		}
		if isList {
			return fault.Newf(fault.BadUserInput, "%s is a list of objects, and a row cannot hold it: export that list by its own root field, or select its totalCount alone", name)
		}
		if f.Name == "node" && prefix == "" && strings.HasSuffix(def.Name, "Edge") {
			name = ""
		} else {
			name += "."
		}
		child := node{key: f.Alias}
		if err := b.children(&child, f.Selections, typ, name); err != nil {
			return err
		}
		into.children = append(into.children, child)
	}
	return nil
}

// spread makes a column of each element of a list: those that an argument of the root field names.
func (b *builder) spread(f graphql.CollectedField, name string, typ *ast.Definition, argument string) node {
	n := node{key: f.Alias, column: -1, list: true}
	for _, element := range texts(b.shape.Root.ArgumentMap(b.oc.Variables)[argument]) {
		n.children = append(n.children, b.leaf(f, name+"."+element, typ, false))
	}
	return n
}

// texts is a value of the type [String!].
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, e := range v {
			text, _ := e.(string)
			all = append(all, text)
		}
		return all
	}
	return nil
}

func (b *builder) leaf(f graphql.CollectedField, name string, typ *ast.Definition, list bool) node {
	c := Column{Name: name, Kind: kindOf(typ), List: list}
	if c.Name == "" {
		c.Name = f.Alias // the elements of a plain list of scalars
	}
	if c.Kind == Enum {
		for _, v := range typ.EnumValues {
			c.Values = append(c.Values, Value{v.Name, v.Description})
		}
	}
	b.shape.Columns = append(b.shape.Columns, c)
	return node{key: f.Alias, column: len(b.shape.Columns) - 1}
}

// kinds are the scalars that are more than text.
var kinds = map[string]Kind{"Int": Integer, "Float": Float, "Boolean": Boolean, "Decimal": Decimal, "Date": Date, "DateTime": Instant}

func kindOf(t *ast.Definition) Kind {
	if t.Kind == ast.Enum {
		return Enum
	}
	if k, ok := kinds[t.Name]; ok {
		return k
	}
	return Text
}
