package database

import (
	"context"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"linhui/internal/fault"
)

// Scope is what a transaction may touch, and on whose behalf.
type Scope struct {
	Owners    []string // communities or divisions; at least one
	Principal string   // who, for audit triggers: current_setting('linhui.principal'); may be empty
	Class     Budget   // bounds each statement, not the transaction
}

// Write runs fn in one transaction as linhui_writer and commits it if fn returns nil. After a
// serialization failure, a deadlock or a change of schema fn runs once more, from the start, in
// a new transaction: it must not leave traces outside. What the server refuses reaches fn as
// lib/pq's error, which ViolationOf reads. Rows must be closed before fn returns.
//
// Errors: as Query, and CONFLICT when the second attempt collided too. A connection lost while
// committing is SOURCE_UNAVAILABLE with state COMMIT_UNKNOWN.
func (d *DB) Write(ctx context.Context, s Scope, fn func(context.Context, *sqlx.Tx) error) error {
	begin, err := d.beginning(Writer, scope{owners: s.Owners, principal: s.Principal, class: s.Class})
	if err != nil {
		return err
	}
	return d.guarded(ctx, s.Class, poolOf(Writer, s.Class), func(p *sqlx.DB) (bool, error) {
		fresh, err := d.transact(ctx, p, begin, fn)
		if isCollision(err) && ctx.Err() == nil {
			d.stats.retries.Add(1)
			fresh, err = d.transact(ctx, p, begin, fn)
		}
		return fresh, err
	})
}

func (d *DB) transact(ctx context.Context, p *sqlx.DB, b *beginning, fn func(context.Context, *sqlx.Tx) error) (fresh bool, err error) {
	tx, err := p.BeginTxx(detached{context.WithValue(ctx, beginKey{}, b)}, nil)
	if err != nil {
		return true, err
	}
	committing := false
	defer func() {
		if !committing { // also when fn panics
			_ = tx.Rollback() // when it fails the pool drops the connection
		}
	}()
	if err := fn(ctx, tx); err != nil {
		var stale stalePlan
		return errors.As(err, &stale), err
	}
	committing = true
	err = tx.Commit()
	if err != nil && (isLinkError(err) || isTimeout(err)) {
		err = commitUnknown{err}
	}
	return false, err
}

// commitUnknown marks a connection lost between COMMIT and its answer.
type commitUnknown struct{ error }

func (e commitUnknown) Unwrap() error { return e.error }

func isCollision(err error) bool {
	var server *pq.Error
	return errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01")
}

type beginKey struct{}

// beginning is the text that opens a transaction, built once a call.
type beginning struct {
	text  string
	class Budget
}

type scope struct {
	owners    []string
	principal string
	class     Budget
	readOnly  bool
}

// beginning returns nil for a statement that needs no transaction.
func (d *DB) beginning(a Access, s scope) (*beginning, error) {
	if a == Public && (!d.cfg.TransactionPooler || d.cfg.PublicDSN != "") {
		return nil, nil
	}
	var b strings.Builder
	b.WriteString("BEGIN")
	if s.readOnly {
		b.WriteString(" READ ONLY")
	}
	if d.cfg.TransactionPooler {
		b.WriteString("; SET LOCAL ROLE ")
		b.WriteString(a.Role())
	}
	b.WriteString("; ")
	if err := d.settings(&b, a, s); err != nil {
		return nil, err
	}
	return &beginning{text: b.String(), class: s.class}, nil
}

// settings writes what a transaction sets, each setting ending in a semicolon.
func (d *DB) settings(b *strings.Builder, a Access, s scope) error {
	if d.cfg.TransactionPooler || s.class != Dashboard { // else the session's own setting is this
		b.WriteString("SET LOCAL statement_timeout = ")
		b.WriteString(milliseconds(d.cfg.Budgets[s.class]))
		b.WriteByte(';')
	}
	if a != Public {
		if len(s.owners) == 0 {
			return fault.Newf(fault.Forbidden, "no community is in scope")
		}
		b.WriteString("SET LOCAL linhui.owners = '")
		for i, owner := range s.owners {
			if !isOwner(owner) {
				return fault.Newf(fault.BadUserInput, "a community id is malformed")
			}
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(owner)
		}
		b.WriteString("';")
	}
	if s.principal != "" {
		if strings.IndexByte(s.principal, 0) >= 0 {
			return fault.Newf(fault.BadUserInput, "the principal is malformed")
		}
		b.WriteString("SET LOCAL linhui.principal =")
		b.WriteString(pq.QuoteLiteral(s.principal))
		b.WriteByte(';')
	}
	return nil
}

// isOwner holds [a-z0-9-]{1,40}: what may stand between quotes as it is.
func isOwner(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// poolOf names the pool of a statement. Transactions of all classes share one.
func poolOf(a Access, class Budget) poolKey {
	if a == Public {
		return poolKey{access: Public, class: class}
	}
	return poolKey{access: a}
}
