package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// subprotocol is the one of npm graphql-ws; the older "graphql-ws" is another protocol.
const subprotocol = "graphql-transport-ws"

// Close codes of graphql-transport-ws.
const (
	closeInvalid      websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeDuplicate    websocket.StatusCode = 4409
	closeTooManyInits websocket.StatusCode = 4429
	closeInternal     websocket.StatusCode = 4500
)

// hangUp ends a socket with a code. Reasons are at most 123 bytes.
type hangUp struct {
	code   websocket.StatusCode
	reason string
}

func (h *hangUp) Error() string { return h.reason }

// socket is one connection. Its reader runs serve; each operation runs in a goroutine of its
// own and writes for itself.
type socket struct {
	server *Server
	engine *engine
	conn   *websocket.Conn
	r      *http.Request
	id     string // of the upgrade request; operations log it

	initialised bool // reader only
	operations  sync.WaitGroup

	mu      sync.Mutex
	acked   bool
	token   string
	purpose string
	running map[string]context.CancelFunc
}

// serveSocket upgrades the request and serves the socket until it ends.
func (s *Server) serveSocket(e *engine, w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r.Context())
	x.class = classSocket
	if origin := r.Header.Get("Origin"); origin != "" && !s.allowedOrigin(r, origin) {
		s.refuse(x, mediaJSON, failure(http.StatusForbidden, fault.Newf(fault.Forbidden, "this origin may not connect")))
		return
	}
	if _, refused := s.identify(r); refused != nil {
		s.refuse(x, mediaJSON, refused)
		return
	}
	if s.draining.Load() || !s.openStream() {
		s.refuse(x, mediaJSON, busy())
		return
	}
	defer s.closeStream()
	s.sockets.Add(1)
	defer s.sockets.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	s.metrics.sockets.Inc()
	defer s.metrics.sockets.Dec()
	token, _ := bearer(r.Header.Get("Authorization"))
	k := &socket{server: s, engine: e, conn: conn, r: r, id: x.id, token: token, purpose: r.Header.Get(purposeHeader),
		running: make(map[string]context.CancelFunc)}
	k.serve(x.viewer)
}

func (k *socket) serve(upgrader *authz.Viewer) {
	// The connection is hijacked: the request's context no longer ends with it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.r.Context()))
	defer k.operations.Wait()
	defer cancel()
	defer k.conn.CloseNow()
	if k.conn.Subprotocol() != subprotocol {
		k.conn.Close(closeSubprotocol, "Subprotocol not acceptable")
		return
	}
	k.limitReads(upgrader)
	late := time.AfterFunc(k.server.timing.InitTimeout, func() {
		if !k.isAcked() {
			k.conn.Close(closeInitTimeout, "Connection initialisation timeout")
		}
	})
	defer late.Stop()
	leave := context.AfterFunc(k.server.streams, func() { k.conn.Close(websocket.StatusGoingAway, "Going away") })
	defer leave()
	go k.server.every(ctx, func() { k.beat(ctx) })

	err := k.read(ctx)
	var end *hangUp
	if errors.As(err, &end) {
		cancel() // operations stop before the peer is told
		k.conn.Close(end.code, clip(end.reason, 110))
	}
}

// read handles messages until the connection or the client's manners end it.
func (k *socket) read(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			k.server.panicked(&exchange{id: k.id, status: http.StatusSwitchingProtocols}, v)
			err = &hangUp{closeInternal, "Internal server error"}
		}
	}()
	for {
		kind, b, err := k.conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			return &hangUp{closeInvalid, "Invalid message received"}
		}
		if err := k.handle(ctx, b); err != nil {
			return err
		}
	}
}

// message is a frame of either direction.
type message struct {
	ID      *string         `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (k *socket) handle(ctx context.Context, b []byte) error {
	var m message
	if json.Unmarshal(b, &m) != nil {
		return &hangUp{closeInvalid, "Invalid message received"}
	}
	switch m.Type {
	case "connection_init":
		return k.init(ctx, m.Payload)
	case "ping":
		return k.send(ctx, &message{Type: "pong", Payload: m.Payload})
	case "pong":
		return nil
	case "subscribe":
		return k.subscribe(ctx, &m)
	case "complete":
		if m.ID == nil {
			return &hangUp{closeInvalid, "Invalid message received"}
		}
		if stop := k.forget(*m.ID); stop != nil {
			stop()
		}
		return nil
	}
	return &hangUp{closeInvalid, "Invalid message received"}
}

func (k *socket) isAcked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked
}

// init authenticates by the payload's Authorization, or else by the upgrade request's.
func (k *socket) init(ctx context.Context, payload json.RawMessage) error {
	if k.initialised {
		return &hangUp{closeTooManyInits, "Too many initialisation requests"}
	}
	k.initialised = true
	var given struct {
		Authorization string `json:"authorization"`
		Purpose       string `json:"x-linhui-purpose"`
	}
	if len(payload) > 0 && json.Unmarshal(payload, &given) != nil {
		return &hangUp{closeInvalid, "Invalid message received"}
	}
	token, f := bearer(given.Authorization)
	if f != nil {
		return &hangUp{closeForbidden, "Forbidden"}
	}
	k.mu.Lock()
	if token != "" {
		k.token = token
	}
	if given.Purpose != "" {
		k.purpose = given.Purpose
	}
	k.mu.Unlock()
	own, _ := k.operationContext(ctx)
	own, f = k.server.viewer(own, k.token, k.purpose)
	if f != nil {
		return &hangUp{closeForbidden, "Forbidden"}
	}
	k.limitReads(authz.FromContext(own))
	k.mu.Lock()
	k.acked = true
	k.mu.Unlock()
	return k.send(ctx, &message{Type: "connection_ack"})
}

// limitReads bounds one message as a body is bounded; the library closes with 1009.
func (k *socket) limitReads(v *authz.Viewer) {
	most := k.server.limits.AnonymousBody
	if v.Principal != "" || !k.engine.public {
		most = k.server.limits.SignedInBody
	}
	k.conn.SetReadLimit(most)
}

// holds reports whether the peer's token still holds, and ends the socket when it does not.
func (k *socket) holds(ctx context.Context) bool {
	k.mu.Lock()
	token := k.token
	k.mu.Unlock()
	if k.server.tokenHolds(ctx, token) {
		return true
	}
	k.conn.Close(closeForbidden, "Forbidden")
	return false
}

// beat pings the peer, whose token is looked at though nothing happens.
func (k *socket) beat(ctx context.Context) {
	if !k.holds(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, k.server.timing.Ping)
	defer cancel()
	if k.conn.Ping(ctx) != nil {
		k.conn.CloseNow()
	}
}

func (k *socket) send(ctx context.Context, m *message) error {
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	writeJSON(b, m)
	return k.write(ctx, b.Bytes())
}

// write is not cut short when an operation ends: half a frame would end the socket.
func (k *socket) write(ctx context.Context, b []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	return k.conn.Write(ctx, websocket.MessageText, b)
}
