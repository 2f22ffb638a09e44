package sources

import (
	"context"
	"sync"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/store"
)

// Request is what one operation remembers across its fields.
type Request struct {
	Demand store.Demand
	Budget database.Budget

	mu     sync.Mutex
	failed map[*Source]*fault.Error
}

type requestKey struct{}

// NewContext returns ctx carrying r.
func NewContext(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request in ctx; a fresh one, of the dashboard class, without.
func RequestOf(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}

// failure returns why a source failed earlier in this request. Levels that follow do not
// wait for it a second time.
func (r *Request) failure(src *Source) *fault.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[src]
}

func (r *Request) fail(src *Source, err *fault.Error) {
	if err.Code != fault.SourceTimeout && err.Code != fault.SourceUnavailable || err.Extensions["state"] == database.StateOutdated {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = map[*Source]*fault.Error{}
	}
	r.failed[src] = err
}
