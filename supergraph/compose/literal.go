package compose

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// shape is an input type as constants see it: of one subgraph, or merged.
type shape struct {
	kind   ast.DefinitionKind
	values map[string]bool // of an enum
	fields map[string]shapeField
}

type shapeField struct {
	typ      *ast.Type
	required bool
}

// shape is the type as the subgraph has it.
func (g *graph) shape(name string) (s shape, ok bool) {
	t := g.types[name]
	if t == nil {
		return s, false
	}
	s = shape{kind: t.kind, values: map[string]bool{}, fields: map[string]shapeField{}}
	for _, v := range t.values {
		s.values[v.Name] = true
	}
	for _, f := range t.fields {
		s.fields[f.name] = shapeField{f.typ, f.typ.NonNull && f.def == nil}
	}
	return s, true
}

// visible is the merged type as clients see it.
func (c *composer) visible(name string) (s shape, ok bool) {
	m := c.types[name]
	if m == nil {
		return s, false
	}
	s = shape{kind: m.kind, values: map[string]bool{}, fields: map[string]shapeField{}}
	for _, v := range m.values {
		if !slices.Contains(v.dirs, "@inaccessible") {
			s.values[v.name] = true
		}
	}
	for _, f := range m.fields {
		if !f.hidden && m.kind == ast.InputObject {
			s.fields[f.name] = shapeField{f.typ, f.typ.NonNull && f.def == nil}
		}
	}
	return s, true
}

// unfit says why a constant is no value of the type; "" when it is one. Of a custom scalar everything is.
func unfit(v *ast.Value, t *ast.Type, look func(string) (shape, bool)) string {
	if v.Kind == ast.NullValue {
		if t.NonNull {
			return "null is no value of " + t.String()
		}
		return ""
	}
	if t.Elem != nil {
		if v.Kind != ast.ListValue {
			return unfit(v, t.Elem, look) // one item stands for a list of it
		}
		for _, item := range v.Children {
			if why := unfit(item.Value, t.Elem, look); why != "" {
				return why
			}
		}
		return ""
	}
	if builtin[t.NamedType] != "" {
		if !slices.Contains(literals[t.NamedType], v.Kind) {
			return fmt.Sprintf("%s is no %s", v, t.NamedType)
		}
		return ""
	}
	s, ok := look(t.NamedType)
	switch {
	case !ok || s.kind == ast.Scalar:
		return ""
	case s.kind == ast.Enum:
		if v.Kind != ast.EnumValue || !s.values[v.Raw] {
			return fmt.Sprintf("%s is no value of %s", v, t.NamedType)
		}
		return ""
	case v.Kind != ast.ObjectValue:
		return fmt.Sprintf("%s is no %s", v, t.NamedType)
	}
	return s.unfit(v, t.NamedType, look)
}

var literals = map[string][]ast.ValueKind{
	"Int": {ast.IntValue}, "Float": {ast.IntValue, ast.FloatValue}, "String": {ast.StringValue, ast.BlockValue},
	"Boolean": {ast.BooleanValue}, "ID": {ast.StringValue, ast.BlockValue, ast.IntValue},
}

func (s shape) unfit(v *ast.Value, name string, look func(string) (shape, bool)) string {
	for _, ch := range v.Children {
		f, ok := s.fields[ch.Name]
		if !ok {
			return name + " has no field " + ch.Name
		}
		if why := unfit(ch.Value, f.typ, look); why != "" {
			return why
		}
	}
	for _, field := range slices.Sorted(maps.Keys(s.fields)) {
		if s.fields[field].required && v.Children.ForName(field) == nil {
			return name + "." + field + " must be given"
		}
	}
	return ""
}
