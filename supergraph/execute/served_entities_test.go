package execute_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

func (a *answering) entities(f *ast.Field, path []any) []any {
	v, _ := f.Arguments.ForName("representations").Value.Value(a.variables)
	list, _ := v.([]any)
	out := make([]any, len(list))
	for i, item := range list {
		rep, _ := item.(map[string]any)
		at := append(slices.Clone(path), i)
		n, err := a.find(rep)
		if err != nil {
			a.fail(at, "%v", err)
		}
		if n == nil {
			continue
		}
		if o, ok := a.object(n, f.SelectionSet, at); ok {
			out[i] = o
		}
	}
	return out
}

// find returns the entity of a representation; nil when there is none.
func (a *answering) find(rep map[string]any) (*node, error) {
	typ, _ := rep["__typename"].(string)
	def := a.schema.Types[typ]
	if def == nil || a.keys[typ] == nil {
		return nil, fmt.Errorf("%q is no entity here", typ)
	}
	at := slices.IndexFunc(a.keys[typ], func(key ast.SelectionSet) bool { return holds(rep, key) })
	if at < 0 {
		raw, _ := json.Marshal(rep)
		return nil, fmt.Errorf("no key of %s fits %s", typ, raw)
	}
	types := []string{typ}
	if a.bare[typ] || def.Kind == ast.Interface {
		types = append(types, a.data.implies[typ]...)
	}
	for _, t := range types {
		for _, e := range a.data.Entities[t] {
			if a.equal(e, rep, a.keys[typ][at]) {
				n := &node{typ: typ, data: e, rep: rep}
				if def.Kind == ast.Interface {
					n.typ = t
				}
				return n, nil
			}
		}
	}
	return nil, nil
}

// holds reports whether a representation has all fields of a key.
func holds(v any, key ast.SelectionSet) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !holds(item, key) })
	case map[string]any:
		for _, sel := range key {
			if f, ok := sel.(*ast.Field); ok {
				part, there := v[f.Name]
				if !there || f.SelectionSet != nil && !holds(part, f.SelectionSet) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// equal compares the fields of a key.
func (a *answering) equal(data, rep any, key ast.SelectionSet) bool {
	if key == nil {
		return reflect.DeepEqual(data, rep) || data != nil && rep != nil && fmt.Sprint(data) == fmt.Sprint(rep)
	}
	if list, ok := data.([]any); ok {
		other, ok := rep.([]any)
		if !ok || len(other) != len(list) {
			return false
		}
		for i := range list {
			if !a.equal(list[i], other[i], key) {
				return false
			}
		}
		return true
	}
	d, _ := data.(map[string]any)
	r, _ := rep.(map[string]any)
	if d == nil || r == nil {
		return data == nil && rep == nil
	}
	if _, ok := d["$ref"]; ok {
		d = a.deref(d)
	}
	for _, sel := range key {
		if f, ok := sel.(*ast.Field); ok && !a.equal(a.lookup(d, f), r[f.Name], f.SelectionSet) {
			return false
		}
	}
	return true
}

// fill makes the text of a template from a representation.
func fill(template string, rep map[string]any) (string, error) {
	if rep == nil {
		return "", fmt.Errorf("nothing was sent for %q", template)
	}
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(template, "{")
		b.WriteString(text)
		if !found {
			return b.String(), nil
		}
		path, after, _ := strings.Cut(rest, "}")
		v, err := pick(rep, strings.Split(path, "."))
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		template = after
	}
}

func pick(v any, path []string) (string, error) {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			var err error
			if parts[i], err = pick(item, path); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		if len(path) == 0 {
			break
		}
		part, ok := v[path[0]]
		if !ok {
			return "", fmt.Errorf("%s was not sent", path[0])
		}
		return pick(part, path[1:])
	case nil:
		return "null", nil
	}
	if len(path) > 0 {
		return "", fmt.Errorf("%s was not sent", path[0])
	}
	return cmp.Or(fmt.Sprint(v), ""), nil
}
