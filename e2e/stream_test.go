package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// transports are the ways to subscribe. Each returns the answers until the stream ends, which it does
// with the test at the latest.
var transports = map[string]func(b *bundle, t *testing.T, token, query string) <-chan answer{
	"websocket":          overSocket,
	"server-sent events": overEvents,
}

// pump sends what read returns until it fails or the test ends.
func pump(t *testing.T, ctx context.Context, read func() (text []byte, ok bool)) <-chan answer {
	out := make(chan answer)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for text, ok := read(); ok; text, ok = read() {
			var a answer
			if err := json.Unmarshal(text, &a); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			select {
			case out <- a:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
	return out
}

func overSocket(b *bundle, t *testing.T, token, query string) <-chan answer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(b.http.URL, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	type message struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	begin := message{Type: "connection_init"}
	if token != "" {
		begin.Payload = fmt.Appendf(nil, `{"Authorization": "Bearer %s"}`, token)
	}
	var ack message
	for _, err := range []error{
		wsjson.Write(ctx, conn, begin),
		wsjson.Read(ctx, conn, &ack),
		wsjson.Write(ctx, conn, message{ID: "1", Type: "subscribe", Payload: fmt.Appendf(nil, `{"query": %q}`, query)}),
	} {
		if err != nil {
			cancel()
			t.Fatal(err)
		}
	}
	var m message
	out := pump(t, ctx, func() ([]byte, bool) {
		if m.Type == "error" || wsjson.Read(ctx, conn, &m) != nil || m.Type == "complete" {
			return nil, false
		}
		if m.Type == "error" { // refused before it began: the payload is the list of errors, and nothing follows
			return fmt.Appendf(nil, `{"errors": %s}`, m.Payload), true
		}
		return m.Payload, true
	})
	t.Cleanup(func() { cancel(); conn.CloseNow() })
	return out
}

func overEvents(b *bundle, t *testing.T, token, query string) <-chan answer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", b.http.URL+"/graphql?query="+url.QueryEscape(query), nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	out := pump(t, ctx, func() ([]byte, bool) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "" {
				return []byte(data), true
			}
		}
		return nil, false
	})
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return out
}
