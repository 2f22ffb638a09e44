package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"

	"linhui/internal/embedded"
	"linhui/store/migrations"
)

// Kind is a schema that databases can have.
type Kind struct {
	Name       string // of the template database; one Name, one set of migrations
	Migrations fs.FS
}

// The two schemas of the house.
var (
	Source    = Kind{"source", migrations.Source}
	Directory = Kind{"directory", migrations.Directory}
)

// DB is a database of one test.
type DB struct {
	Name  string
	DSN   string // of its owner, a role that may create roles and is not a superuser
	Admin string // of the superuser, on this database
}

var (
	serial    atomic.Int64
	templates sync.Map // Kind.Name -> func() error that makes the template once
)

// Database is a fresh database with the schema of kind, dropped at the end of t.
func Database(t testing.TB, kind Kind) *DB {
	t.Helper()
	s := server(t)
	template := "template_" + kind.Name
	ready, _ := templates.LoadOrStore(kind.Name, sync.OnceValue(func() error {
		return makeTemplate(context.Background(), s, template, kind.Migrations)
	}))
	if err := ready.(func() error)(); err != nil {
		t.Fatalf("testkit: template for %s: %v", kind.Name, err)
	}
	return create(t, s, " TEMPLATE "+pq.QuoteIdentifier(template))
}

// Empty is a fresh database without a schema, dropped at the end of t.
func Empty(t testing.TB) *DB {
	t.Helper()
	return create(t, server(t), "")
}

// migrating serializes the making of templates: roles belong to the whole server.
var migrating sync.Mutex

func makeTemplate(ctx context.Context, s *embedded.Postgres, name string, files fs.FS) error {
	migrating.Lock()
	defer migrating.Unlock()
	if err := s.CreateDatabase(ctx, name); err != nil {
		return err
	}
	db, err := sql.Open("postgres", s.DSN(name, embedded.AppUser))
	if err != nil {
		return err
	}
	defer db.Close()
	return migrations.Up(ctx, db, files)
}

func create(t testing.TB, s *embedded.Postgres, from string) *DB {
	t.Helper()
	name := fmt.Sprintf("test_%d", serial.Add(1))
	quoted := pq.QuoteIdentifier(name)
	if err := s.Exec(t.Context(), "CREATE DATABASE "+quoted+" OWNER "+embedded.AppUser+from); err != nil {
		t.Fatalf("testkit: create database: %v", err)
	}
	t.Cleanup(func() {
		// The context of t has ended by now.
		if err := s.Exec(context.Background(), "DROP DATABASE "+quoted+" WITH (FORCE)"); err != nil {
			t.Errorf("testkit: drop database: %v", err)
		}
	})
	return &DB{Name: name, DSN: s.DSN(name, embedded.AppUser), Admin: s.DSN(name, embedded.AdminUser)}
}

// Open returns a pool on the database, as its owner, closed at the end of t.
func (d *DB) Open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", d.DSN)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Addr is host:port of the server, the target of a Proxy.
func (d *DB) Addr() string { return mustParse(d.DSN).Host }

// Via is the DSN by another address, of a Proxy.
func (d *DB) Via(addr string) string {
	u := mustParse(d.DSN)
	u.Host = addr
	return u.String()
}

func mustParse(dsn string) *url.URL {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // we wrote it ourselves
	}
	return u
}

// KillablePostgres is a server of one test's own, to be killed and started again. It keeps its data
// as a real one does: fsync is on.
type KillablePostgres struct {
	t      testing.TB
	opts   embedded.PostgresOptions
	server *embedded.Postgres
}

// NewKillablePostgres starts one; it is gone at the end of t. It costs a second or two.
func NewKillablePostgres(t testing.TB) *KillablePostgres {
	t.Helper()
	k := &KillablePostgres{t: t, opts: embedded.PostgresOptions{Dir: filepath.Join(tempDir(t), "postgres")}}
	k.start()
	t.Cleanup(func() { k.server.Kill() })
	k.opts.Port = k.server.Port()
	return k
}

// Create makes an empty database and returns it; its DSN survives Kill and Restart.
func (k *KillablePostgres) Create(name string) *DB {
	k.t.Helper()
	if err := k.server.CreateDatabase(k.t.Context(), name); err != nil {
		k.t.Fatalf("testkit: %v", err)
	}
	return &DB{Name: name, DSN: k.server.DSN(name, embedded.AppUser), Admin: k.server.DSN(name, embedded.AdminUser)}
}

// Kill ends the server as a crash would.
func (k *KillablePostgres) Kill() { k.server.Kill() }

// Restart starts the killed server again, on the same port.
func (k *KillablePostgres) Restart() {
	k.t.Helper()
	k.start()
}

func (k *KillablePostgres) start() {
	k.t.Helper()
	s, err := embedded.StartPostgres(k.t.Context(), k.opts)
	if err != nil {
		k.t.Fatalf("testkit: PostgreSQL: %v", err)
	}
	k.server = s
}
