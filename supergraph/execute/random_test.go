package execute_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
		s, alone := w.start(t)
		for range queries {
			q := w.query()
			vars := map[string]any{"on": w.IntN(2) == 0, "off": w.IntN(2) == 0}
			raw, _ := json.Marshal(vars)
			got := s.ask(t, q, raw)
			var want reply
			decode(t, []byte(asJSON(alone.answer(q, "", vars))), &want)
			if diff := cmp.Diff(want.Data, got.Data); diff != "" || got.Errors != nil || want.Errors != nil {
				t.Fatalf("world %d, %s with %s\n%s\nerrors %s, alone %s\n%s\n%s\ndata %s", seed, q, raw, diff, asJSON(got.Errors), asJSON(want.Errors),
					planned(t, s.supergraph, q), w.sdls(), w.data(false))
			}
		}
	}
}

// world is a random supergraph with its data.
type world struct {
	*rand.Rand
	subgraphs int
	types     []*worldType
	roots     []*worldField
}

type worldType struct {
	name   string
	keys   map[int][]string // by subgraph; types live only where they have one
	fields []*worldField
	rows   int
}

type worldField struct {
	name     string
	typ      string // of what is inside lists: String, Int, Node or an entity
	list     bool
	owners   []int
	requires []string
	values   []any // by row of the type; for a root one
}

func (f *worldField) sdl() string {
	if f.list {
		return f.name + ": [" + f.typ + "]"
	}
	return f.name + ": " + f.typ
}

func newWorld(r *rand.Rand) *world {
	w := &world{Rand: r, subgraphs: 2 + r.IntN(3)}
	for i := range 2 + r.IntN(3) {
		t := &worldType{name: fmt.Sprintf("T%d", i), keys: map[int][]string{}, rows: 1 + r.IntN(3)}
		hub := r.IntN(w.subgraphs)
		for s := range w.subgraphs {
			switch {
			case s == hub:
				t.keys[s] = []string{"id", "code"}
			case r.IntN(4) > 0:
				t.keys[s] = [][]string{{"id"}, {"code"}, {"id", "code"}}[r.IntN(3)]
			}
		}
		w.types = append(w.types, t)
	}
	for _, t := range w.types {
		for i := range 2 + r.IntN(5) {
			w.addField(t, i)
		}
	}
	for s := range w.subgraphs {
		for i, t := range w.types {
			if t.keys[s] != nil && (w.IntN(2) == 0 || i == s) {
				w.addRoot(fmt.Sprintf("all%s_%d", t.name, s), t.name, true, s)
				w.addRoot(fmt.Sprintf("one%s_%d", t.name, s), t.name, false, s)
			}
		}
		w.addRoot(fmt.Sprintf("nodes_%d", s), "Node", true, s)
		w.addRoot(fmt.Sprintf("node_%d", s), "Node", false, s)
	}
	return w
}

func (w *world) addField(t *worldType, i int) {
	f := &worldField{name: fmt.Sprintf("%s_f%d", strings.ToLower(t.name), i)}
	places := w.placesOf(t)
	f.owners = []int{places[w.IntN(len(places))]}
	switch w.IntN(6) {
	case 0, 1:
		f.typ = "String"
		if len(places) > 1 && w.IntN(3) == 0 {
			f.owners = places[:2]
		}
	case 2:
		f.typ = "Int"
	case 3:
		// What it requires is a plain field of another subgraph.
		f.typ = "String"
		for _, other := range t.fields {
			if (other.typ == "String" || other.typ == "Int") && !other.list && !slices.Contains(other.owners, f.owners[0]) && other.requires == nil {
				f.requires = append(f.requires, other.name)
			}
		}
	default:
		f.list = w.IntN(2) == 0
		f.typ = w.anyType(f.owners[0], w.IntN(4) == 0)
	}
	for range t.rows {
		f.values = append(f.values, w.value(f))
	}
	t.fields = append(t.fields, f)
}

func (w *world) addRoot(name, typ string, list bool, s int) {
	f := &worldField{name: name, typ: typ, list: list, owners: []int{s}}
	f.values = []any{w.value(f)}
	w.roots = append(w.roots, f)
}

func (w *world) placesOf(t *worldType) (list []int) {
	for s := range w.subgraphs {
		if t.keys[s] != nil {
			list = append(list, s)
		}
	}
	return list
}

// anyType picks an entity that a subgraph has, or the interface of all of them.
func (w *world) anyType(s int, node bool) string {
	var names []string
	for _, t := range w.types {
		if t.keys[s] != nil {
			names = append(names, t.name)
		}
	}
	if node || names == nil {
		return "Node"
	}
	return names[w.IntN(len(names))]
}

func (w *world) typ(name string) *worldType {
	return w.types[slices.IndexFunc(w.types, func(t *worldType) bool { return t.name == name })]
}

func (w *world) value(f *worldField) any {
	if f.list {
		list := make([]any, w.IntN(4))
		inner := *f
		inner.list = false
		for i := range list {
			list[i] = w.value(&inner)
		}
		return list
	}
	if w.IntN(8) == 0 {
		return nil
	}
	switch f.typ {
	case "String":
		return fmt.Sprintf("s%d", w.IntN(100))
	case "Int":
		return w.IntN(100)
	}
	name := f.typ
	if name == "Node" {
		if name = w.anyType(f.owners[0], false); name == "Node" {
			return nil
		}
	}
	return map[string]any{"$ref": name, "id": fmt.Sprintf("%s-%d", name, w.IntN(w.typ(name).rows))}
}

// sdls are those of the subgraphs, by name.
func (w *world) sdls() map[string]string {
	all := make(map[string]string)
	for s := range w.subgraphs {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires", "@shareable"])` + "\n")
		b.WriteString("interface Node { kind: String }\ntype Query {\n")
		for _, f := range w.roots {
			if f.owners[0] == s {
				b.WriteString("  " + f.sdl() + "\n")
			}
		}
		b.WriteString("}\n")
		for _, t := range w.types {
			if t.keys[s] == nil {
				continue
			}
			b.WriteString("type " + t.name + " implements Node")
			for _, k := range t.keys[s] {
				fmt.Fprintf(&b, " @key(fields: %q)", k)
			}
			b.WriteString(" {\n  kind: String @shareable\n")
			for _, k := range t.keys[s] {
				b.WriteString("  " + k + ": ID!\n")
			}
			needed := map[string]bool{}
			for _, f := range t.fields {
				if !slices.Contains(f.owners, s) {
					continue
				}
				b.WriteString("  " + f.sdl())
				if len(f.owners) > 1 {
					b.WriteString(" @shareable")
				}
				if f.requires != nil {
					fmt.Fprintf(&b, " @requires(fields: %q)", strings.Join(f.requires, " "))
					for _, r := range f.requires {
						needed[r] = true
					}
				}
				b.WriteString("\n")
			}
			for _, f := range t.fields {
				if needed[f.name] {
					b.WriteString("  " + f.sdl() + " @external\n")
				}
			}
			b.WriteString("}\n")
		}
		all[fmt.Sprintf("s%d", s)] = b.String()
	}
	return all
}

// merged is the schema of everything in one place.
func (w *world) merged() string {
	var b strings.Builder
	b.WriteString("interface Node { kind: String }\ntype Query {\n")
	for _, f := range w.roots {
		b.WriteString("  " + f.sdl() + "\n")
	}
	b.WriteString("}\n")
	for _, t := range w.types {
		b.WriteString("type " + t.name + " implements Node {\n  kind: String\n  id: ID!\n  code: ID!\n")
		for _, f := range t.fields {
			b.WriteString("  " + f.sdl() + "\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// data is a data.json. Alone, what subgraphs make of representations stands in it as they would.
func (w *world) data(alone bool) []byte {
	entities := map[string]any{}
	for _, t := range w.types {
		var rows []any
		for i := range t.rows {
			row := map[string]any{"id": fmt.Sprintf("%s-%d", t.name, i), "code": fmt.Sprintf("c%s-%d", t.name, i), "kind": strings.ToLower(t.name)}
			for _, f := range t.fields {
				row[f.name] = f.values[i]
			}
			for _, f := range t.fields {
				if f.requires == nil {
					continue
				}
				var parts, filled []string
				for _, r := range f.requires {
					parts = append(parts, "{"+r+"}")
					filled = append(filled, text(row[r]))
				}
				row[f.name] = any(map[string]any{"$template": strings.Join(parts, "/")})
				if alone {
					row[f.name] = strings.Join(filled, "/")
				}
			}
			rows = append(rows, row)
		}
		entities[t.name] = rows
	}
	root := map[string]any{}
	for _, f := range w.roots {
		root[f.name] = f.values[0]
	}
	raw, _ := json.Marshal(map[string]any{"entities": entities, "roots": map[string]any{"Query": root}})
	return raw
}

func text(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}

// start returns the gateway over the world's subgraphs, and the world in one place.
func (w *world) start(t testing.TB) (*site, *served) {
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
	return gateway(t, made.SDL, clients), alone
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

// query is a random valid query. Aliases depend on their field alone, so that fields merge.
func (w *world) query() string {
	var b strings.Builder
	b.WriteString("query($on: Boolean! = true, $off: Boolean! = false) { __typename @include(if: $on) __typename @skip(if: $off) ")
	for range 1 + w.IntN(3) {
		w.selectField(&b, w.roots[w.IntN(len(w.roots))], 4)
	}
	b.WriteString("}")
	return b.String()
}

func (w *world) selectField(b *strings.Builder, f *worldField, depth int) {
	leaf := f.typ == "String" || f.typ == "Int"
	if !leaf && depth == 0 {
		b.WriteString("__typename ")
		return
	}
	if w.IntN(5) == 0 {
		b.WriteString("x_" + f.name + ": ")
	}
	b.WriteString(f.name)
	if w.IntN(6) == 0 {
		b.WriteString([]string{" @include(if: $on)", " @skip(if: $off)", " @include(if: true)"}[w.IntN(3)])
	}
	b.WriteString(" ")
	if !leaf {
		b.WriteString("{ ")
		w.selectSet(b, f.typ, depth-1)
		b.WriteString("} ")
	}
}

func (w *world) selectSet(b *strings.Builder, typ string, depth int) {
	if typ == "Node" {
		b.WriteString([]string{"kind ", "__typename ", "k: kind ", "t: __typename kind "}[w.IntN(4)])
		for _, t := range w.types {
			if w.IntN(2) == 0 {
				b.WriteString("... on " + t.name + []string{" ", " @include(if: $on) "}[w.IntN(8)/7] + "{ ")
				w.selectSet(b, t.name, depth)
				b.WriteString("} ")
			}
		}
		return
	}
	t := w.typ(typ)
	b.WriteString([]string{"id ", "code ", "__typename ", "kind "}[w.IntN(4)])
	for _, f := range t.fields {
		switch w.IntN(3) {
		case 0:
			w.selectField(b, f, depth)
		case 1:
			if w.IntN(3) == 0 {
				b.WriteString("... on Node { kind ... on " + typ + " { ")
				w.selectField(b, f, depth)
				b.WriteString("} } ")
			}
		}
	}
}
