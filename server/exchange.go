package server

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// exchange is one HTTP request and its answer, as the access log and the metrics see it. It is
// also the ResponseWriter that handlers are given, so that a request costs one allocation.
type exchange struct {
	http.ResponseWriter
	id      string
	started time.Time
	who     Authenticator // of the listener; nil: every token is refused
	method  string
	route   string // the pattern that matched: paths of clients are not logged
	class   class
	status  int

	viewer *authz.Viewer // nil until authenticated
	hash   digest        // of the document; zero when there is none
	cost   int

	mu   sync.Mutex // fields fail concurrently
	code fault.Code // the first error of the answer
}

// class is what kind of work a request is. Client operation names are never labels: anybody
// can make up a new one.
type class string

const (
	classOther        class = "other" // static files, refused before an operation was known
	classQuery        class = "query"
	classMutation     class = "mutation"
	classSubscription class = "subscription"
	classSocket       class = "socket"
	classExport       class = "export"
)

type exchangeKey struct{}

// exchangeOf returns the request's exchange, or an empty one outside any request.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// RequestID returns the id that the access log, error extensions and the X-Request-Id header of
// ctx's request carry; empty outside a request.
func RequestID(ctx context.Context) string { return exchangeOf(ctx).id }

// note keeps the first error code of the answer.
func (x *exchange) note(code fault.Code) {
	x.mu.Lock()
	if x.code == "" {
		x.code = code
	}
	x.mu.Unlock()
}

func (x *exchange) firstCode() fault.Code {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.code
}

// WriteHeader remembers the status for the log.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// Hijack lets a socket take the connection over.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(x.ResponseWriter).Hijack()
}

// observe gives every request its id, its security headers, its line in the log and its
// measurement, and answers a panic with INTERNAL.
func (s *Server) observe(next http.Handler, who Authenticator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, id: requestID(r), started: s.now(), who: who, method: r.Method, class: classOther}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		h := w.Header()
		h["X-Request-Id"] = []string{x.id}
		h["X-Content-Type-Options"] = nosniff
		h["Referrer-Policy"] = noReferrer
		h["Content-Security-Policy"] = nothing
		s.inFlight.Add(1)
		s.metrics.active.Inc()
		defer func() {
			s.inFlight.Add(-1)
			s.metrics.active.Dec()
			v := recover()
			if v != nil && v != http.ErrAbortHandler {
				s.panicked(x, v)
			}
			x.route = r.Pattern
			s.finish(r.Context(), x)
			if v == http.ErrAbortHandler {
				panic(v) // net/http breaks the connection, and says nothing
			}
		}()
		next.ServeHTTP(x, r)
	})
}

var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"} // pages bring their own
)

func (s *Server) panicked(x *exchange, value any) {
	err := recovered(context.Background(), value)
	s.log.LogAttrs(context.Background(), slog.LevelError, "internal error",
		slog.String("requestId", x.id), slog.String("error", err.Error()))
	x.note(fault.Internal)
	if x.status == 0 {
		failure(http.StatusInternalServerError, fault.Of(err)).write(x, mediaJSON)
	}
}

// finish logs and measures x. Neither variables nor the text of the document are logged.
func (s *Server) finish(ctx context.Context, x *exchange) {
	took := s.now().Sub(x.started)
	code := x.firstCode()
	s.metrics.observe(x.class, x.status, code, took)
	attrs := [10]slog.Attr{
		slog.String("requestId", x.id),
		slog.String("class", string(x.class)),
		slog.String("method", x.method),
		slog.String("route", x.route),
		slog.Int("status", x.status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	n := 6
	add := func(a slog.Attr) { attrs[n] = a; n++ }
	if x.viewer != nil && x.viewer.Principal != "" {
		add(slog.String("principal", pseudonym(x.viewer.Principal)))
	}
	if x.hash != (digest{}) {
		add(slog.String("document", hex.EncodeToString(x.hash[:8])))
		add(slog.Int("cost", x.cost))
	}
	if code != "" {
		add(slog.String("code", string(code)))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs[:n]...)
}

// pseudonym names a principal in logs and Redis keys without saying who it is.
func pseudonym(principal string) string {
	sum := sha256.Sum256([]byte(principal))
	return hex.EncodeToString(sum[:8])
}

// requestID takes the caller's X-Request-Id when it is short and plain, else makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if len(id) == 0 || len(id) > 64 {
		return strconv.FormatUint(rand.Uint64()|1<<63, 16)
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return strconv.FormatUint(rand.Uint64()|1<<63, 16)
		}
	}
	return id
}
