package database

import (
	"context"
	"database/sql"
	"time"
)

// Health is what `linhui doctor` says about a source.
type Health struct {
	Version   string        // of the server, as it prints it
	RoundTrip time.Duration // of one statement on an open connection
	ClockSkew time.Duration // server minus gateway, within half a RoundTrip
	Migration int64         // the last applied migration; 0 when there is none
	Roles     map[string]error
}

// Health asks past the breaker and the bulkhead. Roles holds nil for a role that can be used,
// else why not; the error is that of the connection itself.
func (d *DB) Health(ctx context.Context) (Health, error) {
	h := Health{Roles: make(map[string]error)}
	fail := func(err error) (Health, error) {
		err, _ = d.judge(ctx, Dashboard, err)
		return h, err
	}
	p, err := d.pool(poolKey{owner: true})
	if err != nil {
		return fail(err)
	}
	one := func(dest any, text string) error {
		return p.DB.QueryRowContext(detached{ctx}, text).Scan(dest)
	}
	if err := one(&h.Version, "SELECT current_setting('server_version')"); err != nil {
		return fail(err)
	}
	var server time.Time
	const clock = "SELECT clock_timestamp()"
	if err := one(&server, clock); err != nil { // prepares it
		return fail(err)
	}
	start := time.Now()
	if err := one(&server, clock); err != nil {
		return fail(err)
	}
	h.RoundTrip = time.Since(start)
	h.ClockSkew = server.Sub(start.Add(h.RoundTrip / 2))

	var ledger bool
	if err := one(&ledger, "SELECT to_regclass('goose_db_version') IS NOT NULL"); err != nil {
		return fail(err)
	}
	if ledger {
		const last = "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied"
		if err := one(&h.Migration, last); err != nil {
			return fail(err)
		}
	}
	for _, access := range []Access{Public, Scoped, Writer} {
		h.Roles[access.Role()] = d.tryRole(ctx, access)
	}
	return h, nil
}

func (d *DB) tryRole(ctx context.Context, access Access) error {
	q := Query{Access: access, Owners: []string{"doctor"}, SQL: "SELECT 1"}
	begin, err := d.beginning(access, scope{owners: q.Owners, readOnly: true})
	if err != nil {
		return err
	}
	p, err := d.pool(poolOf(access, Dashboard))
	if err == nil {
		drain := func(rows *sql.Rows) error {
			for rows.Next() {
			}
			return nil
		}
		if begin != nil {
			_, err = d.inTransaction(ctx, p.DB, begin, q, drain)
		} else {
			var rows *sql.Rows
			if rows, err = p.DB.QueryContext(detached{ctx}, q.SQL); err == nil {
				err = consume(rows, drain)
			}
		}
	}
	err, _ = d.judge(ctx, Dashboard, err)
	return err
}
