package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lib/pq"
)

// The roles of a server. Both log in with the server's password.
const (
	AdminUser = "postgres" // superuser: creates databases
	AppUser   = "linhui"   // owns the databases; may create roles, is not a superuser
)

// PostgresOptions describe a server.
type PostgresOptions struct {
	// Dir keeps the data between starts; it is made when missing. Where it lies out of reach of the
	// account that PostgreSQL runs as, it becomes a symbolic link (see Postgres.Dir).
	Dir string
	// Port on 127.0.0.1; 0 takes a free one.
	Port int
	// Log receives what a person who waits may want to know; nil discards it. What the server itself
	// has to say stands in server.log in the directory.
	Log *slog.Logger
	// Settings override the configuration by parameter name. Without any the data survives a power cut.
	Settings map[string]string
}

// defaults are our settings; everything else is as PostgreSQL comes.
var defaults = map[string]string{
	"listen_addresses":        "127.0.0.1",
	"unix_socket_directories": ".", // relative to the data directory: private, and never too long
	"cluster_name":            "linhui",
	"timezone":                "UTC",
	"log_timezone":            "UTC",
	"lc_messages":             "C",
	"max_connections":         "300", // 8 to 24 for each of some ten databases, and room for two programs more
	"jit":                     "off", // compiling costs more than our statements take
}

// Postgres is a running server.
type Postgres struct {
	home     home
	port     int
	password string
	child    *Child
	unlocked chan struct{} // closed when the server has ended and its lock was given free
}

// readyWait bounds the wait for a server to accept connections. Chosen: recovery after a power cut
// replays at most some minutes of writing.
const readyWait = time.Minute

// StartPostgres starts a private server and returns when it accepts connections. ctx bounds the
// start, not the life of the server, which ends with Stop or with this process, however that ends.
//
// A directory that another process uses is CONFLICT; a machine without PostgreSQL, where it can not
// be installed either, is SOURCE_UNAVAILABLE with a message that says what to install.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h, _, err := openHome(o.Dir, fallbackRoots, log)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", o.Dir, err)
	}
	lock, err := lockDir(ctx, h.lock())
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, o, h, lock, log)
	if err != nil {
		unlockDir(lock)
		return nil, err
	}
	return p, nil
}

// start does what follows the lock; with an error nothing runs any more and the lock is the caller's.
func start(ctx context.Context, o PostgresOptions, h home, lock *os.File, log *slog.Logger) (*Postgres, error) {
	bin, err := findOrInstall(ctx, h.data(), postgresGlobs, log)
	if err != nil {
		return nil, err
	}
	// The package just installed may have brought the user postgres.
	acc, err := serverAccount(h.data())
	if err != nil {
		return nil, err
	}
	password, err := h.secret()
	if err != nil {
		return nil, err
	}
	settings := maps.Clone(defaults)
	maps.Copy(settings, o.Settings)
	if err := initialize(ctx, bin.initdb, h, acc, lock, password, settings["fsync"] != "off"); err != nil {
		return nil, fmt.Errorf("initdb: %w", err)
	}
	// The lock says that no process serves this directory, so a leftover process id means nothing:
	// in a container it may well be that of another process by now. A server started by hand,
	// without the lock, is still refused: PostgreSQL knows it by its shared memory.
	if err := os.Remove(filepath.Join(h.data(), "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		p, err := launch(ctx, o.Port, bin.postgres, h, acc, lock, password, settings)
		if err == nil {
			go p.release(lock)
			return p, nil
		}
		// Between our choice of a free port and its use another process can take it.
		var taken portTaken
		if !errors.As(err, &taken) || o.Port != 0 || attempt == 3 {
			return nil, fmt.Errorf("PostgreSQL in %s does not start: %w", h.dir, err)
		}
	}
}

// initialize makes the data directory unless it exists. It appears whole or not at all.
func initialize(ctx context.Context, initdb string, h home, acc account, lock *os.File, password string, sync bool) error {
	if _, err := os.Stat(filepath.Join(h.data(), "PG_VERSION")); err == nil {
		return acc.own(h.data())
	}
	fresh := h.data() + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700), acc.own(fresh)); err != nil {
		return err
	}
	// The account must read the password once; ours it may not.
	pwfile := h.password() + ".initdb"
	if err := errors.Join(writeSynced(pwfile, password), acc.own(pwfile)); err != nil {
		return err
	}
	defer os.Remove(pwfile)

	args := []string{"-D", fresh, "-U", AdminUser, "-E", "UTF8", "--locale=" + locale(),
		"--auth=scram-sha-256", "--pwfile=" + pwfile}
	if !sync {
		args = append(args, "--no-sync")
	}
	var out strings.Builder
	cmd := exec.Command(initdb, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir, cmd.SysProcAttr, cmd.ExtraFiles = "/", acc.attr(), []*os.File{lock}
	child, err := StartChild(cmd, syscall.SIGTERM)
	if err != nil {
		return err
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), child.Stop(ctx, syscall.SIGTERM, syscall.SIGKILL))
	}
	if err := child.Err(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(out.String()))
	}
	return os.Rename(fresh, h.data())
}

// locale sorts by code point, like the COLLATE "C" of every ordered list, and knows all letters.
func locale() string {
	if runtime.GOOS == "darwin" {
		return "C" // older systems have no C.UTF-8
	}
	return "C.UTF-8"
}

var errEnded = errors.New("with exit status 0")

// portTaken is the failure of a server whose port somebody else listens on.
type portTaken int

func (p portTaken) Error() string { return fmt.Sprintf("port %d is in use", int(p)) }

// launch starts the server process once and waits until it answers.
func launch(ctx context.Context, port int, postgres string, h home, acc account, lock *os.File, password string, settings map[string]string) (*Postgres, error) {
	if port == 0 {
		var err error
		if port, err = FreePort(); err != nil {
			return nil, err
		}
	}
	out, err := os.OpenFile(h.log(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	args := []string{"-D", h.data(), "-c", "port=" + strconv.Itoa(port)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	cmd := exec.Command(postgres, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir, cmd.SysProcAttr, cmd.ExtraFiles = "/", acc.attr(), []*os.File{lock}
	child, err := StartChild(cmd, syscall.SIGINT)
	if err != nil {
		return nil, err
	}
	p := &Postgres{home: h, port: port, password: password, child: child, unlocked: make(chan struct{})}
	ready, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	if err := p.prepare(ready); err != nil {
		err = errors.Join(err, child.Stop(ctx, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL))
		if !portFree(port) {
			return nil, portTaken(port)
		}
		return nil, fmt.Errorf("%w; its log ends:\n%s", err, h.logTail())
	}
	return p, nil
}

// prepare waits until the server answers and makes the application's role.
func (p *Postgres) prepare(ctx context.Context) error {
	db, err := sql.Open("postgres", p.Admin())
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			break
		}
		var refused *pq.Error
		if errors.As(err, &refused) && refused.SQLState() != "57P03" { // cannot_connect_now: starting up
			return err
		}
		select {
		case <-p.child.Done():
			return fmt.Errorf("it ended: %w", cmp.Or(p.child.Err(), errEnded))
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	// IF NOT EXISTS does not exist for roles; the lock makes us the only one who creates it.
	var exists bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", AppUser).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE ROLE "+pq.QuoteIdentifier(AppUser)+" LOGIN CREATEROLE PASSWORD "+pq.QuoteLiteral(p.password))
	return err
}

// release gives the directory free when the server has ended.
func (p *Postgres) release(lock *os.File) {
	<-p.child.Done()
	unlockDir(lock)
	close(p.unlocked)
}

// Port is the port on 127.0.0.1.
func (p *Postgres) Port() int { return p.port }

// PID is the process id of the server.
func (p *Postgres) PID() int { return p.child.PID() }

// Dir is where the data really lies: the directory asked for, or the one that it links to.
func (p *Postgres) Dir() string { return p.home.dir }

// Done is closed when the server has ended, asked or not.
func (p *Postgres) Done() <-chan struct{} { return p.unlocked }

// Admin is the DSN of the superuser on the maintenance database.
func (p *Postgres) Admin() string { return p.DSN("postgres", AdminUser) }

// DSN is a connection URL over TCP for a database and a role: AppUser, AdminUser, or one made with
// the server's password.
func (p *Postgres) DSN(database, user string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, p.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// CreateDatabase makes a database that AppUser owns, unless it exists.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	return p.admin(ctx, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(name)+" OWNER "+pq.QuoteIdentifier(AppUser))
		if pq.As(err, "42P04") != nil { // duplicate_database
			return nil
		}
		if err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
		return nil
	})
}

// Exec runs one statement as superuser on the maintenance database.
func (p *Postgres) Exec(ctx context.Context, statement string) error {
	return p.admin(ctx, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}

func (p *Postgres) admin(ctx context.Context, do func(*sql.DB) error) error {
	db, err := sql.Open("postgres", p.Admin())
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db)
}

// Stop shuts the server down: open transactions are rolled back, what was committed is written. A
// server that has not ended when ctx does is made to end without writing, and recovers at its next
// start. Calling it again does nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	err := p.child.Stop(ctx, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
	if err == nil {
		<-p.unlocked
	}
	return err
}

// Kill ends the server as a crash would, for tests of what happens then. It returns when no process
// of the server is left.
func (p *Postgres) Kill() {
	p.child.Signal(syscall.SIGKILL)
	<-p.unlocked
	// The children notice within milliseconds; each holds the lock until it is gone.
	if lock, err := lockDir(context.Background(), p.home.lock()); err == nil {
		unlockDir(lock)
	}
}

// FreePort is a port of 127.0.0.1 that nobody listened on a moment ago.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
