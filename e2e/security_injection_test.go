package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/schema"
)

// hostile is what every text of every argument is given; a person's name stands in it, so that
// testTraces finds what repeats it.
var hostile = []string{
	canary + "' OR '1'='1' --",
	canary + `"; DROP TABLE residents; --`,
	canary + `%_\`,
	canary + "\u0000",
	canary + "$1::uuid",
	strings.Repeat(canary, 2000),
	nodeID("Resident", "x", "00000000-0000-7000-8000-000000000001")[:10] + canary,
}

// literals are an argument's value with each of its texts hostile in turn; none without a text.
func literals(typ *ast.Type, text string) (all []string) {
	def := schema.Parsed().Types[typ.Name()]
	switch {
	case def.Kind == ast.InputObject:
		for _, f := range def.Fields {
			for _, l := range literals(f.Type, text) {
				all = append(all, "{"+f.Name+": "+l+"}")
			}
		}
	case def.Kind == ast.Scalar && !slices.Contains([]string{"Int", "Boolean", "Float"}, def.Name):
		all = []string{fmt.Sprintf("%q", text)}
	}
	if typ.Elem != nil {
		for i := range all {
			all[i] = "[" + all[i] + "]"
		}
	}
	return all
}

// testInjection gives every text of every root field's arguments what would be SQL: nothing is found
// by it, nothing breaks, and no answer repeats it.
func (m *matrix) testInjection(t *testing.T) {
	all, asked := m.omniscient(), 0
	for _, f := range schema.Parsed().Query.Fields {
		for _, a := range f.Arguments {
			for _, text := range hostile {
				for _, value := range literals(a.Type, text) {
					value = strings.ReplaceAll(value, `\x00`, `\u0000`)
					below := " { __typename }"
					if f.Arguments.ForName("first") != nil {
						below = " { nodes { __typename } }"
					}
					got := m.ask(all, fmt.Sprintf("{ rows: %s(%s: %s)%s }", f.Name, a.Name, value, below), nil)
					asked++
					if data := string(got.Data); strings.Contains(data, `__typename":"`) {
						t.Errorf("%s(%s: %.80s) finds %.200s", f.Name, a.Name, value, data)
					}
					for _, x := range got.Errors {
						if code := x.Extensions["code"]; code != "BAD_USER_INPUT" && code != "NOT_FOUND" {
							t.Errorf("%s(%s: %.80s): %+v", f.Name, a.Name, value, x)
						}
						if strings.Contains(marshal(t, x), canary) {
							t.Errorf("%s(%s): the error repeats what was sent: %.200s", f.Name, a.Name, x.Message)
						}
					}
				}
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d arguments were tried", asked)
	}
}
