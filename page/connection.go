package page

import (
	"context"
	"time"

	"linhui/internal/fault"
)

const (
	// DefaultSize is a page without first or last. Chosen: a screenful.
	DefaultSize = 50
	// MaxSize bounds first and last. Chosen: one round trip stays below 1 MB of rows.
	MaxSize = 200
)

// Args are the paging arguments of a connection field.
type Args struct {
	First, Last   *int
	After, Before *string
}

// Window is a checked Args: a size, a direction and the cursor to go on from, "" at the
// list's end that the direction starts from.
type Window struct {
	Size     int
	Backward bool
	Cursor   string
}

// Window checks the arguments: first with after, or last with before, 1 to MaxSize.
func (a Args) Window() (Window, error) {
	if a.First != nil && a.Last != nil {
		return Window{}, fault.Newf(fault.BadUserInput, "give first or last, not both").At("last")
	}
	if a.Last != nil {
		if a.After != nil {
			return Window{}, fault.Newf(fault.BadUserInput, "last goes with before, first with after").At("after")
		}
		return window(*a.Last, true, a.Before, "last")
	}
	if a.Before != nil {
		return Window{}, fault.Newf(fault.BadUserInput, "before goes with last, after with first").At("before")
	}
	size := DefaultSize
	if a.First != nil {
		size = *a.First
	}
	return window(size, false, a.After, "first")
}

func window(size int, backward bool, cursor *string, arg string) (Window, error) {
	if size < 1 || size > MaxSize {
		return Window{}, fault.Newf(fault.BadUserInput, "%s must be from 1 to %d", arg, MaxSize).At(arg)
	}
	w := Window{Size: size, Backward: backward}
	if cursor != nil {
		w.Cursor = *cursor
	}
	return w, nil
}

// Connection is one page of a list. Rows are in the list's order whichever way it was paged.
type Connection[T any] struct {
	rows     []*T
	info     Info
	coverage *Coverage
	cursor   func(i int) string
	count    func(ctx context.Context) (int, error)
}

// Info says whether there is more on either side.
type Info struct {
	HasNext, HasPrevious bool
	// Start and End are the cursors of a page without rows that is not the list's end: the
	// one that reading is to go on from once the missing sources answer. nil otherwise.
	Start, End *string
}

// NewConnection makes a page. cursor seals the place of row i and is called only for
// cursors that were asked for; count answers totalCount and may be nil.
func NewConnection[T any](rows []*T, info Info, coverage *Coverage, cursor func(i int) string, count func(context.Context) (int, error)) *Connection[T] {
	return &Connection[T]{rows: rows, info: info, coverage: coverage, cursor: cursor, count: count}
}

// Converted is the same page with its rows shown another way, one for each.
func Converted[T, U any](c *Connection[T], rows []*U) *Connection[U] {
	return &Connection[U]{rows: rows, info: c.info, coverage: c.coverage, cursor: c.cursor, count: c.count}
}

// Edge is a row with its cursor.
type Edge[T any] struct {
	Node *T
	conn *Connection[T]
	at   int
}

func (e *Edge[T]) Cursor() string { return e.conn.cursor(e.at) }

func (c *Connection[T]) Nodes() []*T { return c.rows }

func (c *Connection[T]) Edges() []Edge[T] {
	edges := make([]Edge[T], len(c.rows))
	for i, r := range c.rows {
		edges[i] = Edge[T]{Node: r, conn: c, at: i}
	}
	return edges
}

func (c *Connection[T]) Coverage() *Coverage { return c.coverage }

// TotalCount is the number of rows on all pages; nil when a source that holds some of them
// did not answer.
func (c *Connection[T]) TotalCount(ctx context.Context) (*int, error) {
	if c.count == nil || !c.coverage.Complete() {
		return nil, nil
	}
	n, err := c.count(ctx)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// PageInfo is the Relay page information of a connection.
type PageInfo struct {
	HasNextPage, HasPreviousPage bool
	size                         int
	cursor                       func(int) string
	info                         Info
}

func (c *Connection[T]) PageInfo() *PageInfo {
	return &PageInfo{c.info.HasNext, c.info.HasPrevious, len(c.rows), c.cursor, c.info}
}

func (p *PageInfo) StartCursor() *string { return p.at(0, p.info.Start) }
func (p *PageInfo) EndCursor() *string   { return p.at(p.size-1, p.info.End) }

func (p *PageInfo) at(i int, empty *string) *string {
	if p.size == 0 {
		return empty
	}
	s := p.cursor(i)
	return &s
}

// SourceState is how a source took part in an answer.
type SourceState string

const (
	OK          SourceState = "OK"
	Stale       SourceState = "STALE"
	Timeout     SourceState = "TIMEOUT"
	Unavailable SourceState = "UNAVAILABLE"
	BreakerOpen SourceState = "BREAKER_OPEN"
	Forbidden   SourceState = "FORBIDDEN"
	Skipped     SourceState = "SKIPPED"
)

// SourceCoverage is the part of one source, or of the owners the viewer may not see
// (FORBIDDEN) or that nobody holds (SKIPPED).
type SourceCoverage struct {
	Key         string
	State       SourceState
	AsOf        *time.Time
	LatencyMs   int
	ErrorCode   *string
	Communities []string
}

// Coverage says which owners an answer needed and which of them answered.
type Coverage struct {
	Sources []SourceCoverage // in source order
}

func (c *Coverage) count(in func(SourceState) bool) int {
	n := 0
	for _, s := range c.Sources {
		if in(s.State) {
			n += len(s.Communities)
		}
	}
	return n
}

func (c *Coverage) Requested() int { return c.count(func(SourceState) bool { return true }) }
func (c *Coverage) Answered() int {
	return c.count(func(s SourceState) bool { return s == OK || s == Stale })
}
func (c *Coverage) Stale() int { return c.count(func(s SourceState) bool { return s == Stale }) }

// Complete reports whether every requested owner answered, fresh. A nil coverage is of an
// answer that needed no source.
func (c *Coverage) Complete() bool {
	if c == nil {
		return true
	}
	for _, s := range c.Sources {
		if s.State != OK {
			return false
		}
	}
	return true
}

// Each hands the rows over one by one, for what is generic over row types.
func (c *Connection[T]) Each(yield func(row any)) {
	for _, r := range c.rows {
		yield(r)
	}
}
