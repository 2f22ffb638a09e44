package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/server"
	"linhui/server/internal/testschema"
)

// fixed is the clock of every test.
var fixed = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// tokens authenticates by a table; whatever is not in it is refused.
type tokens map[string]*authz.Viewer

func (t tokens) Authenticate(_ context.Context, bearer string) (*authz.Viewer, error) {
	if v := t[bearer]; v != nil {
		return v, nil
	}
	return nil, fault.Newf(fault.Unauthenticated, "no")
}

var people = tokens{
	"staff": {Principal: "user-17", Roles: []authz.Role{authz.CommunityStaff}, Purpose: "claim"},
	"admin": {Principal: "user-18", Roles: []authz.Role{authz.CommunityAdmin}},
}

// logs is a sink that tests read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type bundle struct {
	*httptest.Server
	server *server.Server
	root   *testschema.Root
	logs   *logs
}

// setup serves the test schema on a real socket; change may alter the options.
func setup(t testing.TB, change func(*server.Options)) *bundle {
	t.Helper()
	b := &bundle{root: &testschema.Root{Release: make(chan struct{})}, logs: &logs{}}
	schema := testschema.NewExecutableSchema(testschema.Config{Resolvers: b.root})
	o := server.Options{Schema: schema, Subgraph: schema, Authenticator: people, Now: func() time.Time { return fixed },
		Log: slog.New(slog.NewJSONHandler(b.logs, nil))}
	if change != nil {
		change(&o)
	}
	var err error
	if b.server, err = server.New(o); err != nil {
		t.Fatal(err)
	}
	b.Server = httptest.NewServer(b.server.Handler())
	t.Cleanup(b.Close)
	return b
}

// reply is a response, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) errors(t testing.TB) []gqlError {
	t.Helper()
	var body struct{ Errors []gqlError }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatalf("not JSON: %v: %s", err, r.body)
	}
	return body.Errors
}

// code is the code of the first error; empty without one.
func (r reply) code(t testing.TB) string {
	t.Helper()
	if errs := r.errors(t); len(errs) > 0 {
		code, _ := errs[0].Extensions["code"].(string)
		return code
	}
	return ""
}

type gqlError struct {
	Message    string
	Path       []any
	Locations  []map[string]int
	Extensions map[string]any
}

func send(t testing.TB, r *http.Request, headers ...string) reply {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// post sends a JSON body; it asks for the modern media type unless headers say otherwise.
func (b *bundle) post(t testing.TB, body string, headers ...string) reply {
	t.Helper()
	return b.request(t, http.MethodPost, "/graphql", body, append([]string{"Content-Type", "application/json",
		"Accept", "application/graphql-response+json"}, headers...)...)
}

func (b *bundle) request(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r, headers...)
}

// ops asks the handler of those who run the server.
func (b *bundle) ops(t testing.TB, path string) reply {
	t.Helper()
	w := httptest.NewRecorder()
	b.server.OpsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return reply{w.Code, w.Header(), w.Body.String()}
}

// query posts a document without variables.
func (b *bundle) query(t testing.TB, document string, headers ...string) reply {
	t.Helper()
	return b.post(t, mustJSON(map[string]any{"query": document}), headers...)
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
