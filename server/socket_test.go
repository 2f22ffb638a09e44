package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"linhui/server"
)

// peer is a graphql-transport-ws client that says exactly what a test wants.
type peer struct {
	t    testing.TB
	ctx  context.Context
	conn *websocket.Conn
}

type frame struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

// dial connects without initialising.
func (b *bundle) dial(t testing.TB, headers ...string) *peer {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(b.URL, "http")+"/graphql",
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &peer{t, ctx, conn}
}

// connect dials and initialises.
func (b *bundle) connect(t testing.TB) *peer {
	t.Helper()
	p := b.dial(t)
	p.say(`{"type":"connection_init"}`)
	p.hear("connection_ack")
	return p
}

func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.conn.Write(p.ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// hear reads one frame and checks its type.
func (p *peer) hear(kind string) frame {
	p.t.Helper()
	_, b, err := p.conn.Read(p.ctx)
	if err != nil {
		p.t.Fatalf("waiting for %s: %v", kind, err)
	}
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		p.t.Fatal(err)
	}
	if f.Type != kind {
		p.t.Fatalf("got %s, want %s", b, kind)
	}
	return f
}

// closed reads until the server closes, and checks the code.
func (p *peer) closed(code websocket.StatusCode) {
	p.t.Helper()
	for {
		_, _, err := p.conn.Read(p.ctx)
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != code {
			p.t.Fatalf("closed with %d (%v), want %d", got, err, code)
		}
		return
	}
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSocketManners(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct {
		name string
		says []string
		code websocket.StatusCode
	}{
		{"rubbish", []string{`{`}, 4400},
		{"not an object", []string{`"connection_init"`}, 4400},
		{"an unknown type", []string{`{"type":"start"}`}, 4400},
		{"no type", []string{`{}`}, 4400},
		{"init with a list", []string{`{"type":"connection_init","payload":[1]}`}, 4400},
		{"subscribe before init", []string{`{"id":"1","type":"subscribe","payload":{"query":"{hello}"}}`}, 4401},
		{"a bad token", []string{`{"type":"connection_init","payload":{"Authorization":"Bearer forged"}}`}, 4403},
		{"init twice", []string{`{"type":"connection_init"}`, `{"type":"connection_init"}`}, 4429},
		{"subscribe without id", []string{`{"type":"connection_init"}`, `{"type":"subscribe","payload":{"query":"{hello}"}}`}, 4400},
		{"subscribe without query", []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{}}`}, 4400},
		{"query not a string", []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{"query":1}}`}, 4400},
		{"one id twice", []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription{open}"}}`,
			`{"id":"1","type":"subscribe","payload":{"query":"subscription{open}"}}`}, 4409},
		{"a message too large", []string{`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 65<<10) + `"}}`}, websocket.StatusMessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := b.dial(t)
			for _, s := range c.says {
				p.say(s)
			}
			p.closed(c.code)
		})
	}
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		p := b.dial(t)
		if err := p.conn.Write(p.ctx, websocket.MessageBinary, []byte(`{"type":"connection_init"}`)); err != nil {
			t.Fatal(err)
		}
		p.closed(4400)
	})
	t.Run("another subprotocol", func(t *testing.T) {
		t.Parallel()
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(b.URL, "http")+"/graphql",
			&websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		(&peer{t, t.Context(), conn}).closed(4406)
	})
}

func TestSocketWithoutInitIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Timing = server.DefaultTiming()
		o.Timing.InitTimeout = 20 * time.Millisecond
	})
	b.dial(t).closed(4408)
}

func TestSocketOperations(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	p := b.connect(t)

	p.say(`{"type":"ping","payload":{"n":1}}`)
	if f := p.hear("pong"); string(f.Payload) != `{"n":1}` {
		t.Errorf("pong %s", f.Payload)
	}
	p.say(`{"type":"pong"}`)

	for range 2 { // the id is free again after complete
		p.say(`{"id":"a","type":"subscribe","payload":{"query":"query($n:String){hello(name:$n)}","variables":{"n":"x"}}}`)
		if f := p.hear("next"); f.ID != "a" || string(f.Payload) != `{"data":{"hello":"hello x"}}` {
			t.Errorf("%+v", f)
		}
		p.hear("complete")
	}

	p.say(`{"id":"b","type":"subscribe","payload":{"query":"subscription{count(to:3)}"}}`)
	for i := range 3 {
		if f := p.hear("next"); string(f.Payload) != fmt.Sprintf(`{"data":{"count":%d}}`, i+1) {
			t.Errorf("%s", f.Payload)
		}
	}
	if f := p.hear("complete"); f.ID != "b" {
		t.Errorf("%+v", f)
	}

	p.say(`{"id":"c","type":"subscribe","payload":{"query":"{helo}"}}`)
	if f := p.hear("error"); f.ID != "c" || !strings.HasPrefix(string(f.Payload), `[{"message":`) {
		t.Errorf("%+v", f)
	}

	p.say(`{"id":"d","type":"subscribe","payload":{"query":"subscription{refused}"}}`)
	if f := p.hear("next"); !strings.Contains(string(f.Payload), "FORBIDDEN") {
		t.Errorf("%s", f.Payload)
	}
	p.hear("complete")
}

func TestClientEndsItsSubscription(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	p := b.connect(t)
	p.say(`{"id":"a","type":"subscribe","payload":{"query":"subscription{open}"}}`)
	p.hear("next")
	p.say(`{"id":"a","type":"complete"}`)
	eventually(t, "the source ends", func() bool { return b.root.Open.Load() == 0 })
	p.say(`{"id":"a","type":"subscribe","payload":{"query":"{hello}"}}`)
	if f := p.hear("next"); !strings.Contains(string(f.Payload), "hello") {
		t.Errorf("a message of the ended subscription: %+v", f)
	}
	p.hear("complete")

	p.say(`{"id":"b","type":"subscribe","payload":{"query":"subscription{open}"}}`)
	p.hear("next")
	p.conn.CloseNow()
	eventually(t, "the source ends with the connection", func() bool { return b.root.Open.Load() == 0 })
}

func TestSocketHoldsSoManyOperations(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Limits = server.DefaultLimits(); o.Limits.Subscriptions = 2 })
	p := b.connect(t)
	for i := range 2 {
		p.say(fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"subscription{open}"}}`, i))
		p.hear("next")
	}
	p.say(`{"id":"2","type":"subscribe","payload":{"query":"subscription{open}"}}`)
	if f := p.hear("error"); f.ID != "2" || !strings.Contains(string(f.Payload), "RATE_LIMITED") {
		t.Errorf("%+v", f)
	}
}

func TestSocketViewer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	whoami := `{"id":"1","type":"subscribe","payload":{"query":"{whoami}"}}`
	byPayload := b.dial(t)
	byPayload.say(`{"type":"connection_init","payload":{"Authorization":"Bearer staff","X-Linhui-Purpose":"home visit"}}`)
	byPayload.hear("connection_ack")
	byPayload.say(whoami)
	if f := byPayload.hear("next"); !strings.Contains(string(f.Payload), "user-17 [COMMUNITY_STAFF] home visit 2026-03-01T08:00:00Z") {
		t.Errorf("%s", f.Payload)
	}
	byHeader := b.dial(t, "Authorization", "Bearer staff")
	byHeader.say(`{"type":"connection_init"}`)
	byHeader.hear("connection_ack")
	byHeader.say(whoami)
	if f := byHeader.hear("next"); !strings.Contains(string(f.Payload), "user-17") {
		t.Errorf("%s", f.Payload)
	}
}

func TestSocketEndsWithItsToken(t *testing.T) {
	t.Parallel()
	short := &expiring{}
	b := setup(t, func(o *server.Options) {
		o.Authenticator = short
		o.Timing = server.DefaultTiming()
		o.Timing.Ping = 5 * time.Millisecond
	})
	p := b.dial(t)
	p.say(`{"type":"connection_init","payload":{"Authorization":"Bearer t"}}`)
	p.hear("connection_ack")
	p.say(`{"id":"1","type":"subscribe","payload":{"query":"subscription{open}"}}`)
	p.hear("next")
	short.over.Store(true)
	p.closed(4403)
	eventually(t, "the source ends", func() bool { return b.root.Open.Load() == 0 })
}

func TestForeignPageMayNotConnect(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Origins = []string{"https://desk.example"} })
	for origin, ok := range map[string]bool{"https://evil.example": false, "https://desk.example": true, b.URL: true} {
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(b.URL, "http")+"/graphql",
			&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", origin, err)
		}
		if err == nil {
			conn.CloseNow()
		}
	}
}
