package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/lib/pq"

	"linhui/internal/fault"
)

// Values of the "state" extension that say why a source is SOURCE_UNAVAILABLE.
const (
	StateBreakerOpen   = "BREAKER_OPEN"
	StateBulkhead      = "BULKHEAD"
	StateUnavailable   = "UNAVAILABLE"
	StateOutdated      = "OUTDATED"       // its schema lacks what the statement names; other statements are answered
	StateCommitUnknown = "COMMIT_UNKNOWN" // the write may have happened: repeat it with its idempotency key
)

// Violation is a statement that the server refused on its merits: a broken constraint (class
// 23), a rule raised by a trigger (P0001), a right not held (42501), malformed data (22). The
// store translates it by SQLState and Constraint. It is no *fault.Error, so what nobody
// translates reaches people as INTERNAL and its text reaches the log only.
type Violation struct {
	SQLState   string
	Constraint string
	Table      string
	Column     string
	Message    string // the server's words: for the log, and for P0001 a name the trigger chose
	Cause      error
}

func (v *Violation) Error() string { return "SQLSTATE " + v.SQLState + ": " + v.Message }
func (v *Violation) Unwrap() error { return v.Cause }

// ViolationOf returns the Violation in err's chain, or the one that the server's raw error is,
// as DB.Write's callback meets it; nil when there is neither.
func ViolationOf(err error) *Violation {
	var v *Violation
	var server *pq.Error
	if !errors.As(err, &v) && errors.As(err, &server) {
		v = violation(server, err)
	}
	return v
}

func violation(server *pq.Error, cause error) *Violation {
	return &Violation{
		SQLState: string(server.Code), Constraint: server.Constraint, Table: server.Table,
		Column: server.Column, Message: server.Message, Cause: cause,
	}
}

func (d *DB) unavailable(state string, cause error) error {
	return fault.Newf(fault.SourceUnavailable, "source %s is not available", d.cfg.Key).
		With("source", d.cfg.Key).With("state", state).Because(cause)
}

func (d *DB) timeout(cause error) error {
	return fault.Newf(fault.SourceTimeout, "source %s did not answer in time", d.cfg.Key).
		With("source", d.cfg.Key).Because(cause)
}

// judge turns what a call ended with into what its caller sees and what the breaker learns.
// A *fault.Error, or what comes neither from the driver nor from the server, is the callback's
// own and passes unchanged.
func (d *DB) judge(ctx context.Context, class Budget, err error) (error, outcome) {
	var (
		own    *fault.Error
		lost   commitUnknown
		server *pq.Error
	)
	switch {
	case err == nil:
		return nil, alive
	case errors.As(err, &own):
		return err, alive
	case errors.As(err, &lost):
		return d.unavailable(StateCommitUnknown, err), failing
	case errors.As(err, &server):
		return d.judgeServer(ctx, class, server, err)
	case errors.Is(err, errBulkhead):
		return d.unavailable(StateBulkhead, err), neutral
	case errors.Is(err, errClosed), errors.Is(err, errBehindPooler):
		return d.unavailable(StateUnavailable, err), neutral
	case errors.Is(ctx.Err(), context.Canceled) && (isLinkError(err) || errors.Is(err, context.Canceled)):
		return d.timeout(errors.Join(ctx.Err(), err)), neutral
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil, isTimeout(err):
		return d.timeout(err), failing
	case isLinkError(err):
		return d.unavailable(StateUnavailable, err), failing
	}
	return err, alive
}

func (d *DB) judgeServer(ctx context.Context, class Budget, server *pq.Error, err error) (error, outcome) {
	state := string(server.Code)
	switch {
	case state == "57014" && errors.Is(ctx.Err(), context.Canceled):
		return d.timeout(errors.Join(ctx.Err(), err)), neutral
	case state == "57014" && class != Dashboard:
		// A statement of somebody's own making was too much. The source itself answers.
		return d.timeout(err), neutral
	case state == "57014":
		return d.timeout(err), failing
	case state == "55P03": // lock_not_available
		return d.timeout(err), alive
	case state == "40001", state == "40P01":
		return fault.Newf(fault.Conflict, "somebody else changed the same data at the same moment; try again").
			With("source", d.cfg.Key).Because(err), alive
	case isOutdated(state):
		return fault.Newf(fault.SourceUnavailable, "source %s has not the schema that this is answered from; run linhui migrate", d.cfg.Key).
			With("source", d.cfg.Key).With("state", StateOutdated).Because(err), alive
	case isConnectError(err), unavailableClass(state), state == "25006": // the primary has become a standby
		return d.unavailable(StateUnavailable, err), failing
	}
	return violation(server, err), alive
}

// unavailableClass holds for connection exceptions, insufficient resources, operator
// intervention and system errors.
func unavailableClass(state string) bool {
	return len(state) == 5 && slices.Contains([]string{"08", "53", "57", "58"}, state[:2])
}

// isOutdated holds for a table, column, function or other object that is not there: statements are
// texts of the program, so the schema is of another version.
func isOutdated(state string) bool {
	return slices.Contains([]string{"42P01", "42703", "42883", "42704"}, state)
}

func isConnectError(err error) bool {
	var c connectError
	return errors.As(err, &c)
}

// isStalePlan recognises a statement prepared before the schema changed (0A000), or one that
// the server no longer knows (26000).
func isStalePlan(err error) bool {
	var server *pq.Error
	return refusedWith(err, "26000") || errors.As(err, &server) && server.Code == "0A000" && server.Routine == "RevalidateCachedQuery"
}

func refusedWith(err error, state string) bool {
	var server *pq.Error
	return errors.As(err, &server) && string(server.Code) == state
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// isLinkError recognises a connection that could not be made or was lost.
func isLinkError(err error) bool {
	var op *net.OpError
	return isConnectError(err) || errors.As(err, &op) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
