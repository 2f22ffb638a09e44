package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/fault"
	"linhui/internal/tabular"
)

// reserved are the names that an address of a saved query gives a meaning of its own.
var reserved = []string{"version", "header", "labels"}

// CheckExport reports whether a document could be exported now, as the public listener would, and
// returns the variables of its operation. What is wrong is one BAD_USER_INPUT, with each place.
func CheckExport(schema *ast.Schema, l *Limits, text string, operation *string) (ast.VariableDefinitionList, error) {
	valid := validationSchema(schema, true)
	doc, errs := compile(valid, text, digest{}, l)
	if errs != nil {
		return nil, misfit(errs).At("document")
	}
	name := ""
	if operation != nil {
		name = *operation
	}
	def, f := doc.operation(name)
	if f != nil {
		return nil, f.At("operation")
	}
	vars := map[string]any{}
	for _, v := range def.VariableDefinitions {
		if slices.Contains(reserved, v.Variable) {
			return nil, fault.Newf(fault.BadUserInput, "$%s cannot be given in an address, where %s mean something else: rename it", v.Variable, strings.Join(reserved, ", ")).At("document")
		}
		if v.Type.Name() == "Boolean" {
			vars[v.Variable] = false // @skip and @include need some value
		}
	}
	if _, err := tabular.ShapeOf(valid, &graphql.OperationContext{Doc: doc.ast, Operation: def, Variables: vars}); err != nil {
		return nil, fault.Of(err).At("document")
	}
	return def.VariableDefinitions, nil
}

// misfit says everything that is wrong with a document, and where.
func misfit(errs gqlerror.List) *fault.Error {
	var texts []string
	for _, e := range errs {
		text := e.Message
		if len(e.Locations) > 0 {
			text = fmt.Sprintf("line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, text)
		}
		texts = append(texts, text)
	}
	return fault.Newf(fault.BadUserInput, "%s", strings.Join(texts, "; "))
}
