package execute_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/server"
	"linhui/supergraph"
	"linhui/supergraph/compose"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
	"linhui/supergraph/subgraph"
)

const cases = "../testdata/cases"

// TestCases runs every case from SDLs to JSON: composed, planned, asked over HTTP, answered by the
// handler that serves clients.
func TestCases(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir(cases)
	if err != nil || len(dirs) == 0 {
		t.Fatal(err, len(dirs))
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(cases, d.Name())
			s := composed(t, sdlsOf(t, dir), read(t, filepath.Join(dir, "data.json")))
			s.claims = claimsOf(t, dir)
			got := s.ask(t, string(read(t, filepath.Join(dir, "query.graphql"))), variablesOf(t, dir))
			var want reply
			decode(t, read(t, filepath.Join(dir, "expected.json")), &want)
			if diff := cmp.Diff(want.Data, got.Data); diff != "" {
				t.Errorf("%s\nerrors %s\n%s", diff, asJSON(got.Errors), s.plan(t, dir))
			}
			if len(want.Errors) != len(got.Errors) {
				t.Fatalf("errors %s\nwant %s\n%s", asJSON(got.Errors), asJSON(want.Errors), s.plan(t, dir))
			}
			for i := range want.Errors {
				if !contains(got.Errors[i], want.Errors[i]) {
					t.Errorf("error %s\nwant %s", asJSON(got.Errors[i]), asJSON(want.Errors[i]))
				}
			}
		})
	}
}

// contains reports whether got has everything that want says; the request id and the like are its own.
func contains(got, want any) bool {
	w, ok := want.(map[string]any)
	if !ok {
		return cmp.Equal(got, want)
	}
	g, ok := got.(map[string]any)
	for k, v := range w {
		ok = ok && contains(g[k], v)
	}
	return ok
}

type reply struct {
	Data       any   `json:"data"`
	Errors     []any `json:"errors"`
	Extensions any   `json:"extensions"`
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decode(t testing.TB, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}

func valid(raw []byte) bool { return json.Valid(raw) }

func asJSON(v any) string { raw, _ := json.Marshal(v); return string(raw) }

func sdlsOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	sdls := make(map[string]string)
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".graphql"); name != "query" {
			sdls[name] = string(read(t, f))
		}
	}
	return sdls
}

func variablesOf(t testing.TB, dir string) json.RawMessage {
	raw, err := os.ReadFile(filepath.Join(dir, "variables.json"))
	if err != nil {
		return nil
	}
	return raw
}

// claimsOf are those of the case's viewer; who has no viewer.json has none.
func claimsOf(t testing.TB, dir string) (c plan.Claims) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "viewer.json"))
	if err != nil {
		return c
	}
	var viewer struct {
		Authenticated    bool
		Scopes, Policies []string
	}
	decode(t, raw, &viewer)
	c.Authenticated = viewer.Authenticated
	c.Scope = func(name string) bool { return slices.Contains(viewer.Scopes, name) }
	c.Policy = func(name string) bool { return slices.Contains(viewer.Policies, name) }
	return c
}

// site is a gateway over subgraphs that are served from data.
type site struct {
	supergraph *plan.Supergraph
	executor   *execute.Executor
	handler    http.Handler
	claims     plan.Claims // of whoever asks
}

// composed starts a server for each subgraph and a gateway over them.
func composed(t testing.TB, sdls map[string]string, data []byte) *site {
	t.Helper()
	set, err := readDataset(data)
	if err != nil {
		t.Fatal(err)
	}
	var inputs []compose.Input
	clients := make(map[string]supergraph.Subgraph)
	for name, sdl := range sdls {
		s, err := serve(name, sdl, set)
		if err != nil {
			t.Fatal(err)
		}
		h := httptest.NewServer(s)
		t.Cleanup(h.Close)
		c, err := subgraph.New(subgraph.Options{Name: name, URL: h.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		clients[name] = c
		inputs = append(inputs, compose.Input{Name: name, URL: h.URL, SDL: sdl})
	}
	made, err := compose.Compose(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return gateway(t, made.SDL, clients)
}

// gateway serves a supergraph as clients see it.
func gateway(t testing.TB, sdl string, clients map[string]supergraph.Subgraph) *site {
	t.Helper()
	s, err := plan.New(sdl)
	if err != nil {
		t.Fatalf("%v\n%s", err, sdl)
	}
	e := &execute.Executor{Subgraphs: clients, Limits: execute.DefaultLimits(), Policies: map[string]execute.Policy{"*": {Messages: true}}}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	limits := server.DefaultLimits()
	limits.Cost, limits.PerMinute, limits.Aliases, limits.ExpandedFields, limits.Tokens, limits.Depth = 1<<40, 1<<40, 1000, 20_000, 20_000, 20
	made := &site{supergraph: s, executor: e}
	so := execute.SchemaOptions{Log: quiet, Claims: func(context.Context) plan.Claims { return made.claims }}
	srv, err := server.New(server.Options{Schema: execute.NewSchema(s, e, so), Limits: limits, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	made.handler = srv.Handler()
	return made
}

func (s *site) ask(t testing.TB, query string, variables json.RawMessage) reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var got reply
	decode(t, w.Body.Bytes(), &got)
	return got
}

// plan prints the plan of a case.
func (s *site) plan(t testing.TB, dir string) string {
	return planned(t, s.supergraph, string(read(t, filepath.Join(dir, "query.graphql"))))
}
