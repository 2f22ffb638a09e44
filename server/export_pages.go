package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/tabular"
)

const (
	// exportShare is the part of their price that pages of an export are charged. Chosen: a
	// hundred thousand rows with two objects each fit into a minute's points, as one dashboard does.
	exportShare = 20
	// exportTries is how often a page that lacks a source is asked for. With the default
	// Timing.ExportRetry they span the pause of a source's breaker.
	exportTries = 4
	filtersNote = "filters"
)

// export is one operation whose rows are read page by page. Every page is an operation of its
// own to everything below: it is priced, admitted, audited and bounded like any other.
type export struct {
	*engine
	base      *operation
	shape     *tabular.Shape
	transport transport
	retry     time.Duration
	title     string // instead of what the document calls it
	opened    *admitted
	begin     *paged // of the first page
	onward    *paged // of the following ones
	top       bool   // first is part of the question: the top ten

	rows    int
	after   *string             // where the next page begins; nil after the last
	notes   []tabular.Note      // of what stands beside the rows
	absent  map[string][]string // communities by why they did not take part
	reasons []string            // what else is missing, each once
}

// prepareExport finds the operation and the shape of its rows.
func (e *engine) prepareExport(ctx context.Context, p *params, t *transport, retry time.Duration) (*export, *answer) {
	op, refused := e.prepare(ctx, p, t)
	exchangeOf(ctx).class = classExport
	if refused != nil {
		return nil, refused
	}
	shape, err := tabular.ShapeOf(e.valid, &op.OperationContext)
	if err != nil {
		return nil, e.refusal(ctx, err)
	}
	x := &export{engine: e, base: op, shape: shape, transport: *t, retry: retry, absent: map[string][]string{}}
	x.transport.share = exportShare
	if err := x.rewrite(ctx); err != nil {
		return nil, e.refusal(ctx, err)
	}
	return x, nil
}

// head is what is known before the first row.
func (x *export) head(ctx context.Context) tabular.Head {
	filters, err := json.Marshal(x.filters())
	if err != nil {
		filters = []byte("null")
	}
	return tabular.Head{Name: x.name(), At: authz.FromContext(ctx).At, Columns: x.shape.Columns,
		Notes: []tabular.Note{{Name: filtersNote, Text: string(filters)}, {Name: "document", Text: x.base.RawQuery}}}
}

func (x *export) name() string {
	if x.title != "" {
		return x.title
	}
	if x.base.Operation.Name != "" {
		return x.base.Operation.Name
	}
	return x.shape.Root.Alias
}

// end is what is known after the last row.
func (x *export) end() tabular.End {
	end := tabular.End{Rows: x.rows, Notes: x.notes, Reasons: x.reasons}
	for why, communities := range x.absent {
		end.Missing = append(end.Missing, communities...)
		end.Reasons = append(end.Reasons, why)
	}
	slices.Sort(end.Missing)
	end.Missing = slices.Compact(end.Missing)
	slices.Sort(end.Reasons)
	end.Reasons = slices.Compact(end.Reasons)
	return end
}

// admitted is an operation that may run.
type admitted struct {
	*operation
	ctx context.Context
}

func (x *export) ready(ctx context.Context, p *paged) (*admitted, *answer) {
	op := p.operation(x.base, x.after)
	ctx, refused := x.admit(ctx, op, &x.transport)
	return &admitted{op, ctx}, refused
}

// open admits the first page without running it.
func (x *export) open(ctx context.Context) (refused *answer) {
	x.opened, refused = x.ready(ctx, x.begin)
	return refused
}

// first reads the first page, or says why the export does not begin.
func (x *export) first(ctx context.Context) (*answer, *answer) {
	a, refused := x.page(ctx, x.begin)
	if refused == nil && x.nothing(a) && len(a.errors) > 0 {
		refused = refusedBy(a.errors...)
	}
	return a, refused
}

// pages hands over the rows of the first page and of all that follow; done is called after each
// page. A page that cannot be had ends the export, incomplete, without an error.
func (x *export) pages(ctx context.Context, a *answer, row func([]tabular.Cell) error, done func() error) error {
	for {
		from := x.rows
		beside, err := x.shape.Read(a.data, func(cells []tabular.Cell) error {
			x.rows++
			return row(cells)
		})
		if err == nil {
			err = x.account(a, beside, x.rows > from)
		}
		if err == nil {
			err = done()
		}
		if err != nil || x.after == nil {
			return err
		}
		var refused *answer
		if a, refused = x.page(ctx, x.onward); ctx.Err() != nil {
			return ctx.Err()
		}
		if refused != nil {
			a = refused
		}
		if refused != nil || x.nothing(a) {
			x.broken(a.errors, 0)
			return nil
		}
	}
}

// nothing reports whether an answer has not even an empty list.
func (x *export) nothing(a *answer) bool {
	return string(a.data) == "null" || string(a.data) == `{"`+x.shape.Root.Alias+`":null}`
}

// page runs one page, again while it lacks something that may come back.
func (x *export) page(ctx context.Context, p *paged) (*answer, *answer) {
	for try := 1; ; {
		op, refused := x.opened, (*answer)(nil)
		if x.opened = nil; op == nil {
			op, refused = x.ready(ctx, p)
		}
		switch {
		case refused == nil:
		case refused.status == http.StatusTooManyRequests && p == x.onward:
			// An export that has begun is slowed by its principal's points, not broken off.
			if !sleep(ctx, refused.retryAfter) {
				return nil, refused
			}
			continue
		default:
			return nil, refused
		}
		a := op.run(op.ctx)
		if try++; try > exportTries || !slices.ContainsFunc(a.errors, retryable) || !sleep(ctx, x.retry) {
			return a, nil
		}
	}
}

func retryable(e *gqlerror.Error) bool { return e.Extensions["retryable"] == true }

// sleep reports whether ctx still lives after d.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// account notes where the next page begins, and what this one lacks. A list catches up: what its
// last page has answered for is whole, because a cursor remembers whose rows were missing. What
// an aggregate lacked once is missing from its figures for good.
func (x *export) account(a *answer, beside map[string][]byte, any bool) error {
	x.after = nil
	if x.shape.Connection == nil {
		x.broken(a.errors, 0)
		return nil
	}
	var info struct {
		HasNextPage bool
		EndCursor   *string
	}
	if err := json.Unmarshal(beside[infoKey], &info); err != nil {
		return err
	}
	above := 0 // errors of the connection itself
	if x.begin.coverage {
		above = 1 // are told by the coverage
		if err := x.cover(beside[coverageKey]); err != nil {
			return err
		}
	}
	x.broken(a.errors, above)
	for _, f := range x.shape.Beside {
		if value, ok := beside[f.(*ast.Field).Alias]; ok {
			x.notes = append(x.notes, tabular.Note{Name: f.(*ast.Field).Alias, Text: string(value)})
		}
	}
	if info.HasNextPage && !x.top && any {
		x.after = info.EndCursor
	}
	return nil
}

// cover notes which communities a page lacks.
func (x *export) cover(raw []byte) error {
	var coverage *struct {
		Sources []struct {
			State       string
			Communities []string
		}
	}
	if err := json.Unmarshal(raw, &coverage); err != nil || coverage == nil {
		return err
	}
	if !x.shape.Aggregate() {
		clear(x.absent)
	}
	for _, s := range coverage.Sources {
		if s.State != "OK" && s.State != "STALE" {
			x.absent[s.State] = append(x.absent[s.State], s.Communities...)
		}
	}
	return nil
}

// broken notes the errors whose path is longer than above.
func (x *export) broken(errs gqlerror.List, above int) {
	for _, e := range errs {
		if len(e.Path) <= above && above > 0 {
			continue
		}
		why := e.Message
		if source, ok := e.Extensions["source"].(string); ok {
			why = source + ": " + why
		}
		if communities, ok := e.Extensions["communities"].([]string); ok {
			x.absent[why] = append(x.absent[why], communities...)
		} else if !slices.Contains(x.reasons, why) {
			x.reasons = append(x.reasons, why)
		}
	}
}

// filters are the arguments of the list, apart from those of paging.
func (x *export) filters() map[string]any {
	args := x.shape.Root.ArgumentMap(x.base.Variables)
	delete(args, "after")
	if !x.top {
		delete(args, "first")
	}
	return args
}

var errBackward = fault.Newf(fault.BadUserInput, "an export is read forward: leave out last and before")
