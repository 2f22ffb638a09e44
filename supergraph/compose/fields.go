package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// source is a field as one subgraph has it.
type source struct {
	owned
	f *field
}

// resolves reports whether the subgraph answers the field.
func (s source) resolves() bool { return !s.f.external && !s.f.overridden && !(s.f.label != "") }

func (c *composer) mergeFields(m *merged) {
	for _, name := range fieldNames(m) {
		var from []source
		for _, o := range m.in {
			if f := o.t.field(name); f != nil {
				from = append(from, source{o, f})
			}
		}
		if mf := c.mergeField(m, name, from); mf != nil {
			m.fields = append(m.fields, mf)
		}
	}
}

func (c *composer) mergeField(m *merged, name string, from []source) *mergedField {
	where := m.name + "." + name
	var resolvers []source
	for _, s := range from {
		if s.resolves() {
			resolvers = append(resolvers, s)
		}
	}
	if len(resolvers) == 0 && len(c.lenders(m, name)) == 0 {
		c.problem("EXTERNAL_MISSING_ON_BASE", fieldPlaces(from), "let a subgraph resolve the field", "%s is @external in every subgraph that has it", where)
		return nil
	}
	c.sharing(m, where, from)
	mf := &mergedField{name: name, typ: c.outputType(where, owners(from))}
	var ds []carrier
	for _, s := range from {
		ds = append(ds, carrier{s.g, s.f.dirs})
		if mf.description == "" {
			mf.description = s.f.description
		}
	}
	for _, s := range c.lenders(m, name) {
		ds = append(ds, carrier{s.g, s.f.dirs})
	}
	mf.dirs, mf.hidden = c.carried(ds)
	if mf.typ == nil {
		return nil
	}
	mf.args = c.mergeArguments(where, owners(from))
	c.externals(where, mf, from)
	mf.joins = c.joins(m, mf, from)
	return mf
}

func fieldPlaces(from []source) []Place {
	out := make([]Place, len(from))
	for i, s := range from {
		out[i] = s.g.at(s.f.pos)
	}
	return out
}

// answers reports whether the subgraph answers the field anywhere, if only where it provides it.
func (s source) answers() bool { return s.resolves() || s.f.provided && !s.f.overridden }

// sharing checks that a field that several subgraphs answer is @shareable in all of them that do not merely provide it.
func (c *composer) sharing(m *merged, where string, from []source) {
	if m.kind != ast.Object {
		return
	}
	var not []string
	var resolvers []source
	for _, s := range from {
		if !s.answers() {
			continue
		}
		resolvers = append(resolvers, s)
		if !s.f.shareable && !s.f.provided {
			not = append(not, s.g.name)
		}
	}
	if len(resolvers) < 2 {
		return
	}
	if len(not) == 0 && m.name != "Subscription" {
		return
	}
	c.problem("INVALID_FIELD_SHARING", fieldPlaces(resolvers), "mark it @shareable in all of them when they answer the same, else remove it from all but one or mark those @external; to move it use @override",
		"%s is resolved by several subgraphs and not @shareable in %s", where, strings.Join(not, ", "))
}

// outputType is the type that all the others are narrower than or equal to.
func (c *composer) outputType(where string, from []source) *ast.Type {
	best := from[0].f.typ
	for _, s := range from[1:] {
		t := c.wider(best, s.f.typ)
		if t == nil {
			var all []string
			for _, s := range from {
				all = append(all, s.f.typ.String()+" in "+s.g.name)
			}
			c.problem("FIELD_TYPE_MISMATCH", fieldPlaces(from), "give the field the same type everywhere; it may differ in what can be null, or be an interface in one and its implementation in another",
				"%s has types that do not fit together: %s", where, strings.Join(all, ", "))
			return nil
		}
		best = t
	}
	return best
}

// wider is the narrowest type that holds values of both, of those two shapes; nil when there is none.
func (c *composer) wider(a, b *ast.Type) *ast.Type {
	nonNull := a.NonNull && b.NonNull
	if (a.Elem == nil) != (b.Elem == nil) {
		return nil
	}
	if a.Elem != nil {
		e := c.wider(a.Elem, b.Elem)
		if e == nil {
			return nil
		}
		return &ast.Type{Elem: e, NonNull: nonNull, Position: a.Position}
	}
	switch {
	case a.NamedType == b.NamedType, c.within(b.NamedType, a.NamedType):
		return &ast.Type{NamedType: a.NamedType, NonNull: nonNull, Position: a.Position}
	case c.within(a.NamedType, b.NamedType):
		return &ast.Type{NamedType: b.NamedType, NonNull: nonNull, Position: b.Position}
	}
	return nil
}

// within reports whether a value of the type narrow is one of the interface or union wide, in the merged graph.
func (c *composer) within(narrow, wide string) bool {
	w := c.types[wide]
	if w == nil {
		return false
	}
	for _, o := range w.in {
		if slices.Contains(o.t.members, narrow) {
			return true
		}
	}
	if n := c.types[narrow]; n != nil {
		for _, o := range n.in {
			if slices.Contains(o.t.interfaces, wide) {
				return true
			}
		}
	}
	return false
}

type joinArgs struct {
	typ, requires, provides, override, label string
	external, usedOverridden                 bool
}

func joinField(g *graph, a joinArgs) string {
	var b strings.Builder
	b.WriteString("@join__field(graph: " + g.enum)
	for _, x := range []struct{ name, value string }{{"type", a.typ}, {"requires", a.requires}, {"provides", a.provides}, {"override", a.override}, {"overrideLabel", a.label}} {
		if x.value != "" {
			b.WriteString(", " + x.name + ": " + quote(x.value))
		}
	}
	if a.external {
		b.WriteString(", external: true")
	}
	if a.usedOverridden {
		b.WriteString(", usedOverridden: true")
	}
	b.WriteString(")")
	return b.String()
}

// joins are the field's @join__field; none when every subgraph that has the type has the field alike.
func (c *composer) joins(m *merged, mf *mergedField, from []source) []string {
	plain := len(from) == len(m.in) && (m.name != "Query" || len(from) == len(c.graphs))
	alike := !slices.ContainsFunc(from, func(s source) bool { return different(s.f.typ, mf.typ) != "" })
	var out []string
	labelled := map[string]string{}
	for _, s := range from {
		if s.f.label != "" {
			labelled[s.f.override] = s.f.label
		}
	}
	for _, s := range from {
		a := joinArgs{requires: s.f.requires, provides: s.f.provides, override: s.f.override, label: s.f.label, external: s.f.external}
		if !alike {
			a.typ = s.f.typ.String()
		}
		if l := labelled[s.g.name]; l != "" && !s.f.external {
			a.label = l
		}
		if s.f.overridden {
			if !s.f.used {
				plain = false
				continue
			}
			a = joinArgs{typ: a.typ, usedOverridden: true}
		}
		plain = plain && a == joinArgs{}
		out = append(out, joinField(s.g, a))
	}
	if plain {
		return nil
	}
	return out
}
