// Package database is one PostgreSQL source as the gateway sees it: pools, deadlines that
// hold on a dead link, a bulkhead, a breaker, and errors that say what the caller may do.
//
// Everything above asks through DB.Query, DB.QueryAll and DB.Write. A call that returns has given its
// connection back; no row, statement or transaction outlives it.
package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Access is the role a statement runs as, which decides what PostgreSQL lets it see.
type Access int

const (
	// Public reads public columns only, of everybody: nothing has to be set for it.
	Public Access = iota
	// Scoped reads every column of the rows that row-level security grants to Owners.
	Scoped
	// Writer changes rows of Owners. As a Query it reads, always from the primary.
	Writer
)

// Role is the PostgreSQL role of an Access; the migrations create it.
func (a Access) Role() string {
	return [...]string{"linhui_public", "linhui_scoped", "linhui_writer"}[a]
}

// Budget is the class of a statement, which decides how long it may run.
type Budget int

const (
	Dashboard Budget = iota
	Analyst
	Export
	budgets
)

// Default is how long a statement of the class may run unless a source is configured otherwise.
func (b Budget) Default() time.Duration {
	return [...]time.Duration{time.Second, 10 * time.Second, time.Minute}[b]
}

// Config describes one source. Zero fields take the default named beside them.
type Config struct {
	Key string // names the source in errors and metrics

	// DSN is the primary. Its user must be granted the three roles of Access, and read
	// access to goose_db_version for Health.
	DSN string
	// Replicas are asked for reads only when the primary cannot be reached, so that a
	// reader sees what was written before. A connection to one is given up after 30 s.
	Replicas []string
	// PublicDSN and WriterDSN replace DSN for that Access. Their users must already be
	// what the Access may be: no role is asked for at connect.
	PublicDSN, WriterDSN string
	// ListenDSN replaces DSN for Listen, which needs a connection past any pooler.
	ListenDSN string
	// TransactionPooler says that a pooler in transaction mode (PgBouncer) stands between:
	// no prepared statements, no startup parameters. Roles and timeouts then go with each
	// transaction, and a Public statement needs one too unless PublicDSN is given (set
	// statement_timeout on that user). []byte arguments travel in binary: send JSON as string.
	TransactionPooler bool

	MaxConns  int           // statements running at once, 8; analyst and export together get half
	Queue     int           // callers waiting for a connection, 128
	QueueWait time.Duration // the longest wait, 500 ms

	Budgets [budgets]time.Duration // by Budget

	BreakerWindow time.Duration // over which calls are counted, 10 s
	BreakerCalls  int           // that many calls before the breaker judges, 10
	BreakerRatio  float64       // share of failures that opens it, 0.5
	BreakerOpen   time.Duration // until one probe is let through, 5 s

	Now func() time.Time // the breaker's clock; time.Now
}

func (c Config) withDefaults() Config {
	c.MaxConns = cmp.Or(c.MaxConns, 8)
	c.Queue = cmp.Or(c.Queue, 128)
	c.QueueWait = cmp.Or(c.QueueWait, 500*time.Millisecond)
	for b := range budgets {
		c.Budgets[b] = cmp.Or(c.Budgets[b], b.Default())
	}
	c.BreakerWindow = cmp.Or(c.BreakerWindow, 10*time.Second)
	c.BreakerCalls = cmp.Or(c.BreakerCalls, 10)
	c.BreakerRatio = cmp.Or(c.BreakerRatio, 0.5)
	c.BreakerOpen = cmp.Or(c.BreakerOpen, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// DB is one source. It is safe for concurrent use.
type DB struct {
	cfg      Config
	primary  pq.Config
	public   pq.Config
	writer   pq.Config
	replicas []pq.Config
	breaker  *breaker
	bulkhead *bulkhead
	retries  retryBudget
	stats    stats

	mu      sync.RWMutex
	pools   map[poolKey]*sqlx.DB
	closed  bool
	closing chan struct{}
	running sync.WaitGroup // Listen calls
}

// poolKey tells pools apart. Only Public pools differ by class: the others set the timeout
// with their transaction. owner is the DSN's own user, for Health.
type poolKey struct {
	access Access
	class  Budget
	owner  bool
}

// Open checks the configuration and dials nothing. An error names the setting at fault and
// never holds a piece of a connection string.
func Open(cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	d := &DB{
		cfg:      cfg,
		breaker:  newBreaker(cfg),
		bulkhead: newBulkhead(cfg),
		pools:    make(map[poolKey]*sqlx.DB),
		closing:  make(chan struct{}),
	}
	var errs []error
	parse := func(setting, dsn string) pq.Config {
		parsed, err := pq.NewConfig(dsn)
		if err != nil || dsn == "" {
			errs = append(errs, fmt.Errorf("source %s: %s is not a connection string (or a PG* environment variable is not supported)", cfg.Key, setting))
		}
		return parsed
	}
	d.primary = parse("DSN", cfg.DSN)
	d.public, d.writer = d.primary, d.primary
	if cfg.PublicDSN != "" {
		d.public = parse("PublicDSN", cfg.PublicDSN)
	}
	if cfg.WriterDSN != "" {
		d.writer = parse("WriterDSN", cfg.WriterDSN)
	}
	if cfg.ListenDSN != "" {
		parse("ListenDSN", cfg.ListenDSN)
	}
	for i, dsn := range cfg.Replicas {
		d.replicas = append(d.replicas, parse(fmt.Sprintf("Replicas[%d]", i), dsn))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// Key names the source.
func (d *DB) Key() string { return d.cfg.Key }

var errClosed = errors.New("database is closed")

// pool opens lazily: a source nobody exports from has no export connections.
func (d *DB) pool(key poolKey) (*sqlx.DB, error) {
	d.mu.RLock()
	p, closed := d.pools[key], d.closed
	d.mu.RUnlock()
	if closed {
		return nil, errClosed
	}
	if p != nil {
		return p, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	if p := d.pools[key]; p != nil {
		return p, nil
	}
	p = sqlx.NewDb(openPool(newConnector(d, key)), "postgres")
	// The bulkhead bounds what is open, and unlike database/sql it honours a deadline while
	// it waits. Fewer idle than running connections cost 10 x the server's CPU under load.
	p.SetMaxOpenConns(0)
	p.SetMaxIdleConns(d.cfg.MaxConns)
	p.SetConnMaxIdleTime(5 * time.Minute) // chosen: five pools a source must not all stay full
	d.pools[key] = p
	return p, nil
}

// Close ends Listen calls and closes every connection. Calls in flight end by themselves.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	close(d.closing)
	pools := d.pools
	d.mu.Unlock()

	d.running.Wait()
	var errs []error
	for _, p := range pools {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// detached hides a context's end from database/sql, which would start a goroutine for it.
// The driver below still sees the context inside: it cancels the statement, and the
// connection's deadline bounds everything else.
type detached struct{ context.Context }

func (detached) Done() <-chan struct{} { return nil }
func (detached) Err() error            { return nil }
