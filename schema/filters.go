package schema

import (
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// filters maps "XFilter.field", and "Type.list(argument)", to what is said of the field of the
// graph that the filter looks at: a filter by what one may not read tells it all the same.
var filters = sync.OnceValue(func() map[string]Field { f, _ := tieFilters(); return f })

// UntiedFilters names the filters of which nobody knows what they look at, sorted. The build's
// tests fail unless it is empty: @reads names the field where the filter's name does not.
func UntiedFilters() []string { _, untied := tieFilters(); return untied }

// beside are the arguments of lists that do not choose among rows by what stands in them.
var beside = []string{"first", "after", "last", "before", "orderBy", "communities", "onPartial", "filter", "date", "at", "limit", "ids"}

func tieFilters() (tied map[string]Field, untied []string) {
	tied = map[string]Field{}
	tie := func(name, typ, filter string, ds ast.DirectiveList) {
		if rule, ok := looksAt(typ, filter, ds); ok {
			tied[name] = rule
		} else {
			untied = append(untied, name)
		}
	}
	for _, t := range Parsed().Types {
		if t.BuiltIn || t.Kind != ast.Object {
			continue
		}
		for _, f := range t.Fields {
			row := rowType(f.Type)
			if row == "" {
				continue
			}
			for _, a := range f.Arguments {
				if a.Name == "filter" {
					in := Parsed().Types[a.Type.Name()]
					for _, x := range in.Fields {
						tie(in.Name+"."+x.Name, row, x.Name, x.Directives)
					}
				} else if !slices.Contains(beside, a.Name) {
					tie(t.Name+"."+f.Name+"("+a.Name+")", row, a.Name, a.Directives)
				}
			}
		}
	}
	slices.Sort(untied)
	return tied, slices.Compact(untied)
}

// rowType is the object type that a list or a connection holds, "" for other types.
func rowType(t *ast.Type) string {
	def := Parsed().Types[t.Name()]
	if def == nil || def.Kind != ast.Object {
		return ""
	}
	if nodes := def.Fields.ForName("nodes"); nodes != nil && strings.HasSuffix(def.Name, "Connection") {
		return nodes.Type.Name()
	}
	if t.Elem == nil {
		return ""
	}
	return def.Name
}

// looksAt finds what is said of the field that a filter of a type's rows looks at: the one
// that @reads names, else the one of the filter's own name, or of that in the singular, or
// nameZh for nameContains.
func looksAt(typ, filter string, ds ast.DirectiveList) (Field, bool) {
	names := []string{filter, strings.TrimSuffix(filter, "s"), strings.TrimSuffix(filter, "Contains") + "Zh"}
	if d := ds.ForName("reads"); d != nil {
		names = []string{d.Arguments.ForName("field").Value.Raw}
	}
	for _, n := range names {
		if !strings.Contains(n, ".") {
			n = typ + "." + n
		}
		if rule, ok := Fields()[n]; ok {
			return rule, true
		}
	}
	return Field{}, false
}

// filters holds the filters that a field is given against what they look at.
func (c *check) filters(f *ast.Field, path ast.Path) {
	for _, a := range f.Arguments {
		def := f.Definition.Arguments.ForName(a.Name)
		if def == nil {
			continue
		}
		if rule, ok := filters()[f.ObjectDefinition.Name+"."+f.Name+"("+a.Name+")"]; ok {
			c.permit(f.ObjectDefinition.Name+"."+f.Name+"("+a.Name+")", rule, path)
		}
		if in := Parsed().Types[def.Type.Name()]; in == nil || in.Kind != ast.InputObject {
			continue
		}
		given, err := a.Value.Value(c.variables)
		if err != nil {
			continue // a variable that is not there: the filter is not given
		}
		fields, _ := given.(map[string]any)
		for name, value := range fields {
			if rule, ok := filters()[def.Type.Name()+"."+name]; ok && value != nil {
				c.permit(def.Type.Name()+"."+name, rule, path)
			}
		}
	}
}
