package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// maxStatements a connection keeps prepared. Chosen: well above the statements of the
	// schema; a client cannot add to them since arguments are never part of the text.
	maxStatements = 512
	replicaLife   = 30 * time.Second
)

// connector opens the connections of one pool.
type connector struct {
	db      *DB
	key     poolKey
	targets []pq.Config  // in the order they are tried
	epoch   atomic.Int64 // raised when a link is lost: older idle connections are suspect
}

func openPool(c *connector) *sql.DB { return sql.OpenDB(c) }

func newConnector(d *DB, key poolKey) *connector {
	c := &connector{db: d, key: key}
	base, ownLogin := d.primary, false
	switch {
	case key.owner:
	case key.access == Public:
		base, ownLogin = d.public, d.cfg.PublicDSN != ""
	case key.access == Writer:
		base, ownLogin = d.writer, d.cfg.WriterDSN != ""
	}
	c.targets = append(c.targets, c.target(base, ownLogin))
	if key.access != Writer && !key.owner {
		for _, replica := range d.replicas {
			c.targets = append(c.targets, c.target(replica, false))
		}
	}
	return c
}

// target adds what this pool asks of every session at connect, unless a pooler would refuse it.
func (c *connector) target(base pq.Config, ownLogin bool) pq.Config {
	cfg := base.Clone()
	cfg.ConnectTimeout = 0 // the link's deadline is stricter, and lib/pq would clear it
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "linhui"
	}
	if c.db.cfg.TransactionPooler {
		cfg.BinaryParameters = true // parse, bind and execute in one message group
		return cfg
	}
	if !ownLogin && !c.key.owner {
		cfg.Options = strings.TrimSpace(cfg.Options + " -c role=" + c.key.access.Role())
	}
	if c.key.access == Scoped {
		cfg.Runtime["default_transaction_read_only"] = "on"
	}
	cfg.Runtime["statement_timeout"] = milliseconds(c.db.cfg.Budgets[c.key.class])
	// A cancellation can reach the server between two messages and be forgotten: then it notices
	// within a second that the connection is gone. PostgreSQL knows the setting since 14.
	cfg.Runtime["client_connection_check_interval"] = "500"
	cfg.Runtime["idle_in_transaction_session_timeout"] = milliseconds(c.db.cfg.Budgets[Analyst])
	return cfg
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// connectError marks a failure before anything was asked: trying again cannot do a thing twice.
type connectError struct{ error }

func (e connectError) Unwrap() error { return e.error }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx = attached(ctx)
	until := deadline(ctx, c.db.cfg.Budgets[c.key.class])
	hosts := 0
	for _, t := range c.targets {
		hosts += 1 + len(t.Multi)
	}
	var errs []error
	for i, target := range c.targets {
		d := &dialer{hosts: hosts, until: until}
		connector, err := pq.NewConnectorConfig(target)
		if err != nil {
			return nil, connectError{err}
		}
		connector.Dialer(d)
		pc, err := connector.Connect(ctx)
		hosts = d.hosts
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.open = true
		d.session.onLoss = func() { c.epoch.Add(1) }
		cn := &conn{Conn: pc, connector: c, link: d.session, epoch: c.epoch.Load(), class: c.key.class}
		if i > 0 {
			cn.retire = time.Now().Add(replicaLife)
		}
		return cn, nil
	}
	return nil, connectError{errors.Join(errs...)}
}

func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// conn is a lib/pq connection with a deadline on every call and its statements prepared.
// database/sql's own prepared statements search a list of connections under a lock instead.
type conn struct {
	driver.Conn
	connector *connector
	link      *link
	epoch     int64
	retire    time.Time // when a connection to a replica is given up; zero is never
	class     Budget
	stmts     map[string]driver.Stmt
	names     map[string]name // of statements that trips use, by their text
	prepares  int             // names given so far
	open      bool            // a transaction is open: the connection must not go back to the pool
}

// attached undoes detached.
func attached(ctx context.Context) context.Context {
	if d, ok := ctx.(detached); ok {
		return d.Context
	}
	return ctx
}

// deadline is the last moment at which an answer is awaited.
func deadline(ctx context.Context, budget time.Duration) time.Time {
	until := time.Now().Add(budget)
	if asked, ok := ctx.Deadline(); ok && asked.Before(until) {
		until = asked
	}
	return until.Add(slack)
}

// arm bounds what follows. It fails when the caller has left: lib/pq would break this connection
// off, and database/sql try the next one.
func (c *conn) arm(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.link.arm(deadline(ctx, c.connector.db.cfg.Budgets[c.class]))
	return nil
}

// prepared returns the statement for text, preparing it on first use.
func (c *conn) prepared(ctx context.Context, text string) (driver.Stmt, error) {
	if s := c.stmts[text]; s != nil {
		return s, nil
	}
	if c.stmts == nil {
		c.stmts = make(map[string]driver.Stmt)
	}
	if len(c.stmts) >= maxStatements {
		for old := range c.stmts {
			if err := c.forget(old); err != nil {
				return nil, err
			}
			break
		}
	}
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err == nil {
		c.stmts[text] = s
	}
	return s, err
}

func (c *conn) forget(text string) error {
	s := c.stmts[text]
	delete(c.stmts, text)
	return s.Close()
}

func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	ctx = attached(ctx)
	if len(args) == 1 {
		if t, ok := args[0].Value.(*trip); ok {
			return c.travel(ctx, t)
		}
	}
	if err := c.arm(ctx); err != nil {
		return nil, err
	}
	c.connector.db.stats.count(ctx, c.connector.db.cfg.Key)
	if c.connector.db.cfg.TransactionPooler {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
	}
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, args)
	return rows, c.checkPlan(text, err)
}

func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	ctx = attached(ctx)
	if err := c.arm(ctx); err != nil {
		return nil, err
	}
	c.connector.db.stats.count(ctx, c.connector.db.cfg.Key)
	if c.connector.db.cfg.TransactionPooler || len(args) == 0 {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
	}
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	result, err := s.(driver.StmtExecContext).ExecContext(ctx, args)
	return result, c.checkPlan(text, err)
}

// stalePlan wraps the server's refusal of a statement that was prepared before a migration.
type stalePlan struct{ error }

func (e stalePlan) Unwrap() error { return e.error }

func (c *conn) checkPlan(text string, err error) error {
	if err == nil || !isStalePlan(err) {
		return err
	}
	_ = c.forget(text) // fails only with the connection
	return stalePlan{err}
}

// begin opens a transaction with its settings in one round trip.
func (c *conn) begin(ctx context.Context, text string, class Budget) error {
	c.class = class
	if err := c.arm(ctx); err != nil {
		return err
	}
	c.open = true
	_, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return err
}

// commit and rollback ask lib/pq, which knows a failed transaction: there COMMIT succeeds as a
// ROLLBACK. The caller's cancellation no longer counts, nobody knows what half a COMMIT did.
func (c *conn) commit() error {
	_ = c.arm(context.Background()) // which never ends
	err := c.Conn.(driver.Tx).Commit()
	c.open = err != nil && !errors.Is(err, pq.ErrInFailedTransaction)
	return err
}

func (c *conn) rollback() error {
	_ = c.arm(context.Background()) // which never ends
	err := c.Conn.(driver.Tx).Rollback()
	c.open = err != nil
	return err
}

// BeginTx takes the text of the transaction from ctx; see DB.Write.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	b, ok := ctx.Value(beginKey{}).(*beginning)
	if !ok {
		return nil, errors.New("a transaction is begun by DB.Write only")
	}
	if err := c.begin(attached(ctx), b.text, b.class); err != nil {
		_ = c.rollbackUnlessLost()
		return nil, err
	}
	return tx{c}, nil
}

func (c *conn) rollbackUnlessLost() error {
	if !c.open || c.link.failed.Load() {
		return nil
	}
	return c.rollback()
}

type tx struct{ c *conn }

func (t tx) Commit() error   { return t.c.commit() }
func (t tx) Rollback() error { return t.c.rollback() }

// Prepare and PrepareContext serve database/sql's explicit statements, which inside a
// transaction are this connection's cached ones under another name.
func (c *conn) Prepare(text string) (driver.Stmt, error) { return statement{c, text}, nil }

func (c *conn) PrepareContext(_ context.Context, text string) (driver.Stmt, error) {
	return statement{c, text}, nil
}

type statement struct {
	c    *conn
	text string
}

func (s statement) Close() error  { return nil }
func (s statement) NumInput() int { return -1 }

func (s statement) Exec([]driver.Value) (driver.Result, error) {
	return nil, driver.ErrSkip // database/sql calls ExecContext
}

func (s statement) Query([]driver.Value) (driver.Rows, error) {
	return nil, driver.ErrSkip // database/sql calls QueryContext
}

func (s statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.c.ExecContext(ctx, s.text, args)
}

func (s statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.QueryContext(ctx, s.text, args)
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if _, ok := v.Value.(*trip); ok {
		return nil
	}
	return c.Conn.(driver.NamedValueChecker).CheckNamedValue(v)
}

func (c *conn) IsValid() bool {
	return !c.open && !c.link.failed.Load() && c.epoch == c.connector.epoch.Load() &&
		(c.retire.IsZero() || time.Now().Before(c.retire)) && c.Conn.(driver.Validator).IsValid()
}

func (c *conn) ResetSession(ctx context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c *conn) Close() error {
	c.link.arm(time.Now().Add(slack)) // a farewell must not block on a dead link
	_ = c.Conn.Close()                // and whether one was heard is nobody's business
	return nil
}
