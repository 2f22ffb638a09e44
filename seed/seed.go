// Package seed fills the databases: Import writes the facts of a file, Demo grows synthetic rows
// around them so that today is never empty, Scale writes the set that figures are measured on.
//
// All three are deterministic: the id of a row is a UUIDv5 of its owner and of what it is, so the
// same input gives the same rows in whichever database they land. Import and Demo write as
// linhui_writer under the row-level security of the owners at hand; only the owners themselves,
// which that role may not add, are written as the schema's owner, in the same transaction.
package seed

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strings"
	"time"

	_ "time/tzdata" // Shanghai, also on a machine without zone files

	"github.com/google/uuid"
	"github.com/lib/pq"

	"linhui/internal/fault"
)

// Facts are the six communities of five published reports, as Import takes them.
//
//go:embed data.json
var Facts []byte

// Target is where rows go. The pools connect as the owner of the schema, as migrations do.
type Target struct {
	Directory *sql.DB
	Sources   map[string]*sql.DB        // by key
	Place     func(owner string) string // the key of the source that holds an owner
}

// namespace is that of every id made here. Chosen at random, never to change.
var namespace = uuid.MustParse("6f0d5a0e-5f0b-4b56-9a53-2a6a3c1d7e94")

// ID is the stable id of what an owner calls name: a record of an imported file by its id.
func ID(owner, name string) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte(owner+"/"+name))
}

// shanghai is the zone of every business date.
var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err) // the zone is built in
	}
	return zone
}()

// place groups owners by the source that holds them.
func (t Target) place(owners []string) (map[string][]string, error) {
	placed := map[string][]string{}
	for _, owner := range owners {
		key := t.Place(owner)
		if t.Sources[key] == nil {
			return nil, fault.Newf(fault.NotFound, "%s belongs to source %q, which is not configured", owner, key)
		}
		placed[key] = append(placed[key], owner)
	}
	return placed, nil
}

// write runs fn in one transaction as linhui_writer, whose rows are those of owners, after
// making sure that the source knows them.
func write(ctx context.Context, db *sql.DB, owners []string, fn func(*sql.Tx) error) error {
	return transact(ctx, db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO owners (owner, kind)
			SELECT o, CASE WHEN o ~ '^[0-9]{12}$' THEN 'DIVISION' ELSE 'COMMUNITY' END FROM unnest($1::text[]) o
			ON CONFLICT DO NOTHING`, pq.Array(owners))
		if err != nil {
			return fmt.Errorf("owners: %w", err)
		}
		_, err = tx.ExecContext(ctx, `SET LOCAL ROLE linhui_writer; SET LOCAL linhui.owners = `+pq.QuoteLiteral(strings.Join(owners, ",")))
		if err != nil {
			return fmt.Errorf("become the writer: %w", err)
		}
		return fn(tx)
	})
}

func transact(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}
