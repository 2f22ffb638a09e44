package database_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// rolesOnce: roles belong to the whole server.
var rolesOnce sync.Mutex

const roles = `
DO $$ DECLARE r text; BEGIN
  FOREACH r IN ARRAY ARRAY['linhui_public', 'linhui_scoped', 'linhui_writer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', r); END IF;
    EXECUTE format('GRANT %I TO linhui', r);
  END LOOP;
END $$`

const schema = `
CREATE TABLE notes (owner text NOT NULL, id int NOT NULL, body text NOT NULL CHECK (body <> ''), secret text, PRIMARY KEY (owner, id));
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION owners() RETURNS text[] LANGUAGE sql STABLE AS $$ SELECT string_to_array(current_setting('linhui.owners', true), ',') $$;
CREATE POLICY public ON notes FOR SELECT TO linhui_public USING (true);
CREATE POLICY scoped ON notes FOR SELECT TO linhui_scoped USING (owner = ANY ((SELECT owners())::text[]));
CREATE POLICY writer ON notes TO linhui_writer USING (owner = ANY ((SELECT owners())::text[]));
GRANT SELECT (owner, id, body) ON notes TO linhui_public;
GRANT SELECT ON notes TO linhui_scoped;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO linhui_writer;
INSERT INTO notes VALUES ('north', 1, 'n1', 's'), ('south', 1, 's1', 's');`

func testDB(t testing.TB) *testkit.DB {
	t.Helper()
	db := testkit.Empty(t)
	exec(t, db.Admin, func(ex func(string)) {
		rolesOnce.Lock()
		defer rolesOnce.Unlock()
		ex(roles)
	})
	exec(t, db.DSN, func(ex func(string)) { ex(schema) })
	return db
}

func exec(t testing.TB, dsn string, do func(func(string))) {
	t.Helper()
	c, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do(func(text string) {
		t.Helper()
		if _, err := c.Exec(text); err != nil {
			t.Fatal(err)
		}
	})
}

// open opens cfg and closes it at the end of t.
func open(t testing.TB, cfg database.Config) *database.DB {
	t.Helper()
	if cfg.Key == "" {
		cfg.Key = "north"
	}
	d, err := database.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func public(text string, args ...any) database.Query {
	return database.Query{SQL: text, Args: args}
}

func scoped(owners []string, text string, args ...any) database.Query {
	return database.Query{Access: database.Scoped, Owners: owners, SQL: text, Args: args}
}

// strings runs q and returns the first column of its rows.
func column(ctx context.Context, d *database.DB, q database.Query) ([]string, error) {
	var all []string
	err := d.Query(ctx, q, func(rows *sql.Rows) error {
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return err
			}
			all = append(all, s)
		}
		return nil
	})
	return all, err
}

func mustColumn(t testing.TB, d *database.DB, q database.Query) []string {
	t.Helper()
	all, err := column(t.Context(), d, q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eventually waits for a condition that another process brings about.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(2 * time.Millisecond) // poll of the server, not a pause
	}
}
