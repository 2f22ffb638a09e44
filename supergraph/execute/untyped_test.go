package execute_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/supergraph"
	"linhui/supergraph/compose"
)

// TestOnlyTypeOfAnInterface selects fields of the one type that an @interfaceObject's interface has.
func TestOnlyTypeOfAnInterface(t *testing.T) {
	t.Parallel()
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@interfaceObject"]) `
	made, err := compose.Compose(t.Context(), []compose.Input{
		{Name: "sites", SDL: link + `type Query { site: Site } interface Site @key(fields: "id") { id: ID! } type Shop implements Site @key(fields: "id") { id: ID! open: Int }`},
		{Name: "stars", SDL: link + `type Query { rated: [Site] } type Site @interfaceObject @key(fields: "id") { id: ID! stars: Int }`},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := gateway(t, made.SDL, map[string]supergraph.Subgraph{
		"sites": &canned{answer: `{"data":{"_entities":[null]}}`},
		"stars": &canned{answer: `{"data":{"rated":[{"id":"1","stars":4}]}}`},
	})
	got := s.ask(t, `{ rated { stars ... on Shop { open } } }`, nil)
	if diff := cmp.Diff(`{"rated":[null]}`, asJSON(got.Data)); diff != "" || len(got.Errors) == 0 {
		t.Errorf("%s\nerrors %s", diff, asJSON(got.Errors))
	}
}

// TestWhoKnowsTheTypesIsDown asks for objects that an @interfaceObject has while the subgraph that knows what they are
// does not answer: what is the same for all types stays.
func TestWhoKnowsTheTypesIsDown(t *testing.T) {
	t.Parallel()
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@interfaceObject"]) `
	made, err := compose.Compose(t.Context(), []compose.Input{
		{Name: "sites", SDL: link + `type Query { site: Site } interface Site @key(fields: "id") { id: ID! name: String }
			type Shop implements Site @key(fields: "id") { id: ID! name: String open: Int } type Hall implements Site @key(fields: "id") { id: ID! name: String }`},
		{Name: "stars", SDL: link + `type Query { rated: [Site] } type Site @interfaceObject @key(fields: "id") { id: ID! stars: Int }`},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := gateway(t, made.SDL, map[string]supergraph.Subgraph{
		"sites": &canned{err: fmt.Errorf("it is down")},
		"stars": &canned{answer: `{"data":{"rated":[{"id":"1","stars":4},{"id":"2","stars":null}]}}`},
	})
	for query, want := range map[string]string{
		`{ rated { stars name } }`:                           `{"rated":[{"name":null,"stars":4},{"name":null,"stars":null}]}`,
		`{ rated { ... on Site { id stars } i: name } }`:     `{"rated":[{"i":null,"id":"1","stars":4},{"i":null,"id":"2","stars":null}]}`,
		`{ rated { stars __typename } }`:                     `{"rated":[null,null]}`,
		`{ rated { stars ... on Shop { open } } }`:           `{"rated":[null,null]}`,
		`{ rated { stars ...n } } fragment n on Site {name}`: `{"rated":[{"name":null,"stars":4},{"name":null,"stars":null}]}`,
	} {
		got := s.ask(t, query, nil)
		if diff := cmp.Diff(want, asJSON(got.Data)); diff != "" || len(got.Errors) == 0 {
			t.Errorf("%s: %s\nerrors %s", query, diff, asJSON(got.Errors))
		}
	}
}
