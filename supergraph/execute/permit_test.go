package execute_test

import (
	"context"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/supergraph"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
)

const guarded = `
schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.4", for: EXECUTION)
  @link(url: "https://specs.apollo.dev/authenticated/v0.1", as: "signedIn", for: SECURITY)
  @link(url: "https://specs.apollo.dev/requiresScopes/v0.1", import: [{name: "@requiresScopes", as: "@scoped"}], for: SECURITY)
  { query: Query }
enum join__Graph { A @join__graph(name: "a", url: "") B @join__graph(name: "b", url: "") }
scalar scoped__Scope
directive @signedIn on FIELD_DEFINITION
directive @scoped(scopes: [[scoped__Scope!]!]!) on FIELD_DEFINITION
type Query @join__type(graph: A) { p: P open: Int }
type P @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
  id: ID!
  cost: Int @join__field(graph: A) @scoped(scopes: [["DISTRICT_ANALYST"]])
  price: Int @join__field(graph: B, requires: "cost")
  name: String @join__field(graph: A) @signedIn
}`

// TestEveryViewerHasAnAnswerOfTheirOwn asks one operation for several viewers in turn, of a supergraph that others composed:
// guards have other names there, and what a field requires does not guard the field.
func TestEveryViewerHasAnAnswerOfTheirOwn(t *testing.T) {
	t.Parallel()
	s, err := plan.New(guarded)
	if err != nil {
		t.Fatal(err)
	}
	if sdl := s.APISDL(); strings.Contains(sdl, "@") {
		t.Errorf("clients see guards: %s", sdl)
	}
	a := &canned{answer: `{"data":{"open":1,"p":{"id":"1","cost":5,"name":"Ada"}}}`}
	b := &canned{answer: `{"data":{"_entities":[{"price":6}]}}`}
	schema := execute.NewSchema(s, &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{"a": a, "b": b}}, execute.SchemaOptions{})
	doc, errs := gqlparser.LoadQueryWithRules(s.APISchema(), `{ open p { cost price name } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	none := `{"open":1,"p":{"cost":null,"price":null,"name":null}}`
	for range 2 {
		for _, c := range []struct {
			viewer authz.Viewer
			want   string
			code   fault.Code
			calls  int
		}{
			{authz.Viewer{}, none, fault.Unauthenticated, 1},
			{authz.Viewer{Principal: "x"}, `{"open":1,"p":{"cost":null,"price":null,"name":"Ada"}}`, fault.Forbidden, 1},
			{authz.Viewer{Principal: "x", Roles: []authz.Role{"DISTRICT_ANALYST"}}, `{"open":1,"p":{"cost":5,"price":6,"name":"Ada"}}`, "", 2},
			{authz.Viewer{Roles: []authz.Role{"DISTRICT_ANALYST"}}, none, fault.Unauthenticated, 1},
		} {
			a.asked, b.asked = nil, nil
			ctx := graphql.WithOperationContext(authz.NewContext(context.Background(), &c.viewer), &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]})
			ctx = graphql.WithResponseContext(ctx, graphql.DefaultErrorPresenter, graphql.DefaultRecover)
			got := schema.Exec(ctx)(ctx)
			if diff := cmp.Diff(c.want, string(got.Data)); diff != "" || len(a.asked)+len(b.asked) != c.calls {
				t.Errorf("%+v: %s; asked %q %q", c.viewer, diff, a.asked, b.asked)
			}
			for _, e := range graphql.GetErrors(ctx) {
				if fault.Of(e.Err).Code != c.code {
					t.Errorf("%+v: %v", c.viewer, e)
				}
			}
			if c.calls == 1 && strings.Contains(a.asked[0], "cost") {
				t.Errorf("%+v: %q was asked", c.viewer, a.asked[0])
			}
		}
	}
}
