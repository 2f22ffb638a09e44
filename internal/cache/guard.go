package cache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	// Chosen: a dead Redis costs three timeouts, then one every two seconds.
	failuresToOpen = 3
	openFor        = 2 * time.Second
)

// guard keeps a dead or slow Redis from being waited for: every call has a timeout of its own,
// and after a few failures in a row none is made for a while.
type guard struct {
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	timeout time.Duration
}

// newGuard calls changed(false, cause) when Redis is given up and changed(true, nil) when it
// answers again, never twice in a row with the same state.
func newGuard(timeout time.Duration, changed func(up bool, cause error)) *guard {
	var last atomic.Pointer[error]
	return &guard{
		timeout: timeout,
		breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:     openFor,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresToOpen },
			IsSuccessful: func(err error) bool {
				if err == nil || redis.IsOOMError(err) { // a full Redis still answers reads
					return true
				}
				last.Store(&err)
				return false
			},
			IsExcluded: func(err error) bool { return err == errGaveUp },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				switch {
				case from == gobreaker.StateClosed && to == gobreaker.StateOpen:
					changed(false, *last.Load())
				case to == gobreaker.StateClosed:
					changed(true, nil)
				}
			},
		}),
	}
}

// do makes one call to Redis, or none while the breaker is open. Any error but an out-of-memory
// one means that Redis gave no usable answer.
func (g *guard) do(ctx context.Context, call func(context.Context) error) error {
	done, err := g.breaker.Allow()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	err = call(limited)
	if err != nil && ctx.Err() != nil {
		done(errGaveUp)
	} else {
		done(err)
	}
	return err
}

// errGaveUp tells the breaker that the caller left before Redis could show how it is.
var errGaveUp = errors.New("the caller gave up")
