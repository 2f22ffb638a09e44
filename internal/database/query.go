package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/trace"

	"linhui/internal/trace"
)

// Query is one SELECT.
type Query struct {
	Access Access
	Owners []string // whose rows a Scoped or Writer query may see; at least one. Public has none
	SQL    string   // stable text: it is prepared once a connection. Values belong in Args
	Args   []any
	Class  Budget
	// OnePlan says that one plan serves all Args, as for rows by key. Otherwise PostgreSQL may plan
	// anew each time: 0.3 ms, more than reading a few rows by key takes.
	OnePlan bool
}

// Query sends q and hands its rows to each, which need not close them. It ends at ctx's
// deadline or the class's budget, whichever is first, plus 75 ms at most. Each is called at
// most once; rows it leaves unread are still read from the network, unless ctx is cancelled.
//
// Errors: SOURCE_TIMEOUT, SOURCE_UNAVAILABLE (with "state"), *Violation, or what each returned.
func (d *DB) Query(ctx context.Context, q Query, each func(*sql.Rows) error) error {
	return d.QueryAll(ctx, []Query{q}, func(_ int, rs *sql.Rows) error { return each(rs) })[0]
}

// QueryAll is Query for several of one Access and one Class, which need not see one state of the
// data. Queries of the dashboard class share a connection and a round trip; the others, which may
// run long, run side by side and call each at once, for different i. A query that is refused on
// its merits fails alone; whatever else goes wrong fails all that have no answer yet.
func (d *DB) QueryAll(ctx context.Context, qs []Query, each func(i int, rs *sql.Rows) error) []error {
	errs := make([]error, len(qs))
	if qs[0].Class == Dashboard && !d.cfg.TransactionPooler && (len(qs) > 1 || qs[0].Access != Public || qs[0].OnePlan) {
		d.together(ctx, qs, each, errs)
		return errs
	}
	alone := func(i int) {
		errs[i] = d.alone(ctx, qs[i], func(rs *sql.Rows) error { return each(i, rs) })
	}
	if len(qs) == 1 {
		alone(0)
		return errs
	}
	var wg sync.WaitGroup
	for i := range qs {
		wg.Go(func() { alone(i) })
	}
	wg.Wait()
	return errs
}

// together sends queries in one message, and those behind one that was refused in another.
func (d *DB) together(ctx context.Context, qs []Query, each func(i int, rs *sql.Rows) error, errs []error) {
	t := trip{class: qs[0].Class}
	for i, q := range qs {
		l, err := d.leg(i, q)
		if errs[i] = err; err == nil {
			t.legs = append(t.legs, l)
		}
	}
	stale := 0
	for len(t.legs) > 0 {
		err := d.guarded(ctx, t.class, poolOf(qs[0].Access, t.class), func(p *sqlx.DB) (bool, error) {
			fresh, err := t.run(ctx, p.DB, func(i int, rs *sql.Rows) { errs[i] = each(i, rs) })
			t.legs, t.done = t.legs[t.done:], 0
			return fresh, err
		})
		var plan stalePlan
		switch {
		case err == nil: // and what could not be prepared has a message of its own coming
		case errors.As(err, &plan) && stale < d.cfg.MaxConns:
			stale++ // each connection finds it out by itself
		case refusal(err):
			errs[t.legs[0].i] = err
			t.legs = t.legs[1:]
		default:
			for _, l := range t.legs {
				errs[l.i] = err
			}
			return
		}
	}
}

// alone sends one query in a transaction of its own, where its Access needs one.
func (d *DB) alone(ctx context.Context, q Query, each func(*sql.Rows) error) error {
	begin, err := d.beginning(q.Access, scope{owners: q.Owners, class: q.Class, readOnly: true})
	if err != nil {
		return err
	}
	return d.guarded(ctx, q.Class, poolOf(q.Access, q.Class), func(p *sqlx.DB) (bool, error) {
		if begin == nil {
			rows, err := p.DB.QueryContext(detached{ctx}, q.SQL, q.Args...)
			if err != nil {
				return true, err
			}
			return false, consume(rows, each)
		}
		return d.inTransaction(ctx, p.DB, begin, q, each)
	})
}

func consume(rows *sql.Rows, each func(*sql.Rows) error) error {
	defer rows.Close()
	err := each(rows)
	if lost := rows.Err(); lost != nil {
		return lost // whatever each made of it
	}
	if err != nil {
		return err
	}
	return rows.Close()
}

// inTransaction reads in three round trips: BEGIN with its settings, the statement, COMMIT.
// It holds a sql.Conn because a sql.Tx would start two goroutines. A rollback that fails leaves
// the connection marked open, and the pool drops it.
func (d *DB) inTransaction(ctx context.Context, p *sql.DB, b *beginning, q Query, each func(*sql.Rows) error) (fresh bool, err error) {
	c, err := p.Conn(detached{ctx})
	if err != nil {
		return true, err
	}
	defer c.Close()
	raw := func(do func(*conn) error) error {
		return c.Raw(func(dc any) error { return do(dc.(*conn)) })
	}
	if err := raw(func(c *conn) error { return c.begin(ctx, b.text, b.class) }); err != nil {
		_ = raw((*conn).rollbackUnlessLost)
		return true, err
	}
	rows, err := c.QueryContext(detached{ctx}, q.SQL, q.Args...)
	if err != nil {
		_ = raw((*conn).rollbackUnlessLost)
		return true, err
	}
	if err := consume(rows, each); err != nil {
		_ = raw((*conn).rollbackUnlessLost)
		return false, err
	}
	return false, raw((*conn).commit)
}

// guarded runs do behind the breaker and the bulkhead, and once more when that cannot do
// anything twice. do says whether its error left everything as it was.
func (d *DB) guarded(ctx context.Context, class Budget, key poolKey, do func(*sqlx.DB) (fresh bool, err error)) (err error) {
	p, err := d.pool(key)
	if err != nil {
		return d.unavailable(StateUnavailable, err)
	}
	if err := ctx.Err(); err != nil {
		return d.timeout(err)
	}
	life, ok := d.breaker.allow()
	if !ok {
		d.stats.refused.Add(1)
		return d.unavailable(StateBreakerOpen, nil)
	}
	if err := d.bulkhead.acquire(ctx, class); err != nil {
		d.breaker.done(life, neutral)
		d.stats.refused.Add(1)
		err, _ := d.judge(ctx, class, err)
		return err
	}
	span := traced(ctx, d.cfg.Key)
	start := time.Now()
	result := neutral // what a panic in do leaves behind
	defer func() {
		d.bulkhead.release(class)
		d.stats.observe(time.Since(start), result)
		d.breaker.done(life, result)
		if span != nil {
			trace.End(span, err)
		}
	}()
	d.retries.earn()
	fresh, err := do(p)
	if err != nil && fresh && ctx.Err() == nil && d.mayRetry(err) {
		d.stats.retries.Add(1)
		_, err = do(p)
	}
	err, result = d.judge(ctx, class, err)
	return err
}

// traced begins a part of the trace that ctx belongs to; nil when it belongs to none.
func traced(ctx context.Context, source string) otel.Span {
	if !trace.Traced(ctx) {
		return nil
	}
	_, span := trace.Begin(ctx, "statement", otel.SpanKindClient, attribute.String("db.system.name", "postgresql"), attribute.String("linhui.source", source))
	return span
}

func (d *DB) mayRetry(err error) bool {
	var stale stalePlan
	if errors.As(err, &stale) {
		return true
	}
	return (isConnectError(err) || errors.Is(err, driver.ErrBadConn)) && !isTimeout(err) && d.retries.take()
}
