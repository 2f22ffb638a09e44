package execute_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/supergraph"
	"linhui/supergraph/compose"
)

// pairsEnv is how many random pairs of supergraph and query TestFederationIsTransparent tries.
const pairsEnv = "LINHUI_SUPERGRAPH_PAIRS"

// TestFederationIsTransparent checks that a query over several subgraphs is answered as one graph
// over the merged data answers it, for random supergraphs, data and queries.
func TestFederationIsTransparent(t *testing.T) {
	t.Parallel()
	pairs := 500
	if text := os.Getenv(pairsEnv); text != "" {
		var err error
		if pairs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	const queries = 20
	for seed := range uint64((pairs + queries - 1) / queries) {
		w := newWorld(rand.New(rand.NewPCG(seed, 4)))
		s, parts, alone := w.start(t)
		for range queries {
			q := w.query()
			vars := map[string]any{"on": w.IntN(2) == 0, "off": w.IntN(2) == 0, "n": w.IntN(3)}
			raw, _ := json.Marshal(vars)
			parts.turns.Store(0)
			alone.data.turns.Store(0)
			got := s.ask(t, q, raw)
			var want reply
			decode(t, []byte(asJSON(alone.answer(q, "", vars))), &want)
			if did, should := parts.turns.Load(), alone.data.turns.Load(); did != should {
				t.Fatalf("world %d, %s with %s: %d turns were taken, not %d\n%s", seed, q, raw, did, should, planned(t, s.supergraph, q))
			}
			if diff := cmp.Diff(want.Data, got.Data); diff != "" || !w.broken && (got.Errors != nil || want.Errors != nil) {
				t.Fatalf("world %d, %s with %s\n%s\nerrors %s, alone %s\n%s\n%s\ndata %s", seed, q, raw, diff, asJSON(got.Errors), asJSON(want.Errors),
					planned(t, s.supergraph, q), w.sdls(), w.data(false))
			}
		}
	}
}

// start returns the gateway over the world's subgraphs, their data, and the world in one place.
func (w *world) start(t testing.TB) (*site, *dataset, *served) {
	t.Helper()
	set, err := readDataset(w.data(false))
	if err != nil {
		t.Fatal(err)
	}
	var inputs []compose.Input
	clients := make(map[string]supergraph.Subgraph)
	for name, sdl := range w.sdls() {
		s, err := serve(name, sdl, set)
		if err != nil {
			t.Fatalf("%v\n%s", err, sdl)
		}
		clients[name] = direct{s}
		inputs = append(inputs, compose.Input{Name: name, SDL: sdl})
	}
	made, err := compose.Compose(t.Context(), inputs)
	if err != nil {
		t.Fatalf("%v\n%s", err, w.sdls())
	}
	whole, err := readDataset(w.data(true))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := serve("alone", w.merged(), whole)
	if err != nil {
		t.Fatal(err)
	}
	return gateway(t, made.SDL, clients), set, alone
}

// direct is a served subgraph without HTTP.
type direct struct{ *served }

func (d direct) SDL(context.Context) (string, error) { return d.sdl, nil }

func (d direct) Do(_ context.Context, r *supergraph.Request) (*supergraph.Response, error) {
	var variables map[string]any
	if err := json.Unmarshal(r.Variables, &variables); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(d.answer(r.Query, r.OperationName, variables))
	if err != nil {
		return nil, err
	}
	var parts struct{ Data, Errors json.RawMessage }
	err = json.Unmarshal(raw, &parts)
	return &supergraph.Response{Data: parts.Data, Errors: parts.Errors}, err
}

// query is a random valid query. Aliases depend on their field and its arguments alone, so that fields merge.
func (w *world) query() string {
	var b strings.Builder
	kind, roots := "query", w.roots
	if w.IntN(6) == 0 {
		kind, roots = "mutation", w.changes
	}
	b.WriteString("{ __typename @include(if: $on) __typename @skip(if: $off) ")
	for range 1 + w.IntN(3) {
		w.selectField(&b, roots[w.IntN(len(roots))], 4)
	}
	b.WriteString("}")
	head := kind + "($on: Boolean! = true, $off: Boolean! = false"
	if strings.Contains(b.String(), "$n") {
		head += ", $n: Int"
	}
	return head + ") " + b.String()
}

func (w *world) selectField(b *strings.Builder, f *worldField, depth int) {
	if !f.leaf() && depth == 0 {
		b.WriteString("__typename ")
		return
	}
	if n := w.IntN(4); f.args && n < 3 {
		value := []string{"1", "2", "$n"}[n]
		b.WriteString("n" + strings.TrimPrefix(value, "$") + "_" + f.name + ": " + f.name + "(n: " + value + ")")
	} else {
		if w.IntN(5) == 0 {
			b.WriteString("x_" + f.name + ": ")
		}
		b.WriteString(f.name)
	}
	if w.IntN(6) == 0 {
		b.WriteString([]string{" @include(if: $on)", " @skip(if: $off)", " @include(if: true)"}[w.IntN(3)])
	}
	b.WriteString(" ")
	if !f.leaf() {
		b.WriteString("{ ")
		w.selectSet(b, f.typ, depth-1)
		b.WriteString("} ")
	}
}

func (w *world) selectSet(b *strings.Builder, typ string, depth int) {
	switch typ {
	case "Spot":
		for _, name := range spotFields {
			switch {
			case name == "near" && depth > 0 && w.IntN(2) == 0:
				b.WriteString("near { ")
				w.selectSet(b, typ, depth-1)
				b.WriteString("} ")
			case name != "near" && w.IntN(2) == 0:
				b.WriteString([]string{"", "", "x_" + name + ": "}[w.IntN(3)] + name + " ")
			}
		}
		b.WriteString("__typename ")
		return
	case "Node":
		b.WriteString([]string{"kind ", "__typename ", "ki: kind ", "t: __typename kind "}[w.IntN(4)])
		if w.anyNoted() {
			b.WriteString([]string{"note ", "", "no: note @skip(if: $off) "}[w.IntN(3)])
		}
	case "Any":
		b.WriteString([]string{"__typename ", "... on Node { kind } ", "... on Site { id } ", "t: __typename "}[w.IntN(4)])
	case "Site":
		b.WriteString([]string{"id ", "__typename ", "i: id ", "t: __typename "}[w.IntN(4)])
		w.selectSome(b, w.common, depth, "Site")
	default:
		t := w.typ(typ)
		b.WriteString([]string{"id ", "__typename ", "k: id "}[w.IntN(3)])
		w.selectSome(b, t.fields, depth, typ)
		return
	}
	for _, t := range w.types {
		if w.IntN(2) == 0 && (typ == "Any" || t.isSite == (typ == "Site")) {
			b.WriteString("... on " + t.name + []string{" ", " @include(if: $on) "}[w.IntN(8)/7] + "{ ")
			w.selectSet(b, t.name, depth)
			b.WriteString("} ")
		}
	}
}

// selectSome selects some fields of a type, a few of them through an interface around it.
func (w *world) selectSome(b *strings.Builder, fields []*worldField, depth int, typ string) {
	for _, f := range fields {
		switch w.IntN(3) {
		case 0:
			w.selectField(b, f, depth)
		case 1:
			if w.IntN(3) == 0 && typ[0] == 'T' {
				b.WriteString("... on Node { kind ... on " + typ + " { ")
				w.selectField(b, f, depth)
				b.WriteString("} } ")
			}
		}
	}
}
