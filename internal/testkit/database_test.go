package testkit

import (
	"database/sql"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"linhui/store/migrations"
)

// notes is a schema of our own: these tests are about cloning, not about the house's tables.
var notes = Kind{"notes", fstest.MapFS{
	"0001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (text text);\nCREATE EXTENSION pg_trgm;\n-- +goose Down\nDROP TABLE notes;\n")},
}}

func scalar(t testing.TB, db *sql.DB, query string, args ...any) string {
	t.Helper()
	var s sql.NullString
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s.String
}

func mustExec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestEveryCallerHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for range 3 {
		db := Database(t, notes).Open(t)
		if got := scalar(t, db, "SELECT count(*) FROM notes"); got != "0" {
			t.Errorf("a fresh database has %s notes", got)
		}
		mustExec(t, db, "INSERT INTO notes VALUES ('x')")
	}
	if got := scalar(t, Empty(t).Open(t), "SELECT to_regclass('notes')"); got != "" {
		t.Errorf("an empty database has the table %s", got)
	}
}

func TestHouseSchemasAreThere(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Source, Directory} {
		want, err := migrations.Latest(kind.Migrations)
		if err != nil {
			t.Fatal(err)
		}
		got, err := migrations.Version(t.Context(), Database(t, kind).Open(t))
		if err != nil || got != want || got == 0 {
			t.Errorf("%s is at version %d, %v; want %d", kind.Name, got, err, want)
		}
	}
}

func TestDatabaseIsDroppedAtTheEndAlthoughInUse(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("user", func(t *testing.T) {
		d := Database(t, notes)
		name = d.Name
		db, err := sql.Open("postgres", d.DSN)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, db, "SELECT 1") // and the pool stays open
	})
	admin, err := sql.Open("postgres", server(t).Admin())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if got := scalar(t, admin, "SELECT count(*) FROM pg_database WHERE datname = $1", name); got != "0" {
		t.Error("the database is still there")
	}
}

func TestTimesOfClonesAreKnown(t *testing.T) {
	t.Parallel()
	Database(t, notes)
	const n = 10
	start := time.Now()
	for range n {
		Database(t, notes)
	}
	t.Logf("%v for a clone", (time.Since(start) / n).Round(time.Millisecond/10))
}

func TestKilledPostgresComesBackWithWhatWasCommitted(t *testing.T) {
	t.Parallel()
	k := NewKillablePostgres(t)
	d := k.Create("notes")
	db := d.Open(t)
	mustExec(t, db, "CREATE TABLE notes (text text)")
	mustExec(t, db, "INSERT INTO notes VALUES ('kept')")
	k.Kill()
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("a killed server answers")
	}
	k.Restart()
	if got := scalar(t, db, "SELECT string_agg(text, ',') FROM notes"); got != "kept" {
		t.Errorf("after the crash: %q", got)
	}
}

func TestViaChangesOnlyTheAddress(t *testing.T) {
	t.Parallel()
	d := &DB{DSN: "postgres://linhui:p%40ss@127.0.0.1:5432/test_1?sslmode=disable"}
	if got := d.Via("127.0.0.1:99"); got != strings.Replace(d.DSN, "5432", "99", 1) || d.Addr() != "127.0.0.1:5432" {
		t.Errorf("%s, %s", got, d.Addr())
	}
}

func TestLeaksSeesOne(t *testing.T) {
	stop := make(chan struct{})
	r := &recorder{TB: t}
	Leaks(r)
	go func() { <-stop }()
	r.end()
	if !r.failed {
		t.Error("a leaked goroutine was not seen")
	}
	close(stop)
}

func TestLeaksIgnoresTheSharedServer(t *testing.T) {
	Leaks(t)
	db := Database(t, notes).Open(t)
	mustExec(t, db, "SELECT 1")
	Redis(t)
}

// recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	failed   bool
	cleanups []func()
}

func (r *recorder) Error(...any)     { r.failed = true }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) end() {
	for _, f := range r.cleanups {
		f()
	}
}
