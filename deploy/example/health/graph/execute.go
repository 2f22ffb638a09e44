package graph

import (
	"encoding/json"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// execution is one operation: first look says what it needs, then object writes what was found.
type execution struct {
	variables map[string]any
	wanted    wanted
	found     answers
}

// look walks the root fields and notes which clinics they need.
func (x *execution) look(set ast.SelectionSet) {
	for _, f := range x.collect("Query", set, nil) {
		switch f.Name {
		case "clinics":
			x.wanted.all = true
		case "_entities":
			for _, rep := range representations(f.ArgumentMap(x.variables)) {
				x.wanted.add(rep)
			}
		}
		// Who asks a clinic for its neighbours may reach all of them.
		x.wanted.all = x.wanted.all || clinicsBelow(f.SelectionSet, false)
	}
}

// clinicsBelow reports whether clinics are asked for below a clinic.
func clinicsBelow(set ast.SelectionSet, below bool) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.Field:
			return below && s.Name == "clinics" || clinicsBelow(s.SelectionSet, below || s.Definition.Type.Name() == "Clinic")
		case *ast.InlineFragment:
			return clinicsBelow(s.SelectionSet, below || s.TypeCondition == "Clinic")
		case *ast.FragmentSpread:
			return clinicsBelow(s.Definition.SelectionSet, below || s.Definition.TypeCondition == "Clinic")
		}
		return false
	})
}

// object appends an object as JSON, its fields in the order of the selection.
func (x *execution) object(b []byte, o object, set ast.SelectionSet) []byte {
	b = append(b, '{')
	for i, f := range x.collect(o.typ, set, nil) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), f.Alias...), `":`...)
		if f.Name == "__typename" {
			b = x.value(b, o.typ, nil)
		} else {
			b = x.value(b, o.field(f.Name, f.ArgumentMap(x.variables)), f.SelectionSet)
		}
	}
	return append(b, '}')
}

func (x *execution) value(b []byte, v any, set ast.SelectionSet) []byte {
	switch v := v.(type) {
	case object:
		return x.object(b, v, set)
	case []object:
		return list(b, v, func(b []byte, o object) []byte { return x.object(b, o, set) })
	case []any:
		return list(b, v, func(b []byte, v any) []byte { return x.value(b, v, set) })
	}
	raw, _ := json.Marshal(v) // a string, a *string or nil
	return append(b, raw...)
}

func list[T any](b []byte, of []T, each func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range of {
		if i > 0 {
			b = append(b, ',')
		}
		b = each(b, v)
	}
	return append(b, ']')
}

// collect gathers the fields that a selection asks of an object, equal keys merged.
func (x *execution) collect(typ string, set ast.SelectionSet, fields []*ast.Field) []*ast.Field {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if x.skipped(s.Directives) {
				continue
			}
			at := slices.IndexFunc(fields, func(f *ast.Field) bool { return f.Alias == s.Alias })
			if at < 0 {
				fields = append(fields, s)
			} else {
				both := *fields[at]
				both.SelectionSet = slices.Concat(both.SelectionSet, s.SelectionSet)
				fields[at] = &both
			}
		case *ast.InlineFragment:
			if !x.skipped(s.Directives) && (s.TypeCondition == typ || s.TypeCondition == "" || s.TypeCondition == "_Entity") {
				fields = x.collect(typ, s.SelectionSet, fields)
			}
		case *ast.FragmentSpread:
			if on := s.Definition.TypeCondition; !x.skipped(s.Directives) && (on == typ || on == "_Entity") {
				fields = x.collect(typ, s.Definition.SelectionSet, fields)
			}
		}
	}
	return fields
}

func (x *execution) skipped(list ast.DirectiveList) bool {
	for _, d := range list {
		on, _ := d.ArgumentMap(x.variables)["if"].(bool)
		if d.Name == "skip" && on || d.Name == "include" && !on {
			return true
		}
	}
	return false
}
