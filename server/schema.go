package server

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// federation names what only a gateway may see.
var federation = []string{"_service", "_entities", "_Service", "_Entity", "_Any"}

// PublicSchema returns full without the root fields and types of Apollo Federation. It shares
// everything else with full, and changes nothing in it.
func PublicSchema(full *ast.Schema) *ast.Schema {
	public := *full
	public.Types = maps.Clone(full.Types)
	public.PossibleTypes = maps.Clone(full.PossibleTypes)
	public.Implements = make(map[string][]*ast.Definition, len(full.Implements))
	for name, list := range full.Implements {
		public.Implements[name] = slices.DeleteFunc(slices.Clone(list), func(d *ast.Definition) bool {
			return slices.Contains(federation, d.Name)
		})
	}
	for _, name := range federation {
		delete(public.Types, name)
		delete(public.PossibleTypes, name)
	}
	query := *full.Query
	query.Fields = slices.DeleteFunc(slices.Clone(full.Query.Fields), func(f *ast.FieldDefinition) bool {
		return slices.Contains(federation, f.Name)
	})
	public.Query = &query
	public.Types[query.Name] = &query
	return &public
}

// validationSchema is what documents are checked against. Neither listener knows @defer: its
// answers would come in parts that no transport here carries.
func validationSchema(full *ast.Schema, public bool) *ast.Schema {
	if public {
		full = PublicSchema(full)
	}
	narrow := *full
	narrow.Directives = maps.Clone(full.Directives)
	delete(narrow.Directives, "defer")
	return &narrow
}
