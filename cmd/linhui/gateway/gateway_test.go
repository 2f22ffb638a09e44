package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linhui/cmd/linhui/gateway"
	"linhui/server"
	"linhui/supergraph/compose"
	"linhui/supergraph/execute"
	"linhui/supergraph/subgraph"
)

const (
	usersSDL = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type Query { me: User }
type Subscription { arrived: User }
type User @key(fields: "id") { id: ID! name: String }`
	clinicsSDL = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type User @key(fields: "id") { id: ID! clinic: String }`
	both = `{"query":"{ me { name clinic } }"}`
)

// fake is a subgraph that answers fixed data, and can be down or slow.
type fake struct {
	*httptest.Server
	sdl, data string
	down      atomic.Bool
	slow      atomic.Bool
	events    chan string
}

func newFake(t *testing.T, sdl, data string) *fake {
	f := &fake{sdl: sdl, data: data, events: make(chan string)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if f.down.Load() {
		panic(http.ErrAbortHandler)
	}
	if f.slow.Load() {
		<-r.Context().Done()
		return
	}
	if strings.Contains(string(body), "_service") {
		json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"_service": map[string]any{"sdl": f.sdl}}})
		return
	}
	if r.Header.Get("Accept") == "text/event-stream" {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		for {
			select {
			case e, more := <-f.events:
				if !more {
					io.WriteString(w, "event: complete\ndata:\n\n")
					return
				}
				io.WriteString(w, "event: next\ndata: "+e+"\n\n")
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, f.data)
}

type bundle struct {
	users, clinics *fake
	file           string
	options        gateway.Options
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{users: newFake(t, usersSDL, `{"data":{"me":{"__typename":"User","id":"1","name":"Ada"}}}`),
		clinics: newFake(t, clinicsSDL, `{"data":{"_entities":[{"__typename":"User","clinic":"East"}]}}`)}
	b.file = filepath.Join(t.TempDir(), "supergraph.graphql")
	b.write(t, b.composed(t, usersSDL))
	timing := server.DefaultTiming()
	timing.DrainDelay = 0
	b.options = gateway.Options{Load: gateway.File(b.file), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Client: subgraph.Options{Timeout: time.Second}, Server: server.Options{Timing: timing}}
	return b
}

func (b *bundle) composed(t *testing.T, users string) string {
	t.Helper()
	made, err := compose.Compose(t.Context(), []compose.Input{{Name: "users", URL: b.users.URL, SDL: users}, {Name: "clinics", URL: b.clinics.URL, SDL: clinicsSDL}})
	if err != nil {
		t.Fatal(err)
	}
	return made.SDL
}

func (b *bundle) write(t *testing.T, sdl string) {
	t.Helper()
	if err := os.WriteFile(b.file, []byte(sdl), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) start(t *testing.T) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(t.Context(), b.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func ask(t *testing.T, h http.Handler, body string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func TestTwoSubgraphsAnswerOneQuery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.start(t).Handler()
	if got := ask(t, h, both); got != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
		t.Error(got)
	}
	if got := ask(t, h, `{"query":"{ __schema { queryType { name fields { name } } } __type(name: \"User\") { f: fields { name type { kind name ofType { name } } } } __typename }"}`); got != `{"data":{"__schema":{"queryType":{"name":"Query","fields":[{"name":"me"}]}},"__type":{"f":[{"name":"id","type":{"kind":"NON_NULL","name":null,"ofType":{"name":"ID"}}},{"name":"clinic","type":{"kind":"SCALAR","name":"String","ofType":null}},{"name":"name","type":{"kind":"SCALAR","name":"String","ofType":null}}]},"__typename":"Query"}}` {
		t.Error(got)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusOK {
		t.Error(w.Code)
	}
}

func TestOneSubgraphDownCostsItsFieldsAndIsNamed(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"down": "SOURCE_UNAVAILABLE", "slow": "SOURCE_TIMEOUT"} {
		b := setup(t)
		if name == "down" {
			b.options.Client.Timeout = time.Minute // on a busy machine no answer is late
		}
		h := b.start(t).Handler()
		for _, off := range []bool{true, false, true, false} { // flapping
			if name == "down" {
				b.clinics.down.Store(off)
			} else {
				b.clinics.slow.Store(off)
			}
			got := ask(t, h, both)
			if !off {
				if got != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
					t.Error(got)
				}
				continue
			}
			if !strings.Contains(got, `"data":{"me":{"name":"Ada","clinic":null}}`) || !strings.Contains(got, `"code":"`+code+`"`) ||
				!strings.Contains(got, `"subgraph":"clinics"`) || !strings.Contains(got, `"path":["me"]`) {
				t.Error(name, got)
			}
		}
	}
}

func TestReloadDropsNoRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	g := b.start(t)
	old, next := b.composed(t, usersSDL), b.composed(t, strings.Replace(usersSDL, "name: String", "name: String age: Int", 1))
	s := httptest.NewServer(g.Handler())
	defer s.Close()
	var stop atomic.Bool
	var answers atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				resp, err := http.Post(s.URL+"/graphql", "application/json", strings.NewReader(both))
				if err != nil {
					t.Error(err)
					return
				}
				raw, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(raw) != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
					t.Errorf("%s %v", raw, err)
					return
				}
				answers.Add(1)
			}
		})
	}
	for i := range 20 {
		b.write(t, []string{next, old}[i%2])
		if err := g.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		for before := answers.Load(); answers.Load() < before+8 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	stop.Store(true)
	all.Wait()
	b.write(t, next)
	if err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, g.Handler(), `{"query":"{ me { age } }"}`); !strings.Contains(got, `"age":null`) {
		t.Error(got)
	}
}

func TestBrokenSupergraphIsRefusedAndTheOldOneStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var log bytes.Buffer
	b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	b.options.Keep = gateway.Keep(filepath.Join(t.TempDir(), "kept", "supergraph.graphql"))
	g := b.start(t)
	for _, broken := range []string{"", "type Query {", "type Query { a: Int }",
		strings.ReplaceAll(b.composed(t, usersSDL), "specs.apollo.dev/join/v0.", "specs.apollo.dev/join/v9.")} {
		b.write(t, broken)
		if err := g.Reload(t.Context()); err == nil {
			t.Errorf("taken: %.60q", broken)
		}
		if got := ask(t, g.Handler(), both); !strings.Contains(got, `"clinic":"East"`) {
			t.Error(got)
		}
	}
	if !strings.Contains(log.String(), "the supergraph in use stays") {
		t.Error(log.String())
	}
	// A start with the broken one serves what was good last, and says so.
	if got := ask(t, b.start(t).Handler(), both); !strings.Contains(got, `"clinic":"East"`) {
		t.Error(got)
	}
	if !strings.Contains(log.String(), "kept from an earlier time") {
		t.Error(log.String())
	}
	b.options.Keep = ""
	if _, err := gateway.New(t.Context(), b.options); err == nil {
		t.Error("a gateway without a supergraph")
	}
}

func TestSubgraphDownAtStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	urls := map[string]string{"users": b.users.URL, "clinics": b.clinics.URL}
	load := func() func(context.Context) (string, error) {
		c, err := gateway.NewComposer(urls, nil, subgraph.Options{Log: b.options.Log})
		if err != nil {
			t.Fatal(err)
		}
		return c.Load
	}
	b.options.Keep = gateway.Keep(filepath.Join(t.TempDir(), "supergraph.graphql"))
	b.options.Load = load()
	b.clinics.down.Store(true)
	if _, err := gateway.New(t.Context(), b.options); err == nil || !strings.Contains(err.Error(), "clinics") {
		t.Error(err)
	}
	b.clinics.down.Store(false)
	g := b.start(t)
	b.clinics.down.Store(true)
	if err := g.Reload(t.Context()); err != nil { // its schema is known
		t.Error(err)
	}
	b.options.Load = load()
	h := b.start(t).Handler()
	b.clinics.down.Store(false)
	if got := ask(t, h, both); got != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
		t.Error(got)
	}
}

func TestSubscriptionsGoThroughAndOutliveAReload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	g := b.start(t)
	s := httptest.NewServer(g.Handler())
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", strings.NewReader(`{"query":"subscription { arrived { name clinic } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	data := func() string {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return text
			}
		}
		return ""
	}
	b.users.events <- `{"data":{"arrived":{"__typename":"User","id":"1","name":"Ada"}}}`
	if got := data(); got != `{"data":{"arrived":{"name":"Ada","clinic":"East"}}}` {
		t.Fatal(got)
	}
	b.write(t, b.composed(t, usersSDL)+"\n# changed")
	if err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.users.events <- `{"data":{"arrived":{"__typename":"User","id":"2","name":"Bo"}}}`
	if got := data(); got != `{"data":{"arrived":{"name":"Bo","clinic":"East"}}}` {
		t.Fatal(got)
	}
	close(b.users.events)
	if got := data(); got != "" {
		t.Error(got)
	}
}

func TestEqualQueriesOfThePublicAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.options.Share = true
	h := b.start(t).Handler()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got := ask(t, h, both); got != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
				t.Error(got)
			}
		})
	}
	all.Wait()
}

func TestErrorsOfSubgraphsAreMaskedUnlessAllowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clinics.data = `{"data":{"_entities":[null]},"errors":[{"message":"secret","path":["_entities",0,"clinic"],"extensions":{"code":"X","hint":"h"}}]}`
	var log bytes.Buffer
	b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	if got := ask(t, b.start(t).Handler(), both); strings.Contains(got, "secret") || !strings.Contains(got, `"path":["me","clinic"]`) || !strings.Contains(got, `"subgraph":"clinics"`) {
		t.Error(got)
	}
	if !strings.Contains(log.String(), "secret") {
		t.Error("the log does not have it:", log.String())
	}
	b.options.Policies = map[string]execute.Policy{"clinics": {Messages: true, Extensions: []string{"hint"}}}
	if got := ask(t, b.start(t).Handler(), both); !strings.Contains(got, `"message":"secret"`) || !strings.Contains(got, `"hint":"h"`) {
		t.Error(got)
	}
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	b := setup(t)
	g := b.start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	soft, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Serve(soft, t.Context(), l, nil) }()
	resp, err := http.Post("http://"+l.Addr().String()+"/graphql", "application/json", strings.NewReader(both))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
