package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"linhui/server"
	"linhui/server/internal/testschema"
)

// TestMain fails when any test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		want    string
	}{
		{"none", nil, 200, `{"data":{"whoami":" []  2026-03-01T08:00:00Z"}}`},
		{"good", []string{"Authorization", "Bearer staff"}, 200, `{"data":{"whoami":"user-17 [COMMUNITY_STAFF] claim 2026-03-01T08:00:00Z"}}`},
		{"with a purpose", []string{"Authorization", "bearer staff", "X-Linhui-Purpose", "visit"}, 200, `{"data":{"whoami":"user-17 [COMMUNITY_STAFF] visit 2026-03-01T08:00:00Z"}}`},
		{"a purpose is not for strangers", []string{"X-Linhui-Purpose", "visit"}, 200, `{"data":{"whoami":" []  2026-03-01T08:00:00Z"}}`},
		{"a long purpose", []string{"Authorization", "Bearer staff", "X-Linhui-Purpose", strings.Repeat("x", 201)}, 400, "BAD_USER_INPUT"},
		{"forged", []string{"Authorization", "Bearer forged"}, 401, "UNAUTHENTICATED"},
		{"another scheme", []string{"Authorization", "Basic abc"}, 401, "UNAUTHENTICATED"},
		{"empty", []string{"Authorization", "Bearer "}, 401, "UNAUTHENTICATED"},
	} {
		got := b.query(t, "{whoami}", c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
		if c.status == 401 && got.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no challenge", c.name)
		}
	}
}

func TestOtherSites(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Origins = []string{"https://desk.example"} })
	get := func(headers ...string) reply { return b.request(t, "GET", "/graphql?query={hello}", "", headers...) }
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"no browser", nil, 200},
		{"own page", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"address bar", []string{"Sec-Fetch-Site", "none"}, 200},
		{"image on another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"image on a sister site", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"script on another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"script on another site, preflighted", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Apollo-Require-Preflight", "1"}, 200},
		{"script on a listed site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://desk.example"}, 200},
		{"a document of its own", []string{"Origin", "null"}, 403},
	} {
		if got := get(c.headers...); got.status != c.status {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
	}
	pre := b.request(t, "OPTIONS", "/graphql", "", "Origin", "https://desk.example", "Access-Control-Request-Method", "POST")
	if pre.status != 204 || pre.header.Get("Access-Control-Allow-Origin") != "https://desk.example" || !strings.Contains(pre.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", pre.status, pre.header)
	}
	pre = b.request(t, "OPTIONS", "/graphql", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if pre.header.Get("Access-Control-Allow-Origin") != "" || pre.header.Get("Access-Control-Allow-Headers") != "" || pre.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%v", pre.header)
	}
}

func TestSubgraphFieldsAreForTheGateway(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	inner := httptest.NewServer(b.server.SubgraphHandler())
	defer inner.Close()
	gateway := &bundle{Server: inner}
	for _, document := range []string{"{_service{sdl}}", `{_entities(representations:[{__typename:"Item",id:"7"}]){...on Item{name}}}`} {
		if got := b.query(t, document); got.status != 400 {
			t.Errorf("public: %d %s", got.status, got.body)
		}
		if got := gateway.query(t, document); got.status != 200 || got.code(t) != "" {
			t.Errorf("gateway: %d %s", got.status, got.body)
		}
	}
	strict := setup(t, func(o *server.Options) {
		o.AllowList, o.Cost, o.Limits = server.AllowList{}, tenPoints, server.DefaultLimits()
		o.Limits.PerMinute = 10
	})
	inside := httptest.NewServer(strict.server.SubgraphHandler())
	defer inside.Close()
	for range 3 {
		if got := (&bundle{Server: inside}).query(t, "{_service{sdl}}"); got.status != 200 {
			t.Errorf("the gateway is held to the public's list and rate: %d %s", got.status, got.body)
		}
	}
	full := testschema.NewExecutableSchema(testschema.Config{}).Schema()
	narrow := testschema.NewExecutableSchema(testschema.Config{Schema: server.PublicSchema(full), Resolvers: b.root})
	open := setup(t, func(o *server.Options) { o.Schema = narrow })
	if got := open.query(t, "{__schema{types{name fields{name}}}}"); strings.Contains(got.body, "_ent") || strings.Contains(got.body, "_Any") || got.code(t) != "" {
		t.Errorf("introspection shows the gateway's fields: %s", got.body)
	}
	if full.Types["_Any"] == nil || full.Query.Fields.ForName("_service") == nil {
		t.Error("PublicSchema changed its argument")
	}
}

func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Limits = server.DefaultLimits(); o.Limits.InFlight = 8 })
	var waiting sync.WaitGroup
	for range 7 {
		waiting.Go(func() { b.query(t, "{wait}") })
	}
	eventually(t, "seven wait", func() bool { return b.root.Waiting.Load() == 7 })
	if got := b.query(t, "{hello}"); got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Errorf("an eighth query: %d %s", got.status, got.body)
	}
	if got := b.query(t, "mutation{bump}"); got.status != 200 {
		t.Errorf("a mutation has the last place: %d %s", got.status, got.body)
	}
	close(b.root.Release)
	waiting.Wait()
	eventually(t, "there is room again", func() bool { return b.query(t, "{hello}").status == 200 })
}

func TestAbortedClientsCancelTheirWork(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, "POST", b.URL+"/graphql", strings.NewReader(`{"query":"{wait}"}`))
			r.Header.Set("Content-Type", "application/json")
			if resp, err := http.DefaultClient.Do(r); err == nil {
				resp.Body.Close()
			}
		})
	}
	eventually(t, "all wait", func() bool { return b.root.Waiting.Load() == 50 })
	cancel()
	clients.Wait()
	eventually(t, "none waits", func() bool { return b.root.Waiting.Load() == 0 })
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var problem error
	b := setup(t, func(o *server.Options) {
		o.Ready = func(context.Context) error { mu.Lock(); defer mu.Unlock(); return problem }
	})
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 404, "/debug/pprof/": 404, "/nothing": 404} {
		if got := b.request(t, "GET", path, ""); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	mu.Lock()
	problem = errors.New("directory: dial tcp 10.0.0.1: refused")
	mu.Unlock()
	if got := b.request(t, "GET", "/readyz", ""); got.status != 503 || strings.Contains(got.body, "10.0.0.1") {
		t.Errorf("%d %s", got.status, got.body)
	}
	b.query(t, "query Secret{hello}")
	b.query(t, `{fail(code:"CONFLICT")}`)
	metrics := b.ops(t, "/metrics").body
	for _, line := range []string{`http_server_request_duration_seconds_count{class="query",code="",status="200"}`,
		`http_server_request_duration_seconds_count{class="query",code="CONFLICT",status="200"}`, `linhui_document_cache_total{result="miss"} 2`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
	if strings.Contains(metrics, "Secret") {
		t.Error("a client's operation name is a label")
	}
}

func TestProfilesAreServedToOperatorsWhoAskForThem(t *testing.T) {
	t.Parallel()
	for asked, profiles := range map[bool]int{false: 404, true: 200} {
		b := setup(t, func(o *server.Options) { o.Profiles = asked })
		for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/graphql": 404, "/debug/pprof/": profiles, "/debug/pprof/heap": profiles} {
			if got := b.ops(t, path); got.status != want {
				t.Errorf("profiles %v: %s: %d", asked, path, got.status)
			}
		}
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.post(t, `{"query":"query($n:String){hello(name:$n) a:hello}","variables":{"n":"canary"}}`, "Authorization", "Bearer staff", "X-Request-Id", "id-7")
	b.request(t, "GET", "/graphql?query={a:hello}", "", "X-Request-Id", "<script>")
	eventually(t, "both are logged", func() bool { return strings.Count(b.logs.String(), `"msg":"request"`) == 2 })
	log := b.logs.String()
	for _, secret := range []string{"canary", "user-17", "staff", "hello", "script"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q: %s", secret, log)
		}
	}
	for _, want := range []string{`"requestId":"id-7"`, `"class":"query"`, `"status":200`, `"principal":"`, `"document":"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
}

func TestPlayground(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Playground = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>hi")}, "assets/index-abc123.js": {Data: []byte("1")}}
	})
	page := b.request(t, "GET", "/", "")
	if page.status != 200 || page.header.Get("Content-Type") != "text/html; charset=utf-8" || page.header.Get("Cache-Control") != "no-cache" ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'self'") || page.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", page.status, page.header)
	}
	if again := b.request(t, "GET", "/", "", "If-None-Match", page.header.Get("ETag")); again.status != 304 || again.body != "" {
		t.Errorf("%d %q", again.status, again.body)
	}
	if asset := b.request(t, "GET", "/assets/index-abc123.js", ""); !strings.Contains(asset.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", asset.header)
	}
	for _, path := range []string{"/missing", "/../go.mod", "/assets/", "/assets"} {
		if got := b.request(t, "GET", path, ""); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := b.request(t, "GET", "/graphql", "", "Accept", "text/html,*/*;q=0.8"); got.status != 200 || !strings.Contains(got.body, "<!doctype html>") {
		t.Errorf("a browser at /graphql: %d %s", got.status, got.body)
	}
}

func TestDrainFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Timing = server.DefaultTiming()
		o.Timing.DrainDelay = 20 * time.Millisecond
	})
	socket := b.connect(t)
	socket.say(`{"id":"1","type":"subscribe","payload":{"query":"subscription{open}"}}`)
	socket.hear("next")
	stream := b.listen(t, t.Context(), "subscription{open}")
	var last reply
	var waiting sync.WaitGroup
	waiting.Go(func() { last = b.query(t, "{wait}") })
	eventually(t, "one waits", func() bool { return b.root.Waiting.Load() == 1 })

	drained := make(chan error, 1)
	go func() { drained <- b.server.Drain(context.Background(), b.Config) }()
	ready := httptest.NewRecorder()
	eventually(t, "it is not ready", func() bool {
		ready = httptest.NewRecorder()
		b.server.Handler().ServeHTTP(ready, httptest.NewRequest("GET", "/readyz", nil))
		return ready.Code == 503
	})
	select {
	case err := <-drained:
		t.Fatalf("drained while a request was running: %v", err)
	default:
	}
	close(b.root.Release)
	waiting.Wait()
	if last.status != 200 || last.body != `{"data":{"wait":"released"}}` {
		t.Errorf("%d %s", last.status, last.body)
	}
	socket.closed(1001)
	if body := readAll(t, stream.Body); !strings.HasSuffix(body, "event: complete\ndata: \n\n") {
		t.Errorf("the stream ends with %q", body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	eventually(t, "the sources end", func() bool { return b.root.Open.Load() == 0 })
}
