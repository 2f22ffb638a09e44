package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/testkit"
)

// town is a configuration over a directory and one source that holds community a, with an issuer
// of tokens.
type town struct {
	t     *testing.T
	file  string
	token string // of a member of a station's staff
}

func newTown(t *testing.T, source *testkit.DB, extra string) *town {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"k","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	}))
	t.Cleanup(issuer.Close)
	claims := authn.Claims{Roles: []string{string(authz.StationStaff)}, Communities: authn.Communities{List: []string{"a"}}}
	claims.Issuer, claims.Audience, claims.Subject = "i", jwt.ClaimStrings{"a"}, "staff"
	claims.ExpiresAt = jwt.NewNumericDate(time.Now().Add(time.Hour))
	signed := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	signed.Header["kid"] = "k"
	token, err := signed.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	directory := testkit.Database(t, testkit.Directory)
	change(t, directory, `INSERT INTO divisions (code, name, level, parent_code) VALUES ('620000000000', '甘肃省', 'PROVINCE', NULL), ('620104001000', '陈坪街道', 'STREET', '620000000000');
		INSERT INTO communities (slug, name_zh, parent_code) VALUES ('a', '甲社区', '620104001000')`)
	file := configFile(t, directory.DSN, map[string]string{"one": source.DSN}, fmt.Sprintf("auth: {jwks_url: '%s', issuer: i, audience: a}\n%s", issuer.URL, extra))
	if got := linhui(t, []string{cursorVariable}, "migrate", "--config", file); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	change(t, source, `INSERT INTO owners VALUES ('a', 'COMMUNITY')`)
	return &town{t, file, token}
}

func change(t *testing.T, db *testkit.DB, text string) {
	t.Helper()
	if _, err := db.Open(t).ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// serve starts a server and waits until it is ready.
func (w *town) serve() *program {
	w.t.Helper()
	p := start(w.t, []string{cursorVariable}, "serve", "--config", w.file, "--addr", "127.0.0.1:0")
	p.url = "http://" + p.until(`"msg":"ready".*"addr":"([^"]+)"`)
	go func() { // or it would wait for a reader of its log
		for p.lines.Scan() {
		}
	}()
	return p
}

// kill ends a server as a crash would.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // that it was killed is what it would say
}

// record asks a server once to record a delivery and reports whether it said that it did.
func (w *town) record(ctx context.Context, url string, n int) bool {
	body, err := json.Marshal(map[string]any{
		"query": `mutation($in: RecordServiceDeliveryInput!) { recordServiceDelivery(input: $in) { delivery { personTimes } userErrors { code } } }`,
		"variables": map[string]any{"in": map[string]any{"community": "a", "kind": "OTHER", "occurredOn": "2026-01-05",
			"personTimes": n, "idempotencyKey": fmt.Sprint("delivery ", n)}},
	})
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		panic(err) // the address was printed by the server
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var got struct {
		Data struct {
			RecordServiceDelivery *struct {
				Delivery   *struct{ PersonTimes int }
				UserErrors []struct{ Code string }
			}
		}
		Errors []struct {
			Message    string
			Extensions struct{ Retryable bool }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return false
	}
	for _, e := range got.Errors {
		if !e.Extensions.Retryable && resp.StatusCode != http.StatusServiceUnavailable {
			w.t.Errorf("delivery %d: %s", n, e.Message)
			return true // trying again would not help
		}
	}
	done := got.Data.RecordServiceDelivery
	if done != nil && len(done.UserErrors) > 0 {
		w.t.Errorf("delivery %d: %+v", n, done.UserErrors)
	}
	return done != nil && done.Delivery != nil && done.Delivery.PersonTimes == n
}

// TestCrashesLoseNothingAndDoubleNothing: while clients write, and try again with the same key
// until they are told that it is done, the server is killed, PostgreSQL is killed, and both are.
func TestCrashesLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	pg := testkit.NewKillablePostgres(t)
	source := pg.Create("one")
	w := newTown(t, source, "budgets: {dashboard: 5s}\n")
	const writes, writers = 400, 8
	server := w.serve()
	var address atomic.Value // of the server that runs
	address.Store(server.url)
	var next, done atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	progress := make(chan int64, writes)
	var clients sync.WaitGroup
	for range writers {
		clients.Go(func() {
			for n := next.Add(1); n <= writes; n = next.Add(1) {
				for !w.record(ctx, address.Load().(string), int(n)) {
					select {
					case <-time.After(20 * time.Millisecond): // a client's pause before it tries again
					case <-ctx.Done():
						return
					}
				}
				progress <- done.Add(1)
			}
		})
	}
	crashes := map[int64]func(){
		writes / 4: func() { server.kill(); server = w.serve(); address.Store(server.url) },
		writes / 2: func() { pg.Kill(); pg.Restart() },
		3 * writes / 4: func() {
			pg.Kill()
			server.kill()
			pg.Restart()
			server = w.serve()
			address.Store(server.url)
		},
	}
	for n := int64(0); n < writes; {
		select {
		case n = <-progress:
			if crash := crashes[n]; crash != nil {
				crash()
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d writes are done", done.Load(), writes)
		}
	}
	clients.Wait()
	var rows, kinds, events int
	if err := source.Open(t).QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT person_times), (SELECT count(*) FROM outbox_events) FROM service_deliveries`).Scan(&rows, &kinds, &events); err != nil {
		t.Fatal(err)
	}
	if rows != writes || kinds != writes || events != writes {
		t.Errorf("%d acknowledged: %d rows, %d of them different, %d events", writes, rows, kinds, events)
	}
}

// TestARollingRestartFailsNothing: behind a balancer that asks /readyz, servers are replaced one
// after the other and no request fails.
func TestARollingRestartFailsNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t, testkit.Database(t, testkit.Source), "drain: {delay: 1s}\n")
	b := &balancer{t: t}
	servers := []*program{w.serve(), w.serve()}
	b.use(servers...)
	ctx, stop := context.WithCancel(t.Context())
	var traffic sync.WaitGroup
	traffic.Go(func() { b.watch(ctx) })
	for range 4 {
		traffic.Go(func() { b.drive(ctx) })
	}
	for range servers {
		fresh := w.serve()
		b.use(append(servers[1:len(servers):len(servers)], servers[0], fresh)...)
		old := servers[0]
		if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := old.cmd.Wait(); err != nil {
			t.Errorf("a server that was told to end: %v", err)
		}
		servers = append(servers[1:len(servers):len(servers)], fresh)
		b.use(servers...)
	}
	stop()
	traffic.Wait()
	if n := b.answered.Load(); n < 100 {
		t.Errorf("only %d requests were answered: nothing is shown", n)
	}
}

// balancer sends requests to servers that say they are ready.
type balancer struct {
	t        *testing.T
	mu       sync.Mutex
	all      []string
	ready    []string
	turn     atomic.Int64
	answered atomic.Int64
}

func (b *balancer) use(servers ...*program) {
	b.mu.Lock()
	b.all = nil
	for _, p := range servers {
		b.all = append(b.all, p.url)
	}
	b.mu.Unlock()
	b.look()
}

func (b *balancer) look() {
	b.mu.Lock()
	all := b.all
	b.mu.Unlock()
	var ready []string
	for _, url := range all {
		if resp, err := http.Get(url + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				ready = append(ready, url)
			}
		}
	}
	b.mu.Lock()
	b.ready = ready
	b.mu.Unlock()
}

// watch asks every server again and again whether it is ready.
func (b *balancer) watch(ctx context.Context) {
	each := time.NewTicker(50 * time.Millisecond)
	defer each.Stop()
	for {
		select {
		case <-each.C:
			b.look()
		case <-ctx.Done():
			return
		}
	}
}

// drive sends one request after the other; each must be answered.
func (b *balancer) drive(ctx context.Context) {
	for ctx.Err() == nil {
		b.mu.Lock()
		ready := b.ready
		b.mu.Unlock()
		if len(ready) == 0 {
			b.t.Error("no server is ready")
			return
		}
		url := ready[int(b.turn.Add(1))%len(ready)]
		resp, err := http.Post(url+"/graphql", "application/json", strings.NewReader(`{"query":"{ stations(first: 1) { coverage { complete } } }"}`))
		if err != nil {
			b.t.Errorf("a request failed: %v", err)
			return
		}
		var got struct {
			Data struct {
				Stations struct{ Coverage struct{ Complete bool } }
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil || !got.Data.Stations.Coverage.Complete {
			b.t.Errorf("%s: %v", resp.Status, err)
			return
		}
		b.answered.Add(1)
	}
}
