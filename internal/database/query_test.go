package database_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"linhui/internal/database"
	"linhui/internal/fault"
)

func TestOpenRefusesABadDSNWithoutPrintingIt(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"", "hunter2", "postgres://u:hunter2@host:no port/db", "password=hunter2 sslmode=hunter2", "password='hunter2"} {
		_, err := database.Open(database.Config{Key: "north", DSN: dsn})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) = %v", dsn, err)
		}
		if err != nil && !strings.Contains(err.Error(), "source north: DSN") {
			t.Errorf("%v does not name the setting", err)
		}
	}
}

func TestPublicReadsPublicColumnsOnly(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	if got := mustColumn(t, d, public("SELECT body FROM notes WHERE id = $1 ORDER BY 1", 1)); !slices.Equal(got, []string{"n1", "s1"}) {
		t.Error(got)
	}
	if got := mustColumn(t, d, public("SELECT current_user || ' ' || current_setting('statement_timeout')")); got[0] != "linhui_public 1s" {
		t.Error(got)
	}
	q := public("SELECT current_setting('statement_timeout')")
	q.Class = database.Export
	if got := mustColumn(t, d, q); got[0] != "1min" {
		t.Error(got)
	}
	_, err := column(t.Context(), d, public("SELECT secret FROM notes"))
	if v := database.ViolationOf(err); v == nil || v.SQLState != "42501" {
		t.Errorf("secret column: %v", err)
	}
	if got := fault.Of(err); got.Code != fault.Internal || strings.Contains(got.Message, "notes") {
		t.Errorf("published: %v", got)
	}
}

func TestScopeHoldsAndDoesNotLeakToTheNextUserOfTheConnection(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	for _, pooler := range []bool{false, true} {
		d := open(t, database.Config{DSN: tk.DSN, MaxConns: 1, TransactionPooler: pooler})
		const pid, bodies = "SELECT pg_backend_pid()::text", "SELECT body FROM notes"
		first := mustColumn(t, d, scoped([]string{"north"}, pid))
		for range 3 {
			if got := mustColumn(t, d, scoped([]string{"north"}, bodies)); !slices.Equal(got, []string{"n1"}) {
				t.Errorf("north sees %v", got)
			}
			if got := mustColumn(t, d, scoped([]string{"east"}, bodies)); len(got) != 0 {
				t.Errorf("east sees %v", got)
			}
			if _, err := column(t.Context(), d, scoped([]string{"south"}, "SELECT 1/0 FROM notes")); err == nil {
				t.Error("no error")
			}
		}
		if got := mustColumn(t, d, scoped([]string{"north", "south"}, bodies+" ORDER BY 1")); !slices.Equal(got, []string{"n1", "s1"}) {
			t.Errorf("both see %v", got)
		}
		if got := mustColumn(t, d, scoped([]string{"north"}, pid)); !slices.Equal(got, first) {
			t.Error("an SQL error cost the connection")
		}
		got := mustColumn(t, d, database.Query{Access: database.Scoped, Owners: []string{"n"}, Class: database.Analyst,
			SQL: "SELECT current_user || ' ' || current_setting('statement_timeout') || ' ' || current_setting('transaction_read_only')"})
		if got[0] != "linhui_scoped 10s on" {
			t.Error(got)
		}
	}
}

func TestOwnersAreCheckedBeforeTheyAreQuoted(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	for _, owners := range [][]string{nil, {""}, {"a'b"}, {"a,b"}, {"Ä"}, {"A"}, {"ok", "a b"}, {strings.Repeat("a", 41)}} {
		if _, err := column(t.Context(), d, scoped(owners, "SELECT 1")); !fault.Is(err, fault.BadUserInput) && !fault.Is(err, fault.Forbidden) {
			t.Errorf("%q: %v", owners, err)
		}
	}
	if n := d.Snapshot().Statements; n != 0 {
		t.Errorf("%d statements were sent", n)
	}
}

func TestTransactionPoolerModeUsesNoSessionState(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN, TransactionPooler: true})
	got := mustColumn(t, d, public("SELECT current_user || ' ' || current_setting('statement_timeout') || ' ' || $1", "x"))
	if got[0] != "linhui_public 1s x" {
		t.Error(got)
	}
	if got := mustColumn(t, d, public("SELECT count(*)::text FROM pg_prepared_statements")); got[0] != "0" {
		t.Errorf("%s prepared statements", got[0])
	}
}

func TestStatementsAreCountedPerRequestAndSource(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	north := open(t, database.Config{Key: "north", DSN: tk.DSN})
	south := open(t, database.Config{Key: "south", DSN: tk.DSN})
	ctx, counter := database.CountStatements(t.Context())
	for range 3 {
		if _, err := column(ctx, north, public("SELECT 'a'")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := column(ctx, south, scoped([]string{"a"}, "SELECT 'a'")); err != nil {
		t.Fatal(err)
	}
	err := south.Write(ctx, database.Scope{Owners: []string{"south"}}, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE notes SET body = $1", "x")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustColumn(t, north, public("SELECT 'somebody else'"))
	if got := counter.BySource(); len(got) != 2 || got["north"] != 3 || got["south"] != 2 {
		t.Error(got)
	}
	if s := north.Snapshot(); s.Statements != 4 || s.Calls != 4 || s.Failures != 0 || s.Breaker != "CLOSED" || s.Latency.Sum <= 0 {
		t.Errorf("%+v", s)
	}
}

func TestAStatementPreparedBeforeAMigrationIsPreparedAgain(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	d := open(t, database.Config{DSN: tk.DSN, MaxConns: 1})
	queries := []database.Query{public("SELECT body FROM notes"), scoped([]string{"north"}, "SELECT body FROM notes"),
		scoped([]string{"north"}, "SELECT secret FROM notes")}
	for _, q := range queries {
		mustColumn(t, d, q)
	}
	exec(t, tk.DSN, func(ex func(string)) {
		ex("ALTER TABLE notes ALTER body TYPE varchar(100), ALTER secret TYPE varchar(100)")
	})
	for _, q := range queries {
		mustColumn(t, d, q)
	}
}

func TestTheCallbacksErrorPassesUnchanged(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	mine := errors.New("mine")
	for _, q := range []database.Query{public("SELECT 1"), scoped([]string{"a"}, "SELECT 1")} {
		if err := d.Query(t.Context(), q, func(*sql.Rows) error { return mine }); err != mine {
			t.Error(err)
		}
	}
	err := d.Write(t.Context(), database.Scope{Owners: []string{"a"}}, func(context.Context, *sqlx.Tx) error { return mine })
	if err != mine {
		t.Error(err)
	}
}

func TestWriteCommitsRollsBackAndTranslates(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	d := open(t, database.Config{DSN: tk.DSN})
	scope := database.Scope{Owners: []string{"north"}, Principal: `o'neil \ x`}
	insert := func(owner string, id int, body string) error {
		return d.Write(t.Context(), scope, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO notes VALUES ($1, $2, $3)", owner, id, body)
			return err
		})
	}
	if err := insert("north", 2, "n2"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ owner, body, state, constraint string }{
		{"north", "again", "23505", "notes_pkey"},
		{"north", "", "23514", "notes_body_check"},
		{"south", "foreign", "42501", ""},
	} {
		v := database.ViolationOf(insert(c.owner, 2, c.body))
		if v == nil || v.SQLState != c.state || v.Constraint != c.constraint {
			t.Errorf("%+v: %+v", c, v)
		}
	}
	var principal string
	err := d.Write(t.Context(), scope, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM notes"); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &principal, "SELECT current_setting('linhui.principal')"); err != nil {
			return err
		}
		return fault.Newf(fault.NotFound, "no")
	})
	if !fault.Is(err, fault.NotFound) || principal != scope.Principal {
		t.Errorf("%v, principal %q", err, principal)
	}
	func() {
		defer func() { _ = recover() }()
		_ = d.Write(t.Context(), scope, func(ctx context.Context, tx *sqlx.Tx) error {
			_, _ = tx.ExecContext(ctx, "DELETE FROM notes")
			panic("in the callback")
		})
	}()
	if got := mustColumn(t, d, scoped([]string{"north"}, "SELECT body FROM notes ORDER BY id")); !slices.Equal(got, []string{"n1", "n2"}) {
		t.Error(got)
	}
	if s := d.Snapshot(); s.Running != 0 {
		t.Errorf("%d calls still hold a connection", s.Running)
	}
	// A failed statement that fn swallows must not be reported as committed.
	err = d.Write(t.Context(), scope, func(ctx context.Context, tx *sqlx.Tx) error {
		_, _ = tx.ExecContext(ctx, "SELECT 1/$1::int", 0)
		return nil
	})
	if !errors.Is(err, pq.ErrInFailedTransaction) {
		t.Errorf("commit of a failed transaction: %v", err)
	}
}

func TestWriteRepeatsACollisionOnce(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	collide := func(times int) (runs int, err error) {
		err = d.Write(t.Context(), database.Scope{Owners: []string{"north"}}, func(ctx context.Context, tx *sqlx.Tx) error {
			runs++
			if runs <= times {
				_, err := tx.ExecContext(ctx, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
				return err
			}
			return nil
		})
		return runs, err
	}
	if runs, err := collide(1); runs != 2 || err != nil {
		t.Error(runs, err)
	}
	if runs, err := collide(2); runs != 2 || !fault.Is(err, fault.Conflict) {
		t.Error(runs, err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	d := open(t, database.Config{DSN: tk.DSN})
	h, err := d.Health(t.Context())
	if err != nil || h.Version == "" || h.Migration != 0 || h.ClockSkew.Abs().Seconds() > 1 || len(h.Roles) != 3 {
		t.Fatalf("%+v, %v", h, err)
	}
	for role, err := range h.Roles {
		if err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	exec(t, tk.DSN, func(ex func(string)) {
		ex("CREATE TABLE goose_db_version (version_id bigint, is_applied bool); INSERT INTO goose_db_version VALUES (0, true), (7, true)")
	})
	if h, err = d.Health(t.Context()); err != nil || h.Migration != 7 {
		t.Errorf("%+v, %v", h, err)
	}
	stranger := open(t, database.Config{DSN: tk.DSN, WriterDSN: "host=127.0.0.1 port=1 user=x sslmode=disable"})
	if h, err = stranger.Health(t.Context()); err != nil || !fault.Is(h.Roles["linhui_writer"], fault.SourceUnavailable) {
		t.Errorf("%+v, %v", h, err)
	}
}
