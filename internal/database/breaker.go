package database

import (
	"sync"
	"time"
)

// outcome is what a call says about the health of its source.
type outcome int

const (
	neutral outcome = iota // nothing: the caller left, or it never reached the source
	alive                  // the source answered, be it with an SQL error
	failing                // no connection, no answer in time, connection lost
)

const breakerSlots = 10 // the window slides in tenths

// breaker stops asking a source that fails. sony/gobreaker takes no clock, so a test could
// only wait; this one counts the same way.
type breaker struct {
	now     func() time.Time
	slot    time.Duration
	calls   int
	ratio   float64
	openFor time.Duration

	mu     sync.Mutex
	slots  [breakerSlots]struct{ tick, calls, failed int64 }
	opened time.Time // zero while closed
	probe  bool      // the one call of the half-open breaker is under way
	life   int       // raised when the breaker opens or closes; calls of an earlier life do not count
}

func newBreaker(cfg Config) *breaker {
	return &breaker{
		now:     cfg.Now,
		slot:    max(cfg.BreakerWindow/breakerSlots, 1),
		calls:   cfg.BreakerCalls,
		ratio:   cfg.BreakerRatio,
		openFor: cfg.BreakerOpen,
	}
}

// allow says whether the source may be asked. Every life it grants must come back by done.
func (b *breaker) allow() (life int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.IsZero() {
		return b.life, true
	}
	if b.probe || b.now().Sub(b.opened) < b.openFor {
		return 0, false
	}
	b.probe = true
	return b.life, true
}

func (b *breaker) done(life int, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if life != b.life {
		return
	}
	if b.probe {
		b.probe = false
		switch o {
		case alive:
			b.turn(time.Time{})
		case failing:
			b.turn(b.now())
		}
		return
	}
	if o == neutral {
		return
	}
	now := b.now()
	tick := now.UnixNano() / int64(b.slot)
	s := &b.slots[tick%breakerSlots]
	if s.tick != tick {
		s.tick, s.calls, s.failed = tick, 0, 0
	}
	s.calls++
	if o != failing {
		return
	}
	s.failed++
	var calls, failed int64
	for _, s := range b.slots {
		if tick-s.tick < breakerSlots {
			calls, failed = calls+s.calls, failed+s.failed
		}
	}
	if calls >= int64(b.calls) && float64(failed) >= b.ratio*float64(calls) {
		b.turn(now)
	}
}

// turn opens the breaker at a moment, or closes it with the zero time.
func (b *breaker) turn(opened time.Time) {
	b.opened = opened
	b.life++
	clear(b.slots[:])
}

// state is CLOSED, OPEN or HALF_OPEN (the next call is the probe, or it is under way).
func (b *breaker) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.opened.IsZero():
		return "CLOSED"
	case b.now().Sub(b.opened) < b.openFor:
		return "OPEN"
	}
	return "HALF_OPEN"
}
