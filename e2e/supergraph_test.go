package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/cmd/linhui/gateway"
	"linhui/deploy/example/health/graph"
	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/supergraph/subgraph"
)

// health is the example's service over a database of its own, behind a proxy that tests can break.
type health struct {
	proxy *testkit.Proxy
	log   *safeBuffer // of the gateway
	keep  gateway.Keep
}

func newHealth(t testing.TB) *health {
	t.Helper()
	db := testkit.Empty(t).Open(t)
	if err := graph.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(graph.New(db, slog.New(slog.DiscardHandler)))
	t.Cleanup(s.Close)
	return &health{proxy: testkit.NewProxy(t, strings.TrimPrefix(s.URL, "http://")), log: &safeBuffer{},
		keep: gateway.Keep(filepath.Join(t.TempDir(), "supergraph.graphql"))}
}

// join makes the service part of a gateway's supergraph.
func (h *health) join(o *app.Options) {
	o.Log = slog.New(slog.NewTextHandler(h.log, nil))
	o.Join = &gateway.Options{Keep: h.keep, URLs: map[string]string{"health": "http://" + h.proxy.Addr() + "/graphql"},
		Client: subgraph.Options{Timeout: 2 * time.Second}}
	o.Server.Dev = true
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const consulting = `{ community(slug: "shengli") { nameZh
	clinics { nameZh consultingHours(weekday: [THURSDAY]) { weekday opens department } community { nameZh } }
	stations(first: 1, filter: {kinds: [PARTY_MASS_SERVICE_CENTER]}) { nodes { nameZh clinics { nameZh station { nameZh } } } } } }`

const consulted = `{"community":{"nameZh":"胜利社区","clinics":[` +
	`{"nameZh":"胜利中医馆","consultingHours":[],"community":{"nameZh":"胜利社区"}},` +
	`{"nameZh":"胜利社区卫生服务站","consultingHours":[{"weekday":"THURSDAY","opens":"14:00","department":"慢病管理"}],"community":{"nameZh":"胜利社区"}}],` +
	`"stations":{"nodes":[{"nameZh":"胜利社区党群服务中心","clinics":[{"nameZh":"胜利社区卫生服务站","station":{"nameZh":"胜利社区党群服务中心"}}]}]}}}`

func TestSupergraphOfTheGraphAndAHealthService(t *testing.T) {
	t.Parallel()
	h := newHealth(t)
	b := sixStreets(t, h.join)
	for _, part := range []struct {
		name string
		test func(*testing.T, *bundle)
	}{
		{"the graph alone answers as without others", answersAsAlone},
		{"rules hold on the way through other graphs", rulesHold},
		{"the plan is shown on request", planIsShown},
		{"one query over both, whether or not the service is there", h.comesAndGoes},
		{"the service is down at the next start", h.downAtStart},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, b) })
	}
}

func (h *health) comesAndGoes(t *testing.T, b *bundle) {
	if a := b.ask("", consulting, nil); len(a.Errors) > 0 || string(a.Data) != consulted {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
	example, err := os.ReadFile("../web/src/examples/supergraph-1-clinics.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if a := b.ask("", string(example), nil); len(a.Errors) > 0 || !strings.Contains(string(a.Data), `"doctor":"李医生"`) {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}

	// Gone: its fields are null and it is named, the rest is there. Back: complete again.
	for _, mode := range []testkit.Mode{testkit.Refuse, testkit.Blackhole} {
		h.proxy.Set(mode)
		a := b.ask("", consulting, nil)
		if want := `{"community":{"nameZh":"胜利社区","clinics":null,"stations":{"nodes":[{"nameZh":"胜利社区党群服务中心","clinics":null}]}}}`; string(a.Data) != want {
			t.Errorf("%s", a.Data)
		}
		if len(a.Errors) == 0 || a.Errors[0].Extensions["subgraph"] != "health" || len(a.Errors[0].Path) == 0 || a.Errors[0].Path[0] != "community" {
			t.Errorf("%+v", a.Errors)
		}
		h.proxy.Set(testkit.Pass)
		until(t, "complete again", func() bool { return string(b.ask("", consulting, nil).Data) == consulted })
	}
}

// downAtStart: what was good last is served, and the log says so.
func (h *health) downAtStart(t *testing.T, _ *bundle) {
	h.proxy.Set(testkit.Refuse)
	b := sixStreets(t, h.join)
	a := b.ask("", consulting, nil)
	if len(a.Errors) == 0 || a.Errors[0].Extensions["subgraph"] != "health" || !strings.Contains(string(a.Data), `"clinics":null`) {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
	if !strings.Contains(h.log.String(), "kept from an earlier time is served") {
		t.Error(h.log.String())
	}
	h.proxy.Set(testkit.Pass)
	until(t, "complete without a restart", func() bool { return string(b.ask("", consulting, nil).Data) == consulted })
}

// answersAsAlone holds what the supergraph hands over against the plain server of the same process,
// byte by byte.
func answersAsAlone(t *testing.T, b *bundle) {
	staff := b.token(authz.CommunityStaff, "shengli")
	send := func(h http.Handler, token, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", "same")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result().Status + " " + w.Body.String()
	}
	for _, body := range []string{
		`{"query":"{ stations(first: 3) { __typename totalCount edges { cursor node { ...s } } coverage { complete } } } fragment s on Station { id nameZh community { slug } }"}`,
		`{"query":"query A { communities { nodes { slug } } } query B($n: Int = 2) { stations(first: $n) { nodes { nameZh } } }","operationName":"B","variables":{"n":1}}`,
		`{"query":"{ residents(first: 1) { nodes { id } } }"}`,
		`{"query":"{ community(slug: \"shengli\") { posts { holderName } } }"}`,
		`{"query":"{ node(id: \"rubbish\") { id } a: node(id: \"U3RhdGlvbjpzaGVuZ2xpOmM5ZGVjOTNhLWY5ZmMtNTRiMi04OWYyLTIxOTdhZWFkNDk3Nw\") { __typename ... on Station { nameZh } } }"}`,
		`{"query":"{ stations(first: 201) { nodes { id } } }"}`,
		`{"query":"mutation { triageFeedback(input: {}) { userErrors { code } } }"}`,
		`{"query":"{ __typename }"}`,
	} {
		for _, token := range []string{"", staff} {
			joined, plain := send(b.gateway.Handler(), token, body), send(b.gateway.Server.Handler(), token, body)
			if joined != plain {
				t.Errorf("%s\njoined %s\nplain  %s", body, joined, plain)
			}
		}
	}
	// Introspection is of the whole.
	a := b.ask("", `{ __type(name: "Community") { fields { name } } community(slug: "shengli") { slug } }`, nil)
	if !strings.Contains(string(a.Data), `"clinics"`) || !strings.Contains(string(a.Data), `"slug":"shengli"`) {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
}

// rulesHold: what is asked of us by way of the health service is asked by the same viewer.
func rulesHold(t *testing.T, b *bundle) {
	const query = `{ clinics { nameZh community { posts(code: [COMMUNITY_SECRETARY]) { holderName } } } }`
	a := b.ask(b.token(authz.Resident, "shengli"), query, nil)
	if len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "FORBIDDEN" || a.Errors[0].Extensions["subgraph"] != "linhui" || !strings.Contains(string(a.Data), `"nameZh":"胜利中医馆"`) ||
		strings.Contains(string(a.Data), "holderName") {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
	if a := b.ask(b.token(authz.StreetStaff), query, nil); len(a.Errors) > 0 || !strings.Contains(string(a.Data), "holderName") {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
	// Four clinics in three communities: one statement of each database for a link, as on any other way.
	for source, n := range b.statements("", `{ clinics { community { estates { nameZh } } } }`) {
		if n > 1 {
			t.Errorf("%s was asked %d times", source, n)
		}
	}
}

func planIsShown(t *testing.T, b *bundle) {
	type call struct {
		Subgraph, Path  string
		Entities, Bytes int
		TookMs          float64
	}
	shown := func(query, extensions string) (calls []call, raw string) {
		body, err := json.Marshal(map[string]any{"query": query, "extensions": json.RawMessage(extensions)})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(b.http.URL+"/graphql", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Extensions struct{ Plan struct{ Calls []call } }
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return got.Extensions.Plan.Calls, string(text)
	}
	calls, raw := shown(consulting, `{"plan":true}`)
	if len(calls) < 2 || calls[0].Subgraph != "linhui" || calls[1].Subgraph != "health" || calls[1].Entities != 2 || calls[1].Bytes == 0 ||
		calls[1].Path != "community, community.stations.nodes.@" || !strings.Contains(raw, `"kind":"BatchFetch"`) {
		t.Errorf("%+v %s", calls, raw)
	}
	calls, raw = shown(`{ community(slug: "shengli") { nameZh } }`, `{"plan":true}`)
	if len(calls) != 1 || calls[0].Subgraph != "linhui" || calls[0].Bytes == 0 {
		t.Errorf("%+v %s", calls, raw)
	}
	if _, raw = shown(consulting, `{}`); strings.Contains(raw, `"plan"`) {
		t.Error(raw)
	}
}
