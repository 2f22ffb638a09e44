package compose

import (
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// carrier is what one subgraph says about an element.
type carrier struct {
	g  *graph
	ds ast.DirectiveList
}

// carried are the directives that an element of the supergraph keeps, printed, and whether it is @inaccessible.
func (c *composer) carried(from []carrier) (out []string, hidden bool) {
	var tags, composed []string
	demanded := guardOf(from)
	deprecated, specified, oneOf := "", "", false
	for _, f := range from {
		for _, d := range f.ds {
			switch d.Name {
			case "inaccessible":
				hidden = true
			case "tag":
				if t := "@tag(name: " + quote(argument(d, "name")) + ")"; !slices.Contains(tags, t) {
					tags = append(tags, t)
				}
			case "authenticated", "requiresScopes", "policy":
			case "deprecated":
				if deprecated == "" {
					deprecated = "@deprecated"
					if r := argument(d, "reason"); r != "" {
						deprecated += "(reason: " + quote(r) + ")"
					}
				}
			case "specifiedBy":
				if specified == "" {
					specified = "@specifiedBy(url: " + quote(argument(d, "url")) + ")"
				}
			case "oneOf":
				oneOf = true
			default:
				if slices.Contains(f.g.composed, d.Name) {
					t := printDirective(d)
					if slices.Contains(composed, t) {
						continue
					}
					if def := f.g.doc.Directives.ForName(d.Name); !def.IsRepeatable && slices.ContainsFunc(composed, func(o string) bool { return applies(o, d.Name) }) {
						c.warn("MERGED_NON_REPEATABLE_DIRECTIVE_ARGUMENTS", one(f.g.at(d.Position)), "give it the same arguments everywhere, or define it repeatable", "%s is left out: the element has another @%s already, which is not repeatable", t, d.Name)
						continue
					}
					composed = append(composed, t)
				}
			}
		}
	}
	sort.Strings(tags)
	sort.Strings(composed)
	if deprecated != "" {
		out = append(out, deprecated)
	}
	if specified != "" {
		out = append(out, specified)
	}
	if oneOf {
		out = append(out, "@oneOf")
	}
	if hidden {
		out = append(out, "@inaccessible")
	}
	out = append(out, tags...)
	out = append(out, demanded.print()...)
	return append(out, composed...), hidden
}

// applies reports whether a printed directive is of this name.
func applies(printed, name string) bool {
	return printed == "@"+name || strings.HasPrefix(printed, "@"+name+"(")
}

func printDirective(d *ast.Directive) string {
	if len(d.Arguments) == 0 {
		return "@" + d.Name
	}
	args := make([]string, len(d.Arguments))
	for i, a := range d.Arguments {
		args[i] = a.Name + ": " + literal(a.Value)
	}
	return "@" + d.Name + "(" + strings.Join(args, ", ") + ")"
}

// finally checks what can only be seen when everything is merged.
func (c *composer) finally() {
	for _, name := range c.order {
		m := c.types[name]
		switch m.kind {
		case ast.Object, ast.Interface:
			if len(m.fields) == 0 && name != "Query" && len(c.problems) == 0 {
				c.problem("INVALID_GRAPHQL", c.places(m.in), "give it a field", "%s has no fields", name)
			}
			for _, i := range m.interfaces {
				c.implements(m, c.types[i])
			}
		}
		if m.hidden {
			continue
		}
		visible := len(m.members) + len(m.values)
		for _, f := range m.fields {
			if f.hidden {
				continue
			}
			visible++
			if t := c.types[f.typ.Name()]; t != nil && t.hidden {
				c.problem("REFERENCED_INACCESSIBLE", c.mentions(m, f.name), "mark the field @inaccessible too, or let the type be seen", "%s.%s is of the type %s, which is @inaccessible", name, f.name, f.typ.Name())
			}
			if f.def != nil {
				c.visibleDefault(name+"."+f.name, f.def, f.typ, c.mentions(m, f.name))
			}
			for _, a := range f.args {
				if a.def != nil && !slices.Contains(a.dirs, "@inaccessible") {
					c.visibleDefault("the argument "+name+"."+f.name+"("+a.name+":)", a.def, a.typ, c.mentions(m, f.name))
				}
				if t := c.types[a.typ.Name()]; t != nil && t.hidden && !slices.Contains(a.dirs, "@inaccessible") {
					c.problem("REFERENCED_INACCESSIBLE", c.mentions(m, f.name), "mark the argument @inaccessible too, or let the type be seen", "the argument %s.%s(%s:) is of the type %s, which is @inaccessible", name, f.name, a.name, a.typ.Name())
				}
				if slices.Contains(a.dirs, "@inaccessible") && a.typ.NonNull && a.def == nil {
					c.problem("REQUIRED_INACCESSIBLE", c.mentions(m, f.name), "give it a default or make it optional", "the argument %s.%s(%s:) is required and @inaccessible", name, f.name, a.name)
				}
			}
		}
		for _, f := range m.fields {
			if m.kind == ast.InputObject && f.hidden && f.typ.NonNull && f.def == nil {
				c.problem("REQUIRED_INACCESSIBLE", c.mentions(m, f.name), "give it a default or make it optional", "%s.%s is required and @inaccessible", name, f.name)
			}
		}
		if visible == 0 && m.kind != ast.Scalar && len(c.problems) == 0 {
			c.problem("ONLY_INACCESSIBLE_CHILDREN", c.places(m.in), "mark the type @inaccessible too", "%s can be seen, but nothing in it", name)
		}
	}
	if q := c.types["Query"]; q == nil || len(q.fields) == 0 && len(c.problems) == 0 {
		c.problem("NO_QUERIES", nil, "give one subgraph a field of Query", "no subgraph has a field of Query")
	}
	if q := c.types["Query"]; q != nil && q.hidden {
		c.problem("QUERY_ROOT_TYPE_INACCESSIBLE", c.places(q.in), "remove @inaccessible", "Query cannot be @inaccessible")
	}
}

// visibleDefault checks that a default is still a value of its type when that is merged and what is @inaccessible is gone.
func (c *composer) visibleDefault(where string, def *ast.Value, t *ast.Type, places []Place) {
	if m := c.types[t.Name()]; m != nil && m.hidden {
		return // REFERENCED_INACCESSIBLE says so
	}
	if why := unfit(def, t, c.visible); why != "" {
		c.problem("INVALID_DEFAULT_VALUE", places, "use a default that every subgraph knows and clients may see", "the default %s of %s is of no use in the supergraph: %s", def, where, why)
	}
}

func (c *composer) mentions(m *merged, name string) []Place {
	var out []Place
	for _, o := range m.in {
		if f := o.t.field(name); f != nil {
			out = append(out, o.g.at(f.pos))
		}
	}
	return out
}

// implements checks that the merged type has the merged interface's fields.
func (c *composer) implements(m, i *merged) {
	if i == nil {
		return
	}
	where := func(field string) []Place { return append(c.mentions(i, field), c.mentions(m, field)...) }
	for _, want := range i.fields {
		at := slices.IndexFunc(m.fields, func(f *mergedField) bool { return f.name == want.name })
		if at < 0 {
			c.problem("INTERFACE_FIELD_NO_IMPLEM", append(c.mentions(i, want.name), c.places(m.in)...), "add the field to the type in a subgraph, or take it from the interface", "%s implements %s but no subgraph gives it the field %s", m.name, i.name, want.name)
			continue
		}
		have := m.fields[at]
		if w := c.wider(want.typ, have.typ); w == nil || w.String() != want.typ.String() {
			c.problem("INTERFACE_FIELD_TYPE_MISMATCH", where(want.name), "make the interface's field as wide as that of the types that implement it", "%s.%s is %s once merged, which does not fit %s.%s: %s", m.name, want.name, have.typ, i.name, want.name, want.typ)
		}
		if have.hidden && !want.hidden && !m.hidden && !i.hidden {
			c.problem("IMPLEMENTED_BY_INACCESSIBLE", where(want.name), "mark the interface's field @inaccessible too, or let the type's be seen", "%s.%s is @inaccessible, but %s.%s, which it implements, can be seen", m.name, want.name, i.name, want.name)
		}
		c.implementsArguments(m, i, have, want, where(want.name))
	}
}

// implementsArguments checks that a field has the arguments of the interface's, and none besides that must be given.
func (c *composer) implementsArguments(m, i *merged, have, want *mergedField, where []Place) {
	for _, a := range want.args {
		at := slices.IndexFunc(have.args, func(x *mergedArg) bool { return x.name == a.name })
		if at < 0 {
			c.problem("INTERFACE_FIELD_ARGUMENT_MISSING", where, "give the type's field the argument in every subgraph that has it", "%s.%s has no argument %s once merged, but %s.%s has", m.name, have.name, a.name, i.name, want.name)
		} else if have.args[at].typ.String() != a.typ.String() {
			c.problem("INTERFACE_FIELD_ARGUMENT_TYPE_MISMATCH", where, "give both arguments the same type", "the argument %s.%s(%s:) is %s once merged, and %s for %s", m.name, have.name, a.name, have.args[at].typ, a.typ, i.name)
		}
	}
	for _, a := range have.args {
		if a.typ.NonNull && a.def == nil && !slices.ContainsFunc(want.args, func(x *mergedArg) bool { return x.name == a.name }) {
			c.problem("INTERFACE_FIELD_ARGUMENT_MISSING", where, "give the interface's field the argument, or make it optional", "the argument %s.%s(%s:) must be given, but %s.%s does not have it", m.name, have.name, a.name, i.name, want.name)
		}
	}
}
