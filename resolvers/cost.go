package resolvers

import (
	"github.com/99designs/gqlgen/graphql"
)

// FannedOut is the number of communities that an operation's widest root field asks: those
// its communities argument names, or all when it names none, or those of its division.
func (r *Root) FannedOut(oc *graphql.OperationContext) int {
	widest := 1
	for _, f := range graphql.CollectFields(oc, oc.Operation.SelectionSet, nil) {
		if f.Definition == nil {
			continue
		}
		args := f.ArgumentMap(oc.Variables)
		switch {
		case f.Definition.Arguments.ForName("communities") != nil:
			named, ok := args["communities"].([]any)
			if ok {
				widest = max(widest, len(named))
			} else {
				widest = max(widest, len(r.Sources.Directory().Slugs()))
			}
		case f.Definition.Type.Name() == "Division":
			if code, ok := args["code"].(string); ok {
				widest = max(widest, len(r.Sources.Directory().Under(code)))
			}
		}
	}
	return widest
}
