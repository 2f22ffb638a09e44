package database

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// bulkhead bounds what one source can hold of the gateway: calls running and calls waiting.
type bulkhead struct {
	slots   chan struct{}
	slow    chan struct{} // analyst and export calls need one of these too, so that dashboards never wait for all of them
	queue   int64
	wait    time.Duration
	waiting atomic.Int64
	waits   atomic.Int64 // calls that had to wait, for Snapshot
}

var errBulkhead = errors.New("bulkhead is full")

func newBulkhead(cfg Config) *bulkhead {
	return &bulkhead{
		slots: make(chan struct{}, cfg.MaxConns),
		slow:  make(chan struct{}, max(cfg.MaxConns/2, 1)),
		queue: int64(cfg.Queue),
		wait:  cfg.QueueWait,
	}
}

// acquire returns nil, errBulkhead or the context's error. Nil must be followed by release.
func (b *bulkhead) acquire(ctx context.Context, class Budget) error {
	if class != Dashboard {
		if err := b.take(ctx, b.slow); err != nil {
			return err
		}
	}
	err := b.take(ctx, b.slots)
	if err != nil && class != Dashboard {
		<-b.slow
	}
	return err
}

func (b *bulkhead) release(class Budget) {
	<-b.slots
	if class != Dashboard {
		<-b.slow
	}
}

func (b *bulkhead) take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > b.queue {
		return errBulkhead
	}
	b.waits.Add(1)
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errBulkhead
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryBudget keeps retries within a tenth of the calls, with at most ten saved up.
type retryBudget struct{ spent atomic.Int64 }

const (
	retryCost  = 10
	retrySaved = 10 * retryCost
)

// earn is called once a call.
func (r *retryBudget) earn() {
	if spent := r.spent.Load(); spent > 0 {
		r.spent.CompareAndSwap(spent, spent-1) // losing a race costs a tenth of a retry
	}
}

func (r *retryBudget) take() bool {
	if r.spent.Add(retryCost) <= retrySaved {
		return true
	}
	r.spent.Add(-retryCost)
	return false
}
