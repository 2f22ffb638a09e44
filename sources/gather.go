package sources

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/store"
)

// Part is one source's share of an answer.
type Part[T any] struct {
	Source  *Source  // nil: no source is known to hold the owners
	Owners  []string // what it was asked about, sorted
	Value   T
	Err     *fault.Error
	AsOf    time.Time // when it answered
	Latency time.Duration
	State   page.SourceState
}

// Question is what is asked of every source that holds one of the owners, by way of db.
type Question[T any] struct {
	Owners []string
	Ask    func(ctx context.Context, src *Source, db store.Source, owners []string) (T, error)
}

// Gather asks every source that holds one of the owners, all at once, each within the
// request's budget, and returns their parts in source order. A source that failed earlier in
// this request is not waited for again.
func Gather[T any](ctx context.Context, s *Sources, owners []string, ask func(ctx context.Context, src *Source, owners []string) (T, error)) []Part[T] {
	return gather(ctx, s, RequestOf(ctx).Budget, owners, ask)
}

// gather is Gather within the budget of a class.
func gather[T any](ctx context.Context, s *Sources, class database.Budget, owners []string, ask func(ctx context.Context, src *Source, owners []string) (T, error)) []Part[T] {
	return gatherAll(ctx, s, class, []Question[T]{{owners, func(ctx context.Context, src *Source, _ store.Source, owners []string) (T, error) {
		return ask(ctx, src, owners)
	}}})[0]
}

// GatherAll is Gather for several questions, whose statements a source gets together: the first
// ones of all, then the second ones of those that have one. The parts stand by question.
func GatherAll[T any](ctx context.Context, s *Sources, questions []Question[T]) [][]Part[T] {
	return gatherAll(ctx, s, RequestOf(ctx).Budget, questions)
}

// gatherAll is the only place that fans out.
func gatherAll[T any](ctx context.Context, s *Sources, class database.Budget, questions []Question[T]) [][]Part[T] {
	st := s.state.Load()
	req := RequestOf(ctx)
	budget := s.budget(class)
	all := make([][]Part[T], len(questions))
	bySource := map[*Source][]step{}
	for i, q := range questions {
		all[i] = prune[T](st, q.Owners)
		for j := range all[i] {
			p := &all[i][j]
			if p.Source == nil {
				p.fail(noSource)
				p.State = page.Skipped
			} else if err := req.failure(p.Source); err != nil {
				p.fail(err)
			} else {
				bySource[p.Source] = append(bySource[p.Source], func(ctx context.Context, db store.Source) {
					p.ask(ctx, s.opt.Now, func(ctx context.Context) (T, error) { return q.Ask(ctx, p.Source, db, p.Owners) })
					if p.Err != nil {
						req.fail(p.Source, p.Err)
					}
				})
			}
		}
	}
	if len(bySource) == 0 {
		return all
	}
	if class == database.Dashboard {
		if !s.lanes.enter(ctx) {
			for i := range all {
				for j := range all[i] {
					if p := &all[i][j]; p.Err == nil {
						p.fail(errCrowded)
					}
				}
			}
			return all
		}
		defer s.lanes.leave()
	}
	var wg sync.WaitGroup
	left := len(bySource)
	for src, asks := range bySource {
		run := func() {
			ctx, cancel := context.WithTimeout(ctx, budget)
			defer cancel()
			inStep(ctx, src.DB, asks)
		}
		if left--; left == 0 {
			run() // the last one needs no goroutine of its own
		} else {
			wg.Go(run)
		}
	}
	wg.Wait()
	return all
}

var noSource = fault.Newf(fault.SourceUnavailable, "no source is known to hold these communities")

// prune groups owners by the source that holds them.
func prune[T any](st *state, owners []string) []Part[T] {
	var parts []Part[T]
	at := map[*Source]int{}
	for _, o := range owners {
		src := st.holder[o]
		i, ok := at[src]
		if !ok {
			i = len(parts)
			at[src] = i
			parts = append(parts, Part[T]{Source: src})
		}
		parts[i].Owners = append(parts[i].Owners, o)
	}
	rank := func(src *Source) int {
		if src == nil {
			return len(st.order)
		}
		return st.order[src]
	}
	slices.SortFunc(parts, func(a, b Part[T]) int { return cmp.Compare(rank(a.Source), rank(b.Source)) })
	return parts
}

func (p *Part[T]) ask(ctx context.Context, now func() time.Time, do func(context.Context) (T, error)) {
	begin := now()
	v, err := guarded(ctx, do)
	p.AsOf = now()
	p.Latency = p.AsOf.Sub(begin)
	if err != nil {
		p.fail(fault.Of(err))
		return
	}
	p.Value, p.State = v, page.OK
}

// guarded turns a panic into an error: it happens on a goroutine of ours, where nobody else
// would catch it.
func guarded[T any](ctx context.Context, do func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do(ctx)
}

// itself reports whether an error is the source's own failure, which costs its rows, and not
// the caller's mistake, which every source would answer alike.
func itself(err *fault.Error) bool { return err.Code.Retryable() || err.Code == fault.Internal }

func (p *Part[T]) fail(err *fault.Error) {
	p.Err = err
	switch {
	case err.Code == fault.SourceTimeout:
		p.State = page.Timeout
	case err.Extensions["state"] == database.StateBreakerOpen:
		p.State = page.BreakerOpen
	default:
		p.State = page.Unavailable
	}
}

// Named is the part's error as it concerns one owner: it says which source and community.
func (p *Part[T]) Named(owner string) error {
	return p.named([]string{owner})
}

func (p *Part[T]) named(owners []string) *fault.Error {
	err := p.Err
	if !itself(err) {
		return err
	}
	if p.Source != nil {
		err = err.With("source", p.Source.Key)
	}
	return err.With("communities", owners)
}

// askAll asks every source, in source order, for something that is not about owners.
func askAll[T any](ctx context.Context, s *Sources, do func(context.Context, *Source) (T, error)) []Part[T] {
	parts := make([]Part[T], len(s.opt.Sources))
	var wg sync.WaitGroup
	for i, src := range s.opt.Sources {
		parts[i].Source = src
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.budget(database.Dashboard))
			defer cancel()
			parts[i].ask(ctx, s.opt.Now, func(ctx context.Context) (T, error) { return do(ctx, src) })
		})
	}
	wg.Wait()
	return parts
}

// Coverage says which owners the parts answered for, and which were forbidden.
func Coverage[T any](parts []Part[T], forbidden []string) *page.Coverage {
	c := &page.Coverage{Sources: make([]page.SourceCoverage, 0, len(parts)+1)}
	for i := range parts {
		c.Sources = append(c.Sources, parts[i].coverage(parts[i].Owners))
	}
	if len(forbidden) > 0 {
		code := string(fault.Forbidden)
		c.Sources = append(c.Sources, page.SourceCoverage{State: page.Forbidden, ErrorCode: &code, Communities: forbidden})
	}
	return c
}

func (p *Part[T]) coverage(owners []string) page.SourceCoverage {
	c := page.SourceCoverage{State: p.State, LatencyMs: int(p.Latency.Milliseconds()), Communities: owners}
	if p.Source != nil {
		c.Key = p.Source.Key
	}
	if p.State == page.OK || p.State == page.Stale {
		c.AsOf = &p.AsOf
	}
	if p.Err != nil {
		code := string(p.Err.Code)
		c.ErrorCode = &code
	}
	return c
}

// Partial is returned beside an answer that lacks some sources: the caller reports its
// faults and keeps the answer.
type Partial struct{ Faults []*fault.Error }

func (p *Partial) Error() string { return "the answer lacks some sources" }

// Settle judges the parts by the caller's policy: nil when all answered; a *Partial when
// the answer stands without some; an error when it does not: every source failed, an
// essential one did, or abort was asked for. Errors that are the caller's own fault (a bad
// cursor, a bad filter) fail the answer as they are.
func Settle[T any](parts []Part[T], forbidden []string, abort bool) error {
	var faults []*fault.Error
	var essential *fault.Error
	answered := 0
	for i := range parts {
		p := &parts[i]
		if p.Err == nil {
			answered++
			continue
		}
		if !itself(p.Err) {
			return p.Err
		}
		faults = append(faults, p.named(p.Owners))
		if p.Source != nil && p.Source.Essential && essential == nil {
			essential = faults[len(faults)-1]
		}
	}
	if len(forbidden) > 0 {
		faults = append(faults, OutOfScope(forbidden...))
	}
	switch {
	case len(faults) == 0:
		return nil
	case essential != nil:
		return essential
	case abort || answered == 0 && len(parts) > 0:
		return faults[0]
	}
	return &Partial{Faults: faults}
}

// OutOfScope refuses what is about owners that the viewer's token does not cover.
func OutOfScope(owners ...string) *fault.Error {
	return fault.Newf(fault.Forbidden, "some communities lie outside your scope; ask an administrator for a token that covers them").With("communities", owners)
}

// CoverageOf is the part's coverage as it concerns one owner.
func (p *Part[T]) CoverageOf(owner string) *page.Coverage {
	return &page.Coverage{Sources: []page.SourceCoverage{p.coverage([]string{owner})}}
}

// CoverageOf is the coverage of an answer about one owner that its source gave.
func CoverageOf(src *Source, owner string, asOf time.Time) *page.Coverage {
	p := Part[struct{}]{Source: src, AsOf: asOf, State: page.OK}
	return &page.Coverage{Sources: []page.SourceCoverage{p.coverage([]string{owner})}}
}
