package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"

	"linhui/graph"
	"linhui/internal/authz"
)

// TestThePlaygroundsExamplesAnswer runs what the playground's tabs hold, as they are shipped.
func TestThePlaygroundsExamplesAnswer(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	files, err := filepath.Glob("../web/src/examples/*.graphql")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(filepath.Base(file), "supergraph-") {
			continue // asked in supergraph_test.go
		}
		doc, errs := gqlparser.LoadQueryWithRules(schema, string(text), nil)
		if errs != nil {
			t.Errorf("%s: %v", file, errs)
			continue
		}
		if doc.Operations[0].Operation != "query" {
			continue // its like is asked over sockets elsewhere
		}
		a := b.ask(b.token(authz.DistrictViewer), string(text), nil)
		if len(a.Errors) > 0 || !strings.Contains(string(a.Data), `"edges":[{`) {
			t.Errorf("%s: %+v %.300s", file, a.Errors, a.Data)
		}
	}
}
