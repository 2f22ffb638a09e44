package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// interfaceObjects gives the fields of @interfaceObject types to everything that implements the interface.
func (c *composer) interfaceObjects() {
	for _, name := range c.order {
		m := c.types[name]
		if m.kind != ast.Interface {
			continue
		}
		for _, o := range m.in {
			if !o.t.isObject {
				continue
			}
			for _, f := range o.t.fields {
				if f.external || f.overridden {
					continue
				}
				c.lend(m, source{o, f})
			}
		}
		for _, f := range m.fields {
			c.sharedLenders(m, f.name)
		}
	}
}

// sharedLenders checks that @interfaceObjects which give the same field all share it.
func (c *composer) sharedLenders(m *merged, name string) {
	var from []source
	shared := true
	for _, o := range m.in {
		if f := o.t.field(name); o.t.isObject && f != nil && (source{o, f}).answers() {
			from = append(from, source{o, f})
			shared = shared && (f.shareable || f.provided)
		}
	}
	if len(from) > 1 && !shared {
		c.problem("INVALID_FIELD_SHARING", fieldPlaces(from), "mark it @shareable in all of them, or remove it from all but one", "%s.%s is resolved through several @interfaceObjects that do not all share it", m.name, name)
	}
}

// lenders are the @interfaceObjects that give a field to everything that implements their interface, the type among it.
func (c *composer) lenders(m *merged, name string) (out []source) {
	for _, i := range m.interfaces {
		if c.types[i] == nil {
			continue
		}
		for _, o := range c.types[i].in {
			if f := o.t.field(name); o.t.isObject && f != nil && (source{o, f}).resolves() {
				out = append(out, source{o, f})
			}
		}
	}
	return out
}

func (c *composer) lend(m *merged, s source) {
	var given *mergedField
	for _, f := range m.fields {
		if f.name == s.f.name {
			given = f
		}
	}
	if given == nil {
		return
	}
	for _, name := range c.order {
		x := c.types[name]
		if x.kind != ast.Object && x.kind != ast.Interface || !slices.Contains(x.interfaces, m.name) {
			continue
		}
		at := slices.IndexFunc(x.fields, func(f *mergedField) bool { return f.name == s.f.name })
		if at < 0 {
			x.fields = append(x.fields, &mergedField{name: given.name, description: given.description, typ: given.typ, args: given.args, dirs: given.dirs, hidden: given.hidden, joins: []string{"@join__field"}})
			continue
		}
		if own := x.fields[at]; len(own.joins) == 0 &&
			!slices.ContainsFunc(x.in, func(o owned) bool { f := o.t.field(s.f.name); return f != nil && (source{o, f}).resolves() }) {
			own.joins = append(own.joins, "@join__field")
		}
		for _, o := range x.in {
			f := o.t.field(s.f.name)
			if f != nil && x.kind == ast.Object && (source{o, f}).answers() && !((f.shareable || f.provided) && s.f.shareable) {
				c.problem("INVALID_FIELD_SHARING", []Place{o.g.at(f.pos), s.g.at(s.f.pos)}, "mark it @shareable in both, or remove it from one",
					"%s.%s is resolved by %s and, through the @interfaceObject %s, by %s", name, s.f.name, o.g.name, m.name, s.g.name)
			}
		}
	}
}
