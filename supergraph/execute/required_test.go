package execute_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/supergraph"
	"linhui/supergraph/compose"
)

// TestWhatAFieldRequiresIsDown asks one subgraph for fields of which one requires another subgraph's that does not answer:
// that one is null, whatever the subgraph makes of it, and the others stay.
func TestWhatAFieldRequiresIsDown(t *testing.T) {
	t.Parallel()
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@requires", "@external"]) `
	made, err := compose.Compose(t.Context(), []compose.Input{
		{Name: "shop", SDL: link + `type Query { all: [P] } type P @key(fields: "id") { id: ID! }`},
		{Name: "scale", SDL: link + `type P @key(fields: "id") { id: ID! weight: Int size: Size } type Size { w: Int }`},
		{Name: "stock", SDL: link + `type P @key(fields: "id") { id: ID! weight: Int @external size: Size @external left: Int
			fee: Int @requires(fields: "weight") box: Box @requires(fields: "size { w }") } type Size { w: Int @external } type Box { name: String }`},
	})
	if err != nil {
		t.Fatal(err)
	}
	scale := &canned{err: fmt.Errorf("it is down")}
	stock := &canned{answer: `{"data":{"_entities":[{"left":7,"fee":0,"box":{"name":"wrong"}},{"left":8,"fee":0,"box":null}]}}`}
	s := gateway(t, made.SDL, map[string]supergraph.Subgraph{
		"shop": &canned{answer: `{"data":{"all":[{"id":"1"},{"id":"2"}]}}`}, "scale": scale, "stock": stock})
	for _, c := range []struct{ scale, query, want, sent string }{
		{"", `{ all { left fee box { name } } }`, `{"all":[{"box":null,"fee":null,"left":7},{"box":null,"fee":null,"left":8}]}`,
			`{"__typename":"P","id":"1","weight":null,"size":null}`},
		{"", `{ all { fee } }`, `{"all":[{"fee":null},{"fee":null}]}`, ""}, // nothing is left to ask for
		{`{"data":{"_entities":[null,{"weight":2,"size":{"w":1}}]}}`, `{ all { left fee box { name } } }`,
			`{"all":[{"box":null,"fee":null,"left":7},{"box":null,"fee":0,"left":8}]}`, `{"__typename":"P","id":"2","weight":2,"size":{"w":1}}`},
	} {
		stock.asked = nil
		if scale.answer = c.scale; c.scale != "" {
			scale.err = nil
		}
		got := s.ask(t, c.query, nil)
		if diff := cmp.Diff(c.want, asJSON(got.Data)); diff != "" || c.scale == "" && len(got.Errors) == 0 {
			t.Errorf("%s: %s\nerrors %s", c.query, diff, asJSON(got.Errors))
		}
		if asked := strings.Join(stock.asked, " "); (asked != "") != (c.sent != "") || !strings.Contains(asked, c.sent) {
			t.Errorf("%s: asked %s", c.query, asked)
		}
	}
}
