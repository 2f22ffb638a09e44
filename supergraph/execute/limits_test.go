package execute_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
)

func TestAnswersThatHoldTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	p := compile(t, shopSDL, `{ top { upc name tags } }`, &plan.Fetch{ID: 1, Subgraph: "products", Kind: ast.Query, Document: `{top{upc name tags}}`})
	list := make([]string, 1000)
	for i := range list {
		list[i] = fmt.Sprintf(`{"upc":"%d","name":"a"}`, i) // equal ones would be held once
	}
	many := `{"data":{"top":[` + strings.Join(list, ",") + `]}}`
	for name, c := range map[string]struct {
		change func(*execute.Limits)
		code   fault.Code
	}{
		"values":              {func(l *execute.Limits) { l.Cells = 5000 }, fault.SourceUnavailable},
		"bytes of subgraphs":  {func(l *execute.Limits) { l.Bodies = 20_000 }, fault.CostExceeded},
		"bytes of the answer": {func(l *execute.Limits) { l.ResponseBytes = 20_000 }, fault.CostExceeded},
		"nothing":             {func(*execute.Limits) {}, ""},
	} {
		l := execute.DefaultLimits()
		c.change(&l)
		e := &execute.Executor{Limits: l, Subgraphs: map[string]supergraph.Subgraph{"products": &canned{answer: many}}}
		for range 2 {
			a := e.Run(t.Context(), p, nil, nil)
			if c.code == "" {
				if len(a.Errors) != 0 || len(a.Data) < 20_000 {
					t.Errorf("%s: %v", name, show(a.Errors))
				}
				continue
			}
			if len(a.Errors) != 1 || a.Errors[0].Fault.Code != c.code || len(a.Data) > 20 {
				t.Errorf("%s: %.100s %v", name, a.Data, show(a.Errors))
			}
		}
	}
}

func TestRequestsThatGrowTooLargeAreNotSent(t *testing.T) {
	t.Parallel()
	p := compile(t, shopSDL, `{ top { upc name } }`, &plan.Sequence{Nodes: []plan.Node{
		&plan.Fetch{ID: 1, Subgraph: "top", Kind: ast.Query, Document: `{top{upc}}`},
		&plan.Flatten{Path: plan.Path{{Key: "top"}, {Each: true}}, Fetch: products(byUPC)},
	}})
	list := make([]string, 1000)
	for i := range list {
		list[i] = fmt.Sprintf(`{"upc":"%d"}`, i)
	}
	l := execute.DefaultLimits()
	l.Bodies = 20_000
	second := &canned{answer: `{}`}
	e := &execute.Executor{Limits: l, Subgraphs: map[string]supergraph.Subgraph{"top": &canned{answer: `{"data":{"top":[` + strings.Join(list, ",") + `]}}`}, "products": second}}
	if a := e.Run(t.Context(), p, nil, nil); len(a.Errors) != 1 || a.Errors[0].Fault.Code != fault.CostExceeded || len(second.asked) != 0 {
		t.Errorf("%v, asked %d times", show(a.Errors), len(second.asked))
	}
}

func TestPanickingSubgraphCostsItsFields(t *testing.T) {
	t.Parallel()
	p := compile(t, shopSDL, `{ top { upc } }`, &plan.Fetch{ID: 1, Subgraph: "products", Kind: ast.Query, Document: `{top{upc}}`})
	e := &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{"products": direct{}}}
	if a := e.Run(t.Context(), p, nil, nil); string(a.Data) != `{"top":null}` || len(a.Errors) != 1 || a.Errors[0].Fault.Code != fault.SourceUnavailable {
		t.Errorf("%s %v", a.Data, show(a.Errors))
	}
}

func FuzzBodies(f *testing.F) {
	p := compile(f, shopSDL, shopQuery, shop())
	for _, seed := range []string{twoReviews, `{"data":{"me":null}}`, `{"errors":[{"message":"x","path":["me",0]}],"data":{"me":{"reviews":[[[{}]]]}}}`, `{"data":{"me":{"name":"\ud800"}}}`} {
		f.Add(seed, `{"data":{"_entities":[{"name":"tea"},null]}}`)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		e := &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{
			"reviews": &canned{answer: first}, "products": &canned{answer: second}}}
		if a := e.Run(t.Context(), p, nil, nil); !valid(a.Data) {
			t.Errorf("%q", a.Data)
		}
	})
}
