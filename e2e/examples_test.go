package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
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

// TestTheReadmesFirstQuery asks what a newcomer pastes into a shell, and has the answer that is shown.
func TestTheReadmesFirstQuery(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sent := regexp.MustCompile(`(?m)^ +'(\{"query": .*\})'$`).FindSubmatch(text)
	shown := regexp.MustCompile(`(?s)\n    (\{"data":.*?\n)\n`).FindSubmatch(text)
	if sent == nil || shown == nil {
		t.Fatal("the README has no query with its answer")
	}
	var request struct{ Query string }
	if err := json.Unmarshal(sent[1], &request); err != nil {
		t.Fatalf("what is sent is no JSON: %v", err)
	}
	var want struct{ Data json.RawMessage }
	if err := json.Unmarshal(shown[1], &want); err != nil {
		t.Fatalf("the answer shown is no JSON: %v", err)
	}
	b := sixStreets(t, nil)
	sameJSON(t, b.ask("", request.Query, nil).Data, string(want.Data))
}
