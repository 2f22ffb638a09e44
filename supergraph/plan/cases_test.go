package plan_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"linhui/supergraph/compose"
	"linhui/supergraph/plan"
)

var update = flag.Bool("update", false, "rewrite the golden plans")

const cases = "../testdata/cases"

// inputs reads a case's subgraphs.
func inputs(t *testing.T, dir string) []compose.Input {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	var out []compose.Input
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".graphql")
		if name != "query" {
			out = append(out, compose.Input{Name: name, URL: "http://" + name, File: filepath.Base(f), SDL: read(t, f)})
		}
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func query(t *testing.T, schema *ast.Schema, text string) *ast.QueryDocument {
	t.Helper()
	return document(t, schema, text)
}

func document(t testing.TB, schema *ast.Schema, text string) *ast.QueryDocument {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Name: "query", Input: text})
	if err != nil {
		t.Fatal(err)
	}
	if errs := validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
		t.Fatal(errs)
	}
	return doc
}

func TestEveryCaseComposesAndPlansAsItsGolden(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(cases, "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			result, err := compose.Compose(context.Background(), inputs(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			s, err := plan.New(result.SDL)
			if err != nil {
				t.Fatal(err)
			}
			doc := query(t, s.APISchema(), read(t, filepath.Join(dir, "query.graphql")))
			p, err := s.Plan(context.Background(), doc, "")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", filepath.Base(dir)+".plan"), p.String())
			other, err := plan.New(result.SDL)
			if err != nil {
				t.Fatal(err)
			}
			again, err := other.Plan(context.Background(), doc, "")
			if err != nil || again.String() != p.String() {
				t.Fatalf("planned differently the second time (%v):\n%s", err, again)
			}
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := read(t, file); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}
