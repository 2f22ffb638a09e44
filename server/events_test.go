package server_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/server"
)

// expiring takes every token until it is over.
type expiring struct{ over atomic.Bool }

func (e *expiring) Authenticate(context.Context, string) (*authz.Viewer, error) {
	if e.over.Load() {
		return nil, fault.Newf(fault.Unauthenticated, "expired")
	}
	return &authz.Viewer{Principal: "user-17"}, nil
}

// listen opens an event stream; the body is read by the caller.
func (b *bundle) listen(t testing.TB, ctx context.Context, document string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL+"/graphql", strings.NewReader(mustJSON(map[string]any{"query": document})))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for document, want := range map[string]string{
		"subscription{count(to:2)}": ":\n\nevent: next\ndata: {\"data\":{\"count\":1}}\n\nevent: next\ndata: {\"data\":{\"count\":2}}\n\nevent: complete\ndata: \n\n",
		"{hello}":                   ":\n\nevent: next\ndata: {\"data\":{\"hello\":\"hello\"}}\n\nevent: complete\ndata: \n\n",
	} {
		resp := b.listen(t, t.Context(), document)
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != want || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("%q %v %v", body, resp.Header, err)
		}
	}
	resp := b.listen(t, t.Context(), "{helo}")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !strings.Contains(string(body), `event: next`+"\n"+`data: {"errors":[`) || !strings.HasSuffix(string(body), "event: complete\ndata: \n\n") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp := b.listen(t, t.Context(), "{hello}", "Authorization", "Bearer forged"); resp.StatusCode != 401 {
		t.Errorf("a bad token: %d", resp.StatusCode)
	}
}

func TestEventStreamKeepsAliveAndEndsWithItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Timing = server.DefaultTiming(); o.Timing.Ping = 2 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp := b.listen(t, ctx, "subscription{open}")
	beats := 0
	for lines := bufio.NewScanner(resp.Body); beats < 5 && lines.Scan(); {
		if lines.Text() == ":" {
			beats++
		}
	}
	if beats < 5 {
		t.Error("no keep-alives")
	}
	cancel()
	eventually(t, "the source ends", func() bool { return b.root.Open.Load() == 0 })
}

func TestEventStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	short := &expiring{}
	b := setup(t, func(o *server.Options) {
		o.Authenticator = short
		o.Timing = server.DefaultTiming()
		o.Timing.Ping = 2 * time.Millisecond
	})
	resp := b.listen(t, t.Context(), "subscription{open}", "Authorization", "Bearer t")
	short.over.Store(true)
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
}
