package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/server"
	"linhui/sources"
)

// noon is the instant at which tests take place: 2026-06-10 12:00 in Shanghai, a Wednesday.
var noon = time.Date(2026, 6, 10, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

// bundle is a gateway over real databases.
type bundle struct {
	t       testing.TB
	gateway *app.Gateway
	http    *httptest.Server
	issuer  *authn.Local
	sources map[string]*testkit.DB
	proxies map[string]*testkit.Proxy
	home    map[string]string // owner -> source, where a fixture says so
}

// start runs a gateway over the given sources, each behind a proxy that tests can break.
func start(t testing.TB, directory *testkit.DB, dbs map[string]*testkit.DB, change func(*app.Options)) *bundle {
	t.Helper()
	b := &bundle{t: t, sources: dbs, proxies: map[string]*testkit.Proxy{}, issuer: issuer(t)}
	opt := app.Options{
		Directory: open(t, "directory", directory.DSN),
		CursorKey: []byte("a cursor key for tests only"),
		Log:       slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Now:       func() time.Time { return noon },
		// Many tests share two cores; those about time are punctual.
		Budgets: map[database.Budget]time.Duration{database.Dashboard: time.Minute, database.Analyst: time.Minute},
	}
	opt.Server.Authenticator = b.issuer
	opt.Server.Limits = server.DefaultLimits()
	opt.Server.Limits.PerMinute = 1 << 40 // a test asks more in a second than a person in a minute
	for key, db := range dbs {
		b.proxies[key] = testkit.NewProxy(t, db.Addr())
		opt.Sources = append(opt.Sources, &sources.Source{Key: key, DB: open(t, key, db.Via(b.proxies[key].Addr()))})
	}
	if change != nil {
		change(&opt)
	}
	var err error
	if b.gateway, err = app.New(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	b.http = httptest.NewServer(b.gateway.Handler())
	t.Cleanup(func() {
		b.http.Close()
		if err := b.gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// punctual gives sources the budgets that they have by default.
func punctual(o *app.Options) { o.Budgets = nil }

func open(t testing.TB, key, dsn string) *database.DB {
	t.Helper()
	db, err := database.Open(database.Config{Key: key, DSN: dsn,
		Queue: 1000, QueueWait: 10 * time.Second, // many tests share two cores: waiting is not what they are about
		Budgets: [3]time.Duration{time.Minute, time.Minute, time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func issuer(t testing.TB) *authn.Local {
	t.Helper()
	key, err := authn.LoadKey(t.TempDir() + "/key.pem")
	if err != nil {
		t.Fatal(err)
	}
	local, err := authn.NewLocal(key, authn.Config{Issuer: "linhui", Audience: "linhui", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return local
}

// token is a token for a role over some communities; none means all of them.
func (b *bundle) token(role authz.Role, communities ...string) string {
	b.t.Helper()
	claims := authn.Claims{Roles: []string{string(role)}, Communities: authn.Communities{List: communities, All: len(communities) == 0}}
	claims.Subject = "test-" + string(role)
	token, err := b.issuer.Issue(claims, time.Hour)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

// answer is a GraphQL response.
type answer struct {
	Status int             `json:"-"`
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// ask sends one operation; token "" is the public.
func (b *bundle) ask(token, query string, variables map[string]any, headers ...string) answer {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", b.http.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode}
	if err := json.Unmarshal(raw, &a); err != nil {
		b.t.Fatalf("answer is no JSON: %v\n%s", err, raw)
	}
	return a
}

// must asks and fails the test on any error; the data is decoded into out.
func (b *bundle) must(token, query string, variables map[string]any, out any, headers ...string) {
	b.t.Helper()
	a := b.ask(token, query, variables, headers...)
	if len(a.Errors) > 0 {
		b.t.Fatalf("errors: %+v\ndata: %s", a.Errors, a.Data)
	}
	if err := json.Unmarshal(a.Data, out); err != nil {
		b.t.Fatalf("%v\n%s", err, a.Data)
	}
}

// statements counts the statements that one operation sends to each source.
func (b *bundle) statements(token, query string) map[string]int {
	b.t.Helper()
	w, counted := b.counted(token, query)
	if w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte(`"errors"`)) {
		b.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return counted
}

// counted sends one operation, whatever its answer, and counts its statements by source.
func (b *bundle) counted(token, query string) (*httptest.ResponseRecorder, map[string]int) {
	b.t.Helper()
	ctx, counter := database.CountStatements(context.Background())
	req := httptest.NewRequest("POST", "/graphql", bytes.NewReader(fmt.Appendf(nil, `{"query":%q}`, query))).WithContext(ctx)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	b.gateway.Handler().ServeHTTP(w, req)
	return w, counter.BySource()
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}
