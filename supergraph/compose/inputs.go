package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// typed is an argument or input field as one subgraph has it.
type typed struct {
	g   *graph
	pos *ast.Position
	typ *ast.Type
	def *ast.Value
}

// mergeInputType is the narrowest of the types: what all subgraphs accept.
func (c *composer) mergeInputType(where, what string, ts []typed) (*ast.Type, *ast.Value) {
	var places []Place
	var types, defaults []string
	best := ts[0].typ
	for i, t := range ts {
		places = append(places, t.g.at(t.pos))
		types = append(types, t.typ.String()+" in "+t.g.name)
		if t.def != nil {
			defaults = append(defaults, t.def.String()+" in "+t.g.name)
		} else {
			defaults = append(defaults, "none in "+t.g.name)
		}
		if i == 0 || best == nil {
			continue
		}
		best = narrower(best, t.typ)
	}
	if best == nil {
		c.problem(what+"_TYPE_MISMATCH", places, "give it the same type everywhere; it may differ in what can be null", "%s has types that do not fit together: %s", where, strings.Join(types, ", "))
		return nil, nil
	}
	var def *ast.Value
	everywhere := true
	for _, t := range ts {
		switch {
		case t.def == nil:
			everywhere = false
		case def == nil:
			def = t.def
		case !same(def, t.def):
			c.problem(what+"_DEFAULT_MISMATCH", places, "give it the same default everywhere", "%s has different defaults: %s", where, strings.Join(defaults, ", "))
			return nil, nil
		}
	}
	if def != nil && !everywhere {
		c.warn("INCONSISTENT_DEFAULT_VALUE_PRESENCE", places, "give it the same default everywhere", "%s has a default in some subgraphs only, so it has none in the supergraph: %s", where, strings.Join(defaults, ", "))
		return best, nil
	}
	return best, def
}

// same reports whether two constants are equal, however the fields of their objects are ordered.
func same(a, b *ast.Value) bool {
	if a.Kind != ast.ObjectValue || b.Kind != ast.ObjectValue {
		return a.Kind == b.Kind && a.Raw == b.Raw && slices.EqualFunc(a.Children, b.Children, func(x, y *ast.ChildValue) bool { return same(x.Value, y.Value) })
	}
	return len(a.Children) == len(b.Children) && !slices.ContainsFunc(a.Children, func(x *ast.ChildValue) bool {
		y := b.Children.ForName(x.Name)
		return y == nil || !same(x.Value, y)
	})
}

func narrower(a, b *ast.Type) *ast.Type {
	if (a.Elem == nil) != (b.Elem == nil) || a.NamedType != b.NamedType {
		return nil
	}
	out := &ast.Type{NamedType: a.NamedType, NonNull: a.NonNull || b.NonNull, Position: a.Position}
	if a.Elem != nil {
		if out.Elem = narrower(a.Elem, b.Elem); out.Elem == nil {
			return nil
		}
	}
	return out
}

func (c *composer) mergeArguments(where string, from []source) []*mergedArg {
	var names []string
	for _, s := range from {
		for _, a := range s.f.args {
			if !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	var out []*mergedArg
	for _, name := range names {
		label := fmt.Sprintf("the argument %s(%s:)", where, name)
		ma := &mergedArg{name: name}
		var ts []typed
		var ds []carrier
		var missing []Place
		required := false
		for _, s := range from {
			a := s.f.args.ForName(name)
			if a == nil {
				missing = append(missing, s.g.at(s.f.pos))
				continue
			}
			required = required || a.Type.NonNull && a.DefaultValue == nil
			ts = append(ts, typed{s.g, a.Position, s.g.usualType(a.Type), a.DefaultValue})
			ds = append(ds, carrier{s.g, c.canonical(s.g, a.Directives)})
			if ma.description == "" {
				ma.description = a.Description
			}
		}
		if len(missing) > 0 {
			if required {
				c.problem("REQUIRED_ARGUMENT_MISSING_IN_SOME_SUBGRAPH", missing, "add it there, or make it optional", "%s is required in one subgraph and missing in another", label)
			} else {
				c.warn("INCONSISTENT_ARGUMENT_PRESENCE", missing, "add it there", "%s is not in every subgraph and is left out", label)
			}
			continue
		}
		if ma.typ, ma.def = c.mergeInputType(label, "FIELD_ARGUMENT", ts); ma.typ == nil {
			continue
		}
		ma.dirs, _ = c.carried(ds)
		out = append(out, ma)
	}
	return out
}

func (c *composer) mergeInput(m *merged) {
	names := fieldNames(m)
	for _, name := range names {
		var ts []typed
		var missing []Place
		var ds []carrier
		mf := &mergedField{name: name}
		required := false
		for _, o := range m.in {
			f := o.t.field(name)
			if f == nil {
				missing = append(missing, o.g.at(o.t.pos))
				continue
			}
			ts = append(ts, typed{o.g, f.pos, f.typ, f.def})
			ds = append(ds, carrier{o.g, f.dirs})
			required = required || f.typ.NonNull && f.def == nil
			if mf.description == "" {
				mf.description = f.description
			}
		}
		if len(missing) > 0 {
			if required {
				c.problem("REQUIRED_INPUT_FIELD_MISSING_IN_SOME_SUBGRAPH", missing, "add it there, or make it optional", "%s.%s is required in one subgraph and missing in another", m.name, name)
			} else {
				c.warn("INCONSISTENT_INPUT_OBJECT_FIELD", missing, "add it there", "%s.%s is not in every subgraph and is left out", m.name, name)
			}
			continue
		}
		mf.typ, mf.def = c.mergeInputType(m.name+"."+name, "INPUT_FIELD", ts)
		if mf.typ == nil {
			continue
		}
		mf.dirs, mf.hidden = c.carried(ds)
		for _, x := range ts {
			if x.typ.String() != mf.typ.String() {
				for _, y := range ts {
					mf.joins = append(mf.joins, joinField(y.g, joinArgs{typ: y.typ.String()}))
				}
				break
			}
		}
		m.fields = append(m.fields, mf)
	}
	if len(m.fields) == 0 && len(c.problems) == 0 {
		c.problem("EMPTY_MERGED_INPUT_TYPE", c.places(m.in), "give all subgraphs a field in common", "%s has no field that all subgraphs know", m.name)
	}
}
