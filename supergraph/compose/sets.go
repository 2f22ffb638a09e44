package compose

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

type set struct {
	code, what string
	pos        *ast.Position
}

// fieldSet checks a selection against the subgraph's types and shows every field of it to see.
func (c *composer) fieldSet(g *graph, t *typ, sel ast.SelectionSet, in set, fragments bool, see func(f *field, of *typ, args bool)) {
	bad := func(mend, format string, args ...any) {
		c.problem(in.code+"_INVALID_FIELDS", one(g.at(in.pos)), mend, "%s: %s", in.what, fmt.Sprintf(format, args...))
	}
	for _, s := range sel {
		switch s := s.(type) {
		case *ast.Field:
			if s.Name == "__typename" {
				continue
			}
			if s.Alias != s.Name {
				bad("name the field itself", "the alias %q cannot stand here", s.Alias)
			}
			if len(s.Directives) > 0 {
				bad("remove the directive", "a directive cannot stand here")
			}
			f := t.field(s.Name)
			if f == nil {
				bad("add the field to the type in this subgraph (marked @external when another subgraph resolves it) or correct the name", "%s has no field %s in this subgraph", t.name, s.Name)
				continue
			}
			for _, a := range s.Arguments {
				switch def := f.args.ForName(a.Name); {
				case def == nil:
					bad("correct the argument's name", "%s.%s has no argument %s", t.name, s.Name, a.Name)
				case a.Value.Kind == ast.Variable:
					bad("write the value out", "the argument %s of %s.%s cannot be a variable", a.Name, t.name, s.Name)
				default:
					if why := unfit(a.Value, def.Type, g.shape); why != "" {
						bad("correct the argument's value", "the argument %s of %s.%s: %s", a.Name, t.name, s.Name, why)
					}
				}
			}
			for _, a := range f.args {
				if a.Type.NonNull && a.DefaultValue == nil && s.Arguments.ForName(a.Name) == nil && in.code != "KEY" {
					bad("give the argument", "%s.%s needs the argument %s", t.name, s.Name, a.Name)
				}
			}
			ft := g.types[f.typ.Name()]
			composite := ft != nil && (ft.kind == ast.Object || ft.kind == ast.Interface || ft.kind == ast.Union)
			if !composite {
				ft = nil
			}
			see(f, ft, len(f.args) > 0)
			switch {
			case composite && len(s.SelectionSet) == 0:
				bad("select fields of it", "%s.%s is of the type %s: it needs a selection", t.name, s.Name, f.typ.Name())
			case !composite && len(s.SelectionSet) > 0:
				bad("remove the selection", "%s.%s is of the type %s, which has no fields", t.name, s.Name, f.typ.Name())
			case composite:
				c.fieldSet(g, ft, s.SelectionSet, in, fragments, see)
			}
		case *ast.InlineFragment:
			on := t
			if s.TypeCondition != "" {
				on = g.types[s.TypeCondition]
			}
			if on == nil || !fragments {
				bad("use fields of the type", "the fragment on %s cannot stand here", s.TypeCondition)
				continue
			}
			c.fieldSet(g, on, s.SelectionSet, in, fragments, see)
		default:
			bad("write the fields out", "a named fragment cannot stand here")
		}
	}
}

// outside checks that what is required or provided is another subgraph's.
func (c *composer) outside(g *graph, t *typ, f *field, text, code, what string, of *typ) {
	sel, err := join.FieldSet(text)
	if err != nil {
		c.problem(code+"_INVALID_FIELDS", one(g.at(f.pos)), "name fields of "+of.name, "%s: %v", what, err)
		return
	}
	before := len(c.problems)
	c.fieldSet(g, of, sel, set{code, what, f.pos}, true, func(in *field, _ *typ, args bool) {
		in.used = true
		if args && code == "PROVIDES" {
			c.problem("PROVIDES_FIELDS_HAS_ARGS", one(g.at(f.pos)), "use fields without arguments", "%s: %s takes arguments", what, in.name)
		}
	})
	if len(c.problems) > before {
		return
	}
	if code == "PROVIDES" {
		g.provide(of, sel)
	}
	if g.fed1 {
		return
	}
	c.needExternal(g, f, sel, of, code, what)
}

// provide marks what a @provides names; of an interface it is the fields of the types that implement it.
func (g *graph) provide(t *typ, sel ast.SelectionSet) {
	for _, s := range sel {
		switch s := s.(type) {
		case *ast.Field:
			f := t.field(s.Name)
			if f == nil {
				continue // __typename
			}
			f.provided = true
			if t.kind == ast.Interface {
				for _, name := range g.order {
					if of := g.types[name]; slices.Contains(of.interfaces, t.name) && of.field(s.Name) != nil {
						of.field(s.Name).provided = true
					}
				}
			}
			if of := g.types[f.typ.Name()]; of != nil {
				g.provide(of, s.SelectionSet)
			}
		case *ast.InlineFragment:
			on := t
			if s.TypeCondition != "" {
				on = g.types[s.TypeCondition]
			}
			g.provide(on, s.SelectionSet)
		}
	}
}

func (c *composer) needExternal(g *graph, at *field, sel ast.SelectionSet, t *typ, code, what string) {
	for _, s := range sel {
		switch s := s.(type) {
		case *ast.Field:
			f := t.field(s.Name)
			if f == nil || f.external {
				continue
			}
			if len(s.SelectionSet) > 0 {
				c.needExternal(g, at, s.SelectionSet, g.types[f.typ.Name()], code, what)
				continue
			}
			if t.kind == ast.Interface && g.implementedOutside(t.name, s.Name) || t.extension {
				continue
			}
			if inKeys(t, s.Name) {
				continue
			}
			c.problem(code+"_FIELDS_MISSING_EXTERNAL", one(g.at(at.pos)), "mark "+t.name+"."+s.Name+" @external, or leave it out", "%s: this subgraph resolves %s.%s itself", what, t.name, s.Name)
		case *ast.InlineFragment:
			on := t
			if s.TypeCondition != "" {
				on = g.types[s.TypeCondition]
			}
			c.needExternal(g, at, s.SelectionSet, on, code, what)
		}
	}
}

func inKeys(t *typ, name string) bool {
	for _, k := range t.keys {
		for _, s := range k.sel {
			if f, ok := s.(*ast.Field); ok && f.Name == name {
				return true
			}
		}
	}
	return false
}

func (g *graph) implementedOutside(iface, name string) bool {
	for _, t := range g.types {
		if slices.Contains(t.interfaces, iface) {
			if f := t.field(name); f != nil && f.external {
				return true
			}
		}
	}
	return false
}
