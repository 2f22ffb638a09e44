package migrations_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"

	"linhui/internal/fault"
	"linhui/internal/testkit"
	"linhui/store/migrations"
)

// sqlFiles are migrations numbered from 1.
func sqlFiles(up ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, statement := range up {
		name := "000" + string(rune('1'+i)) + "_step.sql"
		files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + ";\n-- +goose Down\nDROP TABLE IF EXISTS t;\n")}
	}
	return files
}

func TestUpInManyProcessesAppliesEachMigrationOnce(t *testing.T) {
	t.Parallel()
	d := testkit.Empty(t)
	files := sqlFiles("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)")
	var all errgroup.Group
	for range 4 {
		db := d.Open(t) // a pool each, as a process has
		all.Go(func() error { return migrations.Up(t.Context(), db, files) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	db := d.Open(t)
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	version, err := migrations.Version(t.Context(), db)
	if latest, err2 := migrations.Latest(files); err != nil || err2 != nil || version != 2 || latest != 2 {
		t.Errorf("version %d of %d, %v, %v", version, latest, err, err2)
	}
	if err := migrations.Down(t.Context(), db, files); err != nil {
		t.Fatal(err)
	}
	if version, err := migrations.Version(t.Context(), db); err != nil || version != 0 {
		t.Errorf("after down: version %d, %v", version, err)
	}
}

func TestVersionOfAnUnmigratedDatabaseOnlyReads(t *testing.T) {
	t.Parallel()
	db := testkit.Empty(t).Open(t)
	if version, err := migrations.Version(t.Context(), db); err != nil || version != 0 {
		t.Errorf("version %d, %v", version, err)
	}
	var tables int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
}

func TestFailedMigrationIsNamedAndRolledBack(t *testing.T) {
	t.Parallel()
	db := testkit.Empty(t).Open(t)
	err := migrations.Up(t.Context(), db, sqlFiles("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1); SELECT 1/0"))
	if err == nil || !strings.Contains(err.Error(), "0002_step.sql") || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("got %v", err)
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if err := migrations.Up(t.Context(), db, sqlFiles("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)")); err != nil {
		t.Errorf("a corrected migration: %v", err)
	}
}

func TestMigrationDoesNotQueueForATableInUse(t *testing.T) {
	t.Parallel()
	db := testkit.Empty(t).Open(t)
	files := sqlFiles("CREATE TABLE t (n int)", "ALTER TABLE t ADD m int")
	if err := migrations.Up(t.Context(), db, sqlFiles("CREATE TABLE t (n int)")); err != nil {
		t.Fatal(err)
	}
	reader, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.ExecContext(t.Context(), "LOCK TABLE t IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	err = migrations.Up(t.Context(), db, files)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "0002_step.sql") {
		t.Errorf("got %v", err)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Up(t.Context(), db, files); err != nil {
		t.Errorf("after the reader: %v", err)
	}
}
