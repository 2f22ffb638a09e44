package server

import (
	"bytes"
	"context"
	"net/http"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// subscribe starts an operation of the client's id. Queries and mutations run the same way and
// answer once.
func (k *socket) subscribe(ctx context.Context, m *message) error {
	if !k.isAcked() {
		return &hangUp{closeUnauthorized, "Unauthorized"}
	}
	if m.ID == nil || *m.ID == "" {
		return &hangUp{closeInvalid, "Invalid message received"}
	}
	p, f := parseParams(bytes.NewReader(m.Payload))
	if f != nil {
		return &hangUp{closeInvalid, "Invalid message received"}
	}
	id := *m.ID
	ctx, cancel := context.WithCancel(ctx)
	k.mu.Lock()
	_, taken := k.running[id]
	full := len(k.running) >= k.server.limits.Subscriptions
	if !taken && !full {
		k.running[id] = cancel
	}
	k.mu.Unlock()
	switch {
	case taken:
		cancel()
		return &hangUp{closeDuplicate, "Subscriber for " + id + " already exists"}
	case full:
		cancel()
		return k.refused(ctx, id, failure(0, fault.Newf(fault.RateLimited,
			"at most %d operations may run on one socket", k.server.limits.Subscriptions)))
	}
	k.operations.Go(func() {
		defer cancel()
		k.operate(ctx, id, p)
	})
	return nil
}

// forget takes id off the running operations; nil when it is not there.
func (k *socket) forget(id string) context.CancelFunc {
	k.mu.Lock()
	defer k.mu.Unlock()
	stop := k.running[id]
	delete(k.running, id)
	return stop
}

// operationContext gives an operation its own line in the log.
func (k *socket) operationContext(ctx context.Context) (context.Context, *exchange) {
	x := &exchange{id: k.id, who: exchangeOf(ctx).who, started: k.server.now(), method: "WEBSOCKET", route: "/graphql", class: classOther, status: http.StatusOK}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

// operate runs one operation to its end. The id is free again before the client hears that it
// ended, and the client hears nothing when it ended it itself.
func (k *socket) operate(ctx context.Context, id string, p *params) {
	ctx, x := k.operationContext(ctx)
	defer k.server.finish(ctx, x)
	defer func() {
		if v := recover(); v != nil {
			k.server.panicked(x, v)
			k.conn.Close(closeInternal, "Internal server error")
		}
	}()
	viewed, f := k.server.viewer(ctx, k.token, k.purpose)
	if f != nil {
		k.conn.Close(closeForbidden, "Forbidden")
		return
	}
	t := &transport{streams: true, headers: k.r.Header, rateKey: k.server.rateKey(k.engine, authz.FromContext(viewed), k.r)}
	opCtx, op, refused := k.engine.begin(viewed, p, t)
	if refused != nil {
		k.server.noteRefusal(x, refused)
		if k.forget(id) != nil {
			k.refused(ctx, id, refused)
		}
		return
	}
	next := op.stream(opCtx)
	for a := next(); a != nil; a = next() {
		if !k.holds(ctx) || k.next(ctx, id, a) != nil {
			break
		}
	}
	if k.forget(id) != nil && ctx.Err() == nil {
		k.send(ctx, &message{ID: &id, Type: "complete"})
	}
}

func (k *socket) refused(ctx context.Context, id string, a *answer) error {
	b := new(bytes.Buffer)
	writeJSON(b, a.errors)
	return k.send(ctx, &message{ID: &id, Type: "error", Payload: b.Bytes()})
}

// next sends one answer without parsing its bytes again.
func (k *socket) next(ctx context.Context, id string, a *answer) error {
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	b.WriteString(`{"id":`)
	writeJSON(b, id)
	b.WriteString(`,"type":"next","payload":`)
	a.whole(b)
	b.WriteByte('}')
	return k.write(ctx, b.Bytes())
}
