package execute_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestZZ(t *testing.T) {
	dirs, _ := os.ReadDir(cases)
	total, bad := 0, 0
	for _, d := range dirs {
		dir := filepath.Join(cases, d.Name())
		raw := string(read(t, filepath.Join(dir, "data.json")))
		if strings.Contains(raw, "$template") || strings.Contains(raw, "$echo") || strings.Contains(raw, "\"a:") || d.Name() == "union_members_differ" || d.Name()== "nullability_differs_by_subgraph" {
			continue
		}
		s := composed(t, sdlsOf(t, dir), []byte(raw))
		set, _ := readDataset([]byte(raw))
		one, err := serve("api", s.supergraph.APISDL(), set)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewSource(23))
		fails := 0
		for i := 0; i < 500 && fails < 2; i++ {
			q := "query($x: Boolean!, $y: Boolean!) { t: __typename @include(if: $x) @skip(if: $y) ...on Query " + gen(r, s.supergraph.APISchema(), s.supergraph.APISchema().Query, 0) + "}" //: Boolean!, $y: Boolean!)" + gen(r, s.supergraph.APISchema(), s.supergraph.APISchema().Query, 0)
			if strings.Contains(q, "id:") { if one.answer(q, "", map[string]any{"x": true, "y": false})["data"] == nil { continue } }
			total++
			want := one.answer(q, "", map[string]any{"x": true, "y": false})
			if strings.Contains(asJSON(want), "conflict") { continue }
			got := s.ask(t, q, []byte(`{"x":true,"y":false}`))
			var w any
			decode(t, []byte(asJSON(want["data"])), &w)
			if diff := cmp.Diff(w, got.Data); diff != "" || len(got.Errors) > 0 {
				fails++
				bad++
				p := "?"
				fmt.Println("####", d.Name(), q, "\n", asJSON(want), "\n", asJSON(got), p)
			}
		}
	}
	fmt.Println("total", total, "bad", bad)
}

func gen(r *rand.Rand, s *ast.Schema, def *ast.Definition, depth int) string {
	var parts []string
	n := 1 + r.Intn(3)
	for k := 0; k < n; k++ {
		if def.Kind != ast.Object && (def.Kind == ast.Union || r.Intn(2) == 0) {
			ts := s.GetPossibleTypes(def)
			x := ts[r.Intn(len(ts))]
			parts = append(parts, "... on "+x.Name+[]string{"", "", " @include(if: $y)", " @skip(if: $y)"}[r.Intn(4)]+gen(r, s, x, depth+1))
			continue
		}
		f := def.Fields[r.Intn(len(def.Fields))]
		if r.Intn(8) == 0 {
			parts = append(parts, "__typename")
			continue
		}
		if strings.HasPrefix(f.Name, "__") || strings.HasPrefix(f.Name, "_") || f.Name == "_service" {
			continue
		}
		need := false
		for _, a := range f.Arguments {
			need = need || a.Type.NonNull
		}
		if need {
			continue
		}
		t := s.Types[f.Type.Name()]
		name := f.Name
		if r.Intn(3) == 0 {
			name = fmt.Sprintf("%s%d: %s", string(rune('a'+r.Intn(3))), r.Intn(1000), f.Name)
		} else if r.Intn(12) == 0 && def.Kind == ast.Object && f.Name != "id" && !t.IsCompositeType() {
			name = "id: " + f.Name
		}
		name += []string{"", "", "", " @include(if: $x)", " @include(if: $y)", " @skip(if: $x)", " @skip(if: $y)", " @include(if: $x) @skip(if: $y)"}[r.Intn(8)]
		if t.IsCompositeType() {
			if depth > 4 {
				continue
			}
			name += gen(r, s, t, depth+1)
		}
		parts = append(parts, name)
	}
	if len(parts) == 0 {
		parts = []string{"__typename"}
	}
	return " { " + strings.Join(parts, " ") + " }"
}
