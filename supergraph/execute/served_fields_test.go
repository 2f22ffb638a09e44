package execute_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// node is an object as one subgraph sees it.
type node struct {
	typ      string // in this subgraph
	data     map[string]any
	rep      map[string]any // what the subgraph was sent; nil: it was not asked by representation
	provided ast.SelectionSet
}

type answering struct {
	*served
	doc       *ast.QueryDocument
	variables map[string]any
	errors    []toldError
}

func (a *answering) fail(path []any, format string, args ...any) {
	a.errors = append(a.errors, toldError{a.name + ": " + fmt.Sprintf(format, args...), slices.Clone(path)})
}

func (a *answering) skipped(list ast.DirectiveList) bool {
	for _, d := range list {
		if d.Name == "skip" || d.Name == "include" {
			v, _ := d.Arguments.ForName("if").Value.Value(a.variables)
			if v == (d.Name == "skip") {
				return true
			}
		}
	}
	return false
}

func (a *answering) fits(typ, condition string) bool {
	if condition == "" || typ == condition {
		return true
	}
	return slices.ContainsFunc(a.schema.GetPossibleTypes(a.schema.Types[condition]), func(d *ast.Definition) bool { return d.Name == typ })
}

func (a *answering) collect(typ string, set ast.SelectionSet, into *[]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if a.skipped(sel.Directives) {
				continue
			}
			if at := slices.IndexFunc(*into, func(f *ast.Field) bool { return f.Alias == sel.Alias }); at >= 0 {
				both := *(*into)[at]
				both.SelectionSet = slices.Concat(both.SelectionSet, sel.SelectionSet)
				(*into)[at] = &both
			} else {
				*into = append(*into, sel)
			}
		case *ast.InlineFragment:
			if !a.skipped(sel.Directives) && a.fits(typ, sel.TypeCondition) {
				a.collect(typ, sel.SelectionSet, into)
			}
		case *ast.FragmentSpread:
			if def := a.doc.Fragments.ForName(sel.Name); !a.skipped(sel.Directives) && a.fits(typ, def.TypeCondition) {
				a.collect(typ, def.SelectionSet, into)
			}
		}
	}
}

// object answers a selection; false when it must be null.
func (a *answering) object(n *node, set ast.SelectionSet, path []any) (map[string]any, bool) {
	var fields []*ast.Field
	a.collect(n.typ, set, &fields)
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		at := append(path, f.Alias)
		if f.Name == "__typename" {
			out[f.Alias] = n.typ
			continue
		}
		def := a.schema.Types[n.typ].Fields.ForName(f.Name)
		v, ok := a.field(n, f, def, at)
		if !ok {
			return nil, false
		}
		out[f.Alias] = v
	}
	return out, true
}

func (a *answering) field(n *node, f *ast.Field, def *ast.FieldDefinition, path []any) (any, bool) {
	switch f.Name {
	case "_service":
		return map[string]any{"sdl": a.sdl}, true
	case "_entities":
		return a.entities(f, path), true
	}
	marks := a.marks[n.typ][f.Name]
	provided, isProvided := within(n.provided, f.Name)
	if marks.ForName("external") != nil && !isProvided && !a.isKeyPart(n.typ, f.Name) {
		a.fail(path, "%s.%s is external", n.typ, f.Name)
		return a.null(def.Type)
	}
	if p := marks.ForName("provides"); p != nil {
		set, err := fieldSet(p)
		if err != nil {
			a.fail(path, "%v", err)
		}
		provided = slices.Concat(provided, set)
	}
	return a.value(a.lookup(n.data, f), n, f, def.Type, provided, path)
}

// within returns what is provided below a field.
func within(set ast.SelectionSet, name string) (below ast.SelectionSet, ok bool) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == name {
				below, ok = slices.Concat(below, sel.SelectionSet), true
			}
		case *ast.InlineFragment:
			more, found := within(sel.SelectionSet, name)
			below, ok = slices.Concat(below, more), ok || found
		}
	}
	return below, ok
}

func (a *answering) isKeyPart(typ, field string) bool {
	for _, names := range a.keys {
		for _, set := range names {
			if hasField(set, field) && a.keys[typ] != nil {
				return true
			}
		}
	}
	// Objects inside keys, as organization { id }.
	for _, sets := range a.keys {
		for _, set := range sets {
			for _, sel := range set {
				if f, ok := sel.(*ast.Field); ok && f.SelectionSet != nil && hasField(f.SelectionSet, field) {
					return true
				}
			}
		}
	}
	return false
}

func hasField(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool { f, ok := s.(*ast.Field); return ok && f.Name == name })
}

// lookup finds the data of a field: with these arguments, of this subgraph alone, or plainly.
func (a *answering) lookup(data map[string]any, f *ast.Field) any {
	var parts []string
	for _, arg := range f.Arguments {
		if arg.Value.Kind == ast.Variable {
			if _, given := a.variables[arg.Value.Raw]; !given {
				continue
			}
		}
		v, _ := arg.Value.Value(a.variables)
		raw, _ := json.Marshal(v)
		parts = append(parts, arg.Name+":"+string(raw))
	}
	slices.Sort(parts)
	with := f.Name + "(" + strings.Join(parts, ",") + ")"
	for _, key := range []string{a.name + ":" + with, a.name + ":" + f.Name, with, f.Name} {
		if v, ok := data[key]; ok {
			return v
		}
	}
	return nil
}

func (a *answering) null(t *ast.Type) (any, bool) { return nil, !t.NonNull }

func (a *answering) value(v any, n *node, f *ast.Field, t *ast.Type, provided ast.SelectionSet, path []any) (any, bool) {
	switch special := v.(type) {
	case nil:
		if t.NonNull {
			a.fail(path, "there is no value, and %s allows no null", t)
		}
		return a.null(t)
	case []any:
		if t.Elem == nil {
			break
		}
		out := make([]any, len(special))
		for i, item := range special {
			var ok bool
			if out[i], ok = a.value(item, n, f, t.Elem, provided, append(path, i)); !ok {
				return a.null(t)
			}
		}
		return out, true
	case map[string]any:
		if text, ok := special["$error"]; ok {
			a.fail(path, "%v", text)
			return a.null(t)
		}
		if _, ok := special["$turn"]; ok {
			return a.data.turns.Add(1), true
		}
		if arg, ok := special["$echo"].(string); ok {
			out, _ := f.Arguments.ForName(arg).Value.Value(a.variables)
			return out, true
		}
		if template, ok := special["$template"].(string); ok {
			text, err := fill(template, n.rep)
			if err != nil {
				a.fail(path, "%s.%s: %v", n.typ, f.Name, err)
				return a.null(t)
			}
			return text, true
		}
	}
	if len(f.SelectionSet) == 0 {
		return v, true
	}
	data, ok := v.(map[string]any)
	if !ok {
		a.fail(path, "the data has no object for %s", t)
		return a.null(t)
	}
	child := a.child(data, t.Name())
	if child == nil {
		return a.null(t)
	}
	if def := a.schema.Types[child.typ]; def == nil || def.Kind != ast.Object {
		a.fail(path, "the type %q is not known here", child.typ)
		return a.null(t)
	}
	child.provided = provided
	out, ok := a.object(child, f.SelectionSet, path)
	if !ok {
		return a.null(t)
	}
	return out, true
}

// child is the object that data stands for where a type is expected; nil when there is none.
func (a *answering) child(data map[string]any, expected string) *node {
	typ, _ := data["__typename"].(string)
	if ref, ok := data["$ref"].(string); ok {
		typ = ref
		if data = a.deref(data); data == nil {
			return nil
		}
	}
	if def := a.schema.Types[expected]; def.Kind == ast.Object {
		typ = expected
	} else if a.schema.Types[typ] == nil {
		// An interface object stands for all types of its interface.
		for bare := range a.bare {
			if slices.Contains(a.data.implies[bare], typ) {
				typ = bare
				break
			}
		}
	}
	return &node{typ: typ, data: data}
}

func (a *answering) deref(ref map[string]any) map[string]any {
	for _, e := range a.data.Entities[ref["$ref"].(string)] {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(ref)), func(k string) bool { return k != "$ref" && !reflect.DeepEqual(ref[k], e[k]) }) {
			return e
		}
	}
	return nil
}
