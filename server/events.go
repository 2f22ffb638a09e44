package server

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"linhui/internal/fault"
)

// writeWithin is how long one message to a slow client may take before the client is given up;
// chosen: three times a mobile network's usual stall.
const writeWithin = 10 * time.Second

// serveEvents answers with an event stream: GraphQL over SSE, distinct connections mode. Errors
// that a document causes come as events, because EventSource shows no body of a failed request.
func (s *Server) serveEvents(e *engine, w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r.Context())
	ctx, p, t, refused := s.receive(e, r)
	if refused == nil && !s.openStream() {
		refused = busy()
	}
	if refused != nil {
		s.refuse(x, mediaJSON, refused)
		return
	}
	defer s.closeStream()
	t.streams = true
	ctx, cancel := s.streamContext(ctx)
	defer cancel()

	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	out.write([]byte(":\n\n"))

	opCtx, op, refused := e.begin(ctx, p, t)
	if refused != nil {
		s.noteRefusal(x, refused)
		out.next(refused)
		out.complete()
		return
	}
	var beat sync.WaitGroup
	beat.Go(func() {
		s.every(ctx, func() {
			if !s.stillValid(ctx, r) || out.write([]byte(":\n\n")) != nil {
				cancel()
			}
		})
	})
	next := op.stream(opCtx)
	for a := next(); a != nil; a = next() {
		if !s.stillValid(ctx, r) {
			cancel() // without "complete": the client is to ask again, and is told why not
		}
		if ctx.Err() != nil || out.next(a) != nil {
			break
		}
	}
	if ctx.Err() == nil || s.streams.Err() != nil {
		out.complete()
	}
	cancel()
	beat.Wait()
}

// stillValid checks the token of a running stream again: it may have expired.
func (s *Server) stillValid(ctx context.Context, r *http.Request) bool {
	token, f := bearer(r.Header.Get("Authorization"))
	return f == nil && s.tokenHolds(ctx, token)
}

// tokenHolds reports whether token may go on being used. That its issuer's keys cannot be
// fetched just now is no reason to end a stream.
func (s *Server) tokenHolds(ctx context.Context, token string) bool {
	if token == "" {
		return true
	}
	_, err := exchangeOf(ctx).who.Authenticate(ctx, token)
	return err == nil || ctx.Err() != nil || fault.Is(err, fault.SourceUnavailable)
}

// every calls f each Timing.Ping until ctx ends.
func (s *Server) every(ctx context.Context, f func()) {
	tick := time.NewTicker(s.timing.Ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// openStream takes one of Limits.Streams places.
func (s *Server) openStream() bool {
	if s.streaming.Add(1) > int64(s.limits.Streams) {
		s.streaming.Add(-1)
		return false
	}
	return true
}

func (s *Server) closeStream() { s.streaming.Add(-1) }

// streamContext ends with ctx and when the server drains.
func (s *Server) streamContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.streams, cancel)
	return ctx, func() { stop(); cancel() }
}

// eventWriter frames answers as events. Keep-alives come from another goroutine.
type eventWriter struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *eventWriter) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	// Not every ResponseWriter has deadlines; without one a slow client is the HTTP server's
	// write timeout's business.
	_ = o.control.SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.control.Flush()
}

func (o *eventWriter) next(a *answer) error {
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	b.WriteString("event: next\ndata: ")
	start := b.Len()
	a.whole(b)
	frame := b.Bytes()
	if bytes.IndexByte(frame[start:], '\n') >= 0 {
		body := bytes.ReplaceAll(frame[start:], []byte("\n"), []byte("\ndata: "))
		frame = append(frame[:start:start], body...)
	}
	return o.write(append(frame, "\n\n"...))
}

func (o *eventWriter) complete() { _ = o.write([]byte("event: complete\ndata: \n\n")) }
