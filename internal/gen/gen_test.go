package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// generated is the text of graph/, in which the generator's own steps must have left a mark.
func generated(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("../../graph/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no generated code: %v", err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestNoGoroutineStartsForAListsElement(t *testing.T) {
	t.Parallel()
	text := generated(t)
	for _, pattern := range []string{`MarshalSliceConcurrently\(`, `\bgo func\(`, `sync\.WaitGroup`} {
		if at := regexp.MustCompile(pattern).FindStringIndex(text); at != nil {
			t.Errorf("%s: …%s…", pattern, text[max(0, at[0]-200):at[1]])
		}
	}
}

// The loaders wait for every root field of a query, so each must begin beside the others and
// through the middleware that tells when it has ended: also _entities and _service, which
// gqlgen would call itself, before the rest.
func TestRootFieldsOfAQueryRunSideBySide(t *testing.T) {
	t.Parallel()
	text := generated(t)
	from := strings.Index(text, "func (ec *executionContext) _Query(ctx")
	if from < 0 {
		t.Fatal("there is no Query")
	}
	body := text[from:]
	body = body[:strings.Index(body, "\n}\n")]
	cases := regexp.MustCompile(`(?m)^\t\tcase "(\w+)":`).FindAllStringSubmatchIndex(body, -1)
	seen := map[string]bool{}
	for i, at := range cases {
		name, end := body[at[2]:at[3]], len(body)
		if i+1 < len(cases) {
			end = cases[i+1][0]
		}
		seen[name] = true
		field := body[at[0]:end]
		if strings.HasPrefix(name, "__") {
			continue // introspection loads nothing
		}
		if !strings.Contains(field, "out.Concurrently(") || !strings.Contains(field, "RootResolverMiddleware(") {
			t.Errorf("%s does not run beside the other root fields:\n%s", name, field)
		}
	}
	for _, name := range []string{"_entities", "_service", "node", "stations"} {
		if !seen[name] {
			t.Errorf("Query has no %s", name)
		}
	}
}
