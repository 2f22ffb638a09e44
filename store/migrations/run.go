package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"

	"linhui/internal/fault"
)

const (
	// lockTimeout bounds how long a migration waits for a table that is in use, and with it how long
	// the statements that queue behind it wait. Chosen: below the gateway's longest dashboard request.
	lockTimeout = "2s"
	// turnWait bounds the wait for another process that migrates the same database.
	turnWait = 2 * time.Minute
	// turnKey is the advisory lock that those processes take turns by. Chosen at random.
	turnKey = 7_263_018_544_120_913
)

// Up applies the migrations of files that the database lacks, in order, each in a transaction of its
// own. It may run in several processes at once: they take turns. A failure leaves what was applied
// before it; running again continues there. A table that stays in use for longer than lockTimeout is
// CONFLICT. A database that is ahead of files is left as it is.
func Up(ctx context.Context, db *sql.DB, files fs.FS) error {
	p, err := provider(db, files)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return explain("migrate up", err)
}

// Down takes all migrations back, data included. It exists for the check that each can be.
func Down(ctx context.Context, db *sql.DB, files fs.FS) error {
	p, err := provider(db, files)
	if err != nil {
		return err
	}
	_, err = p.DownTo(ctx, 0)
	return explain("migrate down", err)
}

// Version is the number of the newest migration that the database has, 0 when it was never migrated.
// It only reads.
func Version(ctx context.Context, db *sql.DB) (int64, error) {
	var version sql.NullInt64
	err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	if pq.As(err, "42P01") != nil { // undefined_table
		return 0, nil
	}
	return version.Int64, explain("schema version", err)
}

// Latest is the number of the newest migration in files.
func Latest(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	latest := int64(0)
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		latest = max(latest, version)
	}
	return latest, nil
}

func provider(db *sql.DB, files fs.FS) (*goose.Provider, error) {
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(turns{}), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// turns prepares the one connection that migrates: its turn among the processes, and the bound on
// its waiting. Waiting for the turn is by asking again: a statement that blocks would hold a snapshot
// that CREATE INDEX CONCURRENTLY of the other process waits for.
type turns struct{}

func (turns) SessionLock(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	for {
		var mine bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(turnKey)).Scan(&mine); err != nil {
			return err
		}
		if mine {
			_, err := conn.ExecContext(ctx, "SET lock_timeout = '"+lockTimeout+"'")
			return err
		}
		select {
		case <-ctx.Done():
			return fault.Newf(fault.Conflict, "another process has been migrating this database for %v", turnWait).Because(ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (turns) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "RESET lock_timeout")
	_, err2 := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(turnKey))
	return errors.Join(err, err2)
}

// explain says which migration failed and, where it helps, what to do.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	where := ""
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil && partial.Failed.Source != nil {
		where = " " + partial.Failed.Source.Path
	}
	if pq.As(err, "55P03") != nil { // lock_not_available
		return fault.Newf(fault.Conflict, "migration%s waited %s for a table that is in use and was rolled back: run it again at a quieter moment", where, lockTimeout).Because(err)
	}
	return fmt.Errorf("%s%s: %w", doing, where, err)
}
