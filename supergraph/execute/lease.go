package execute

import (
	"context"
	"sync"
	"sync/atomic"
)

// Lease is memory for the data of one answer, which a handler gives back when the answer has been
// sent. Answers are large, and otherwise most of what the collector has to do.
type Lease struct {
	bytes []byte
	taken atomic.Bool
}

type leaseKey struct{}

var leases = sync.Pool{New: func() any { return new(Lease) }}

// leaseKept is the largest that is used again; chosen.
const leaseKept = 512 << 10

// WithLease returns ctx with memory for one answer. End gives it back: call it when nobody reads
// the answer any more, and not at all for contexts of several answers.
func WithLease(ctx context.Context) (context.Context, *Lease) {
	l := leases.Get().(*Lease)
	return context.WithValue(ctx, leaseKey{}, l), l
}

// End gives the memory back.
func (l *Lease) End() {
	if cap(l.bytes) > leaseKept {
		l.bytes = nil
	}
	l.taken.Store(false)
	leases.Put(l)
}

// lease returns the memory that ctx has, once.
func lease(ctx context.Context) *Lease {
	if l, ok := ctx.Value(leaseKey{}).(*Lease); ok && l.taken.CompareAndSwap(false, true) {
		return l
	}
	return nil
}
