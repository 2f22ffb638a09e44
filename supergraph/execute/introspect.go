package execute

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
)

// introspect writes the value of __schema or __type from the client's schema.
func (w *writer) introspect(out []byte, f *field) []byte {
	i := introspector{doc: w.program.Plan.Document, variables: w.variables}
	var v any
	schema := w.program.schema
	if f.ast.Name == "__schema" {
		v = introspection.WrapSchema(schema)
	} else if name, ok := i.argument(f.ast, "name").(string); ok && schema.Types[name] != nil {
		v = introspection.WrapTypeFromDef(schema, schema.Types[name])
	}
	return i.value(out, v, f.ast.SelectionSet)
}

// introspector walks gqlgen's view of a schema as a selection asks.
type introspector struct {
	doc       *ast.QueryDocument
	variables map[string]any
}

func (i *introspector) argument(f *ast.Field, name string) any {
	a := f.Arguments.ForName(name)
	if a == nil {
		return nil
	}
	v, _ := a.Value.Value(i.variables)
	return v
}

// deprecated is the value of includeDeprecated.
func (i *introspector) deprecated(f *ast.Field) bool {
	on, _ := i.argument(f, "includeDeprecated").(bool)
	return on
}

func (i *introspector) value(out []byte, v any, set ast.SelectionSet) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case *introspection.Schema:
		return i.object(out, "__Schema", set, func(f *ast.Field) any { return i.schema(v, f) })
	case *introspection.Type:
		if v == nil {
			return append(out, "null"...)
		}
		return i.object(out, "__Type", set, func(f *ast.Field) any { return i.typ(v, f) })
	case *introspection.Field:
		return i.object(out, "__Field", set, func(f *ast.Field) any { return i.field(v, f) })
	case *introspection.InputValue:
		return i.object(out, "__InputValue", set, func(f *ast.Field) any { return input(v, f) })
	case *introspection.EnumValue:
		return i.object(out, "__EnumValue", set, func(f *ast.Field) any { return enum(v, f) })
	case *introspection.Directive:
		return i.object(out, "__Directive", set, func(f *ast.Field) any { return i.directive(v, f) })
	case []introspection.Type:
		return each(i, out, v, set)
	case []introspection.Field:
		return each(i, out, v, set)
	case []introspection.InputValue:
		return each(i, out, v, set)
	case []introspection.EnumValue:
		return each(i, out, v, set)
	case []introspection.Directive:
		return each(i, out, v, set)
	}
	raw, _ := json.Marshal(v) // strings, booleans and lists of strings
	return append(out, raw...)
}

func each[T any](i *introspector, out []byte, list []T, set ast.SelectionSet) []byte {
	out = append(out, '[')
	for n := range list {
		if n > 0 {
			out = append(out, ',')
		}
		out = i.value(out, &list[n], set)
	}
	return append(out, ']')
}

func (i *introspector) object(out []byte, name string, set ast.SelectionSet, get func(*ast.Field) any) []byte {
	var merged []*ast.Field
	i.collect(name, set, &merged)
	out = append(out, '{')
	for n, f := range merged {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, jsonKey(f.Alias)...)
		if f.Name == "__typename" {
			out = append(append(append(out, '"'), name...), '"')
			continue
		}
		out = i.value(out, get(f), f.SelectionSet)
	}
	return append(out, '}')
}

// collect merges the fields of a selection; the types of introspection are all objects.
func (i *introspector) collect(name string, set ast.SelectionSet, into *[]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if i.skipped(sel.Directives) {
				continue
			}
			if at := indexOf(*into, sel.Alias); at < 0 {
				*into = append(*into, sel)
			} else {
				both := *(*into)[at]
				both.SelectionSet = append(both.SelectionSet[:len(both.SelectionSet):len(both.SelectionSet)], sel.SelectionSet...)
				(*into)[at] = &both
			}
		case *ast.InlineFragment:
			if !i.skipped(sel.Directives) && (sel.TypeCondition == "" || sel.TypeCondition == name) {
				i.collect(name, sel.SelectionSet, into)
			}
		case *ast.FragmentSpread:
			if def := i.doc.Fragments.ForName(sel.Name); !i.skipped(sel.Directives) && def.TypeCondition == name {
				i.collect(name, def.SelectionSet, into)
			}
		}
	}
}

func indexOf(list []*ast.Field, alias string) int {
	for n, f := range list {
		if f.Alias == alias {
			return n
		}
	}
	return -1
}

func (i *introspector) skipped(list ast.DirectiveList) bool {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		v, _ := d.Arguments.ForName("if").Value.Value(i.variables)
		if on, _ := v.(bool); on == (d.Name == "skip") {
			return true
		}
	}
	return false
}

func (i *introspector) schema(s *introspection.Schema, f *ast.Field) any {
	switch f.Name {
	case "description":
		return s.Description()
	case "types":
		return s.Types()
	case "queryType":
		return s.QueryType()
	case "mutationType":
		return s.MutationType()
	case "subscriptionType":
		return s.SubscriptionType()
	case "directives":
		return s.Directives()
	}
	return nil
}

func (i *introspector) typ(t *introspection.Type, f *ast.Field) any {
	switch f.Name {
	case "kind":
		return t.Kind()
	case "name":
		return t.Name()
	case "description":
		return t.Description()
	case "fields":
		if kind := t.Kind(); kind == "OBJECT" || kind == "INTERFACE" {
			return t.Fields(i.deprecated(f))
		}
	case "inputFields":
		if t.Kind() == "INPUT_OBJECT" {
			return t.InputFields()
		}
	case "interfaces":
		if kind := t.Kind(); kind == "OBJECT" || kind == "INTERFACE" {
			return t.Interfaces()
		}
	case "possibleTypes":
		if kind := t.Kind(); kind == "INTERFACE" || kind == "UNION" {
			return t.PossibleTypes()
		}
	case "enumValues":
		if t.Kind() == "ENUM" {
			return t.EnumValues(i.deprecated(f))
		}
	case "ofType":
		return t.OfType()
	case "specifiedByURL":
		return t.SpecifiedByURL()
	case "isOneOf":
		return t.IsOneOf()
	}
	return nil
}

func (i *introspector) field(v *introspection.Field, f *ast.Field) any {
	switch f.Name {
	case "name":
		return v.Name
	case "description":
		return v.Description()
	case "args":
		return i.inputs(v.Args, f)
	case "type":
		return v.Type
	case "isDeprecated":
		return v.IsDeprecated()
	case "deprecationReason":
		return v.DeprecationReason()
	}
	return nil
}

func (i *introspector) directive(v *introspection.Directive, f *ast.Field) any {
	switch f.Name {
	case "name":
		return v.Name
	case "description":
		return v.Description()
	case "locations":
		return v.Locations
	case "args":
		return i.inputs(v.Args, f)
	case "isRepeatable":
		return v.IsRepeatable
	}
	return nil
}

// inputs leaves deprecated arguments out unless they are asked for.
func (i *introspector) inputs(list []introspection.InputValue, f *ast.Field) []introspection.InputValue {
	shown := []introspection.InputValue{}
	for n := range list {
		if i.deprecated(f) || !list[n].IsDeprecated() {
			shown = append(shown, list[n])
		}
	}
	return shown
}

func input(v *introspection.InputValue, f *ast.Field) any {
	switch f.Name {
	case "name":
		return v.Name
	case "description":
		return v.Description()
	case "type":
		return v.Type
	case "defaultValue":
		return v.DefaultValue
	case "isDeprecated":
		return v.IsDeprecated()
	case "deprecationReason":
		return v.DeprecationReason()
	}
	return nil
}

func enum(v *introspection.EnumValue, f *ast.Field) any {
	switch f.Name {
	case "name":
		return v.Name
	case "description":
		return v.Description()
	case "isDeprecated":
		return v.IsDeprecated()
	case "deprecationReason":
		return v.DeprecationReason()
	}
	return nil
}
