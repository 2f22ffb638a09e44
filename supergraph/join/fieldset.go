package join

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// FieldSet reads the argument of @key, @requires or @provides.
func FieldSet(s string) (ast.SelectionSet, error) {
	t := strings.TrimSpace(s)
	if !strings.HasPrefix(t, "{") {
		t = "{" + t + "}"
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: "field set", Input: t})
	if err != nil {
		return nil, fmt.Errorf("%q is not a selection of fields: %w", s, err)
	}
	if len(doc.Operations) != 1 || len(doc.Fragments) != 0 {
		return nil, fmt.Errorf("%q is not a selection of fields", s)
	}
	return doc.Operations[0].SelectionSet, nil
}

// typeOf reads a type reference such as "[ID!]!".
func typeOf(s string) (*ast.Type, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "type", Input: "type T { f: " + s + " }"})
	if err != nil {
		return nil, fmt.Errorf("%q is not a type: %w", s, err)
	}
	return doc.Definitions[0].Fields[0].Type, nil
}
