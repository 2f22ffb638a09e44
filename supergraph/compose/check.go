package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// check looks at each subgraph for itself.
func (c *composer) check([]Input) {
	for _, g := range c.graphs {
		for _, name := range g.order {
			c.checkType(g, g.types[name])
		}
	}
	for _, g := range c.graphs {
		for _, name := range g.order {
			t := g.types[name]
			c.checkKeys(g, t)
			for _, f := range t.fields {
				c.checkField(g, t, f)
			}
		}
		c.interfaceFields(g)
		c.unusedExternals(g)
	}
	c.overrides()
	c.carriedAlike()
}

var builtin = map[string]ast.DefinitionKind{"Int": ast.Scalar, "Float": ast.Scalar, "String": ast.Scalar, "Boolean": ast.Scalar, "ID": ast.Scalar}

func (g *graph) kind(name string) ast.DefinitionKind {
	if t := g.types[name]; t != nil {
		return t.kind
	}
	return builtin[name]
}

func (c *composer) checkType(g *graph, t *typ) {
	unknown := func(pos *ast.Position, name, where string) {
		c.problem("INVALID_GRAPHQL", one(g.at(pos)), "define the type in this subgraph or correct the name", "%s is of the type %s, which this subgraph does not define", where, name)
	}
	for _, f := range t.fields {
		k := g.kind(f.typ.Name())
		where := t.name + "." + f.name
		switch {
		case k == "":
			unknown(f.pos, f.typ.Name(), where)
		case t.kind == ast.InputObject && (k == ast.Object || k == ast.Interface || k == ast.Union):
			c.problem("INVALID_GRAPHQL", one(g.at(f.pos)), "use an input, scalar or enum type", "%s is an input field, but %s is an output type", where, f.typ.Name())
		case t.kind != ast.InputObject && k == ast.InputObject:
			c.problem("INVALID_GRAPHQL", one(g.at(f.pos)), "use an output type", "%s is an output field, but %s is an input type", where, f.typ.Name())
		}
		if f.def != nil && k != "" {
			if why := unfit(f.def, f.typ, g.shape); why != "" {
				c.problem("INVALID_GRAPHQL", one(g.at(f.pos)), "correct the default", "the default of %s: %s", where, why)
			}
		}
		seen := map[string]bool{}
		for _, a := range f.args {
			if seen[a.Name] {
				c.problem("INVALID_GRAPHQL", one(g.at(a.Position)), "define it once", "%s has two arguments called %s", where, a.Name)
			}
			seen[a.Name] = true
			switch k := g.kind(a.Type.Name()); k {
			case "":
				unknown(a.Position, a.Type.Name(), "the argument "+where+"("+a.Name+":)")
			case ast.Object, ast.Interface, ast.Union:
				c.problem("INVALID_GRAPHQL", one(g.at(a.Position)), "use an input, scalar or enum type", "the argument %s(%s:) is of the output type %s", where, a.Name, a.Type.Name())
			default:
				if a.DefaultValue != nil {
					if why := unfit(a.DefaultValue, a.Type, g.shape); why != "" {
						c.problem("INVALID_GRAPHQL", one(g.at(a.Position)), "correct the default", "the default of the argument %s(%s:): %s", where, a.Name, why)
					}
				}
			}
		}
		if strings.HasPrefix(f.name, "__") {
			c.problem("INVALID_GRAPHQL", one(g.at(f.pos)), "rename the field", "%s: names that begin with __ are GraphQL's own", where)
		}
	}
	for _, m := range t.members {
		if g.kind(m) != ast.Object {
			c.problem("INVALID_GRAPHQL", one(g.at(t.pos)), "define it as an object type in this subgraph", "the union %s has the member %s, which is no object type of this subgraph", t.name, m)
		}
	}
	for _, i := range t.interfaces {
		if g.kind(i) != ast.Interface {
			c.problem("INVALID_GRAPHQL", one(g.at(t.pos)), "define it as an interface in this subgraph", "%s implements %s, which is no interface of this subgraph", t.name, i)
		}
	}
	if (t.kind == ast.Object || t.kind == ast.Interface) && len(t.fields) == 0 && t.name != "Query" && !t.extension {
		c.problem("INVALID_GRAPHQL", one(g.at(t.pos)), "give it a field or remove it", "%s has no fields", t.name)
	}
	if t.isObject && (t.kind != ast.Object || len(t.dirs.ForNames("key")) == 0) {
		c.problem("INTERFACE_OBJECT_USAGE_ERROR", one(g.at(t.pos)), "make it an object type with the interface's @key", "%s: @interfaceObject stands only on object types with a @key", t.name)
	}
}

func (c *composer) checkKeys(g *graph, t *typ) {
	for i := range t.keys {
		k := &t.keys[i]
		sel, err := join.FieldSet(k.text)
		if err != nil {
			c.problem("KEY_INVALID_FIELDS", one(g.at(k.pos)), "name fields of the type", "@key of %s: %v", t.name, err)
			continue
		}
		if t.kind != ast.Object && t.kind != ast.Interface {
			c.problem("KEY_UNSUPPORTED_ON_TYPE", one(g.at(k.pos)), "put it on an object type or interface", "@key stands on the %s %s", kindName(t.kind), t.name)
			continue
		}
		k.sel = sel
		c.fieldSet(g, t, sel, set{"KEY", "@key of " + t.name, k.pos}, false, func(f *field, ft *typ, args bool) {
			f.used = true
			if args {
				c.problem("KEY_FIELDS_HAS_ARGS", one(g.at(k.pos)), "use fields without arguments", "@key of %s: %s takes arguments", t.name, f.name)
			}
			if ft != nil && (ft.kind == ast.Interface || ft.kind == ast.Union) {
				c.problem("KEY_FIELDS_SELECT_INVALID_TYPE", one(g.at(k.pos)), "use fields of scalar, enum or object type", "@key of %s: %s is an interface or a union", t.name, f.name)
			}
		})
		g.shareKey(t, sel, t.extension)
	}
	if g.fed1 {
		return
	}
	for _, f := range t.fields {
		if t.kind == ast.Interface && f.dirs.ForName("shareable") != nil {
			c.problem("INVALID_SHAREABLE_USAGE", one(g.at(f.pos)), "put @shareable on the fields of the types that implement it", "%s.%s: @shareable has no meaning on an interface", t.name, f.name)
		}
		if t.name == "Subscription" && f.shareable {
			c.problem("INVALID_FIELD_SHARING", one(g.at(f.pos)), "remove @shareable", "Subscription.%s: fields of Subscription cannot be shared", f.name)
		}
	}
}

// shareKey marks what a key selects, of the entity and of objects inside it: every subgraph that has a key may answer
// its fields. Federation 1 wrote those of an extension as external.
func (g *graph) shareKey(t *typ, sel ast.SelectionSet, extension bool) {
	for _, s := range sel {
		f, ok := s.(*ast.Field)
		if !ok {
			continue
		}
		kf := t.field(f.Name)
		if kf == nil {
			continue
		}
		kf.shareable = true
		if extension {
			kf.external = false
		}
		if in := g.types[kf.typ.Name()]; in != nil {
			g.shareKey(in, f.SelectionSet, extension)
		}
	}
}

func (c *composer) checkField(g *graph, t *typ, f *field) {
	where := t.name + "." + f.name
	if f.external && t.kind == ast.Interface && !g.fed1 {
		c.problem("EXTERNAL_ON_INTERFACE", one(g.at(f.pos)), "mark the fields of the types that implement it", "%s: @external has no meaning on an interface", where)
	}
	if f.requires != "" {
		if t.kind != ast.Object {
			c.problem("REQUIRES_UNSUPPORTED_ON_INTERFACE", one(g.at(f.pos)), "put it on the types that implement it", "%s: @requires stands only on fields of object types", where)
		} else if len(t.dirs.ForNames("key")) == 0 {
			c.problem("REQUIRES_WITHOUT_KEY", one(g.at(f.pos)), "give "+t.name+" a @key", "%s: @requires needs a type with a @key", where)
		}
		c.outside(g, t, f, f.requires, "REQUIRES", "@requires of "+where, t)
	}
	if f.provides != "" {
		of := g.types[f.typ.Name()]
		if of == nil || of.kind == ast.InputObject || of.kind == ast.Enum || of.kind == ast.Scalar {
			c.problem("PROVIDES_ON_NON_OBJECT_FIELD", one(g.at(f.pos)), "remove it", "%s: @provides stands only on fields that return objects", where)
		} else {
			c.outside(g, t, f, f.provides, "PROVIDES", "@provides of "+where, of)
		}
	}
	if f.external && (f.requires != "" || f.provides != "" || f.override != "") {
		c.problem("EXTERNAL_COLLISION_WITH_ANOTHER_DIRECTIVE", one(g.at(f.pos)), "remove one of them", "%s is @external and has @requires, @provides or @override as well", where)
	}
}

// interfaceFields checks that types have their interfaces' fields, and marks those as used.
func (c *composer) interfaceFields(g *graph) {
	for _, name := range g.order {
		t := g.types[name]
		for _, iname := range t.interfaces {
			i := g.types[iname]
			if i == nil || i.kind != ast.Interface {
				continue
			}
			for _, want := range i.fields {
				f := t.field(want.name)
				if f == nil {
					c.problem("INVALID_GRAPHQL", []Place{g.at(t.pos), g.at(want.pos)}, "add the field", "%s implements %s but has no field %s", t.name, iname, want.name)
					continue
				}
				f.used = true
			}
		}
	}
}

func (c *composer) unusedExternals(g *graph) {
	for _, name := range g.order {
		t := g.types[name]
		whole := t.dirs.ForName("external") != nil
		for _, f := range t.fields {
			if !f.external || f.used || whole {
				continue
			}
			if !g.fed1 {
				c.problem("EXTERNAL_UNUSED", one(g.at(f.pos)), "remove the field, or name it in a @key, @requires or @provides", "%s.%s is @external but nothing in the subgraph uses it", t.name, f.name)
			}
		}
		if g.fed1 || whole {
			t.fields = slices.DeleteFunc(t.fields, func(f *field) bool { return f.external && !f.used })
		}
	}
}
