package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linhui/internal/embedded"
	"linhui/seed"
	"linhui/store/migrations"
)

// cluster is a PostgreSQL server with the scale set, and the three servers under test, each
// a process of its own.
type cluster struct {
	databases int
	postgres  *embedded.Postgres
	redis     *embedded.RedisServer
	set       *dataset
	floor     *process
	gateway   *process // hot lists from SQL
	cached    *process // hot lists in Redis; nil without one
}

// childConfig is what a server under test is told on its standard input.
type childConfig struct {
	Directory string         `json:"directory"`
	Sources   []string       `json:"sources"` // DSNs by number
	Home      map[string]int `json:"home"`    // community -> source
	Today     time.Time      `json:"today"`
	Redis     string         `json:"redis"` // host:port; "": hot lists from SQL
	Profile   string         `json:"profile"`
	Limits    bool           `json:"limits"` // those of production
}

func setUp(ctx context.Context, o options, databases int, log *slog.Logger) (*cluster, error) {
	dir, err := filepath.Abs(filepath.Join(o.state, fmt.Sprintf("%d-communities", o.communities)))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(dir, "postgres"), Log: log, Settings: map[string]string{
		"shared_buffers": "2GB", "max_connections": "500", "synchronous_commit": "off", "fsync": "off", "full_page_writes": "off",
		"max_wal_size": "8GB", "maintenance_work_mem": "512MB", "work_mem": "16MB", "jit": "off", "random_page_cost": "1.1",
	}})
	if err != nil {
		return nil, err
	}
	c := &cluster{databases: databases, postgres: pg}
	if err := c.fill(ctx, o); err != nil {
		c.close()
		return nil, err
	}
	if err := c.start(ctx, o); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *cluster) names() []string {
	names := make([]string, c.databases)
	for i := range names {
		names[i] = fmt.Sprintf("scale_%d_%d", c.databases, i)
	}
	return names
}

func (c *cluster) directory() string { return fmt.Sprintf("scale_%d_directory", c.databases) }

// fill makes the databases unless an earlier run has.
func (c *cluster) fill(ctx context.Context, o options) error {
	admin, err := sql.Open("postgres", c.postgres.Admin())
	if err != nil {
		return err
	}
	defer admin.Close()
	done := fmt.Sprintf("scale_%d_done", c.databases)
	var have bool
	if err := admin.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", done).Scan(&have); err != nil {
		return err
	}
	open := func(name string, files func(context.Context, *sql.DB) error) (*sql.DB, error) {
		if !have {
			if err := c.postgres.CreateDatabase(ctx, name); err != nil {
				return nil, err
			}
		}
		owner, err := sql.Open("postgres", c.postgres.DSN(name, embedded.AppUser))
		if err != nil {
			return nil, err
		}
		defer owner.Close()
		if err := files(ctx, owner); err != nil { // an earlier run's may lack later migrations
			return nil, err
		}
		return sql.Open("postgres", c.postgres.DSN(name, embedded.AdminUser))
	}
	dir, err := open(c.directory(), func(ctx context.Context, db *sql.DB) error { return migrations.Up(ctx, db, migrations.Directory) })
	if err != nil {
		return err
	}
	defer dir.Close()
	var dbs []*sql.DB
	for _, name := range c.names() {
		db, err := open(name, func(ctx context.Context, db *sql.DB) error { return migrations.Up(ctx, db, migrations.Source) })
		if err != nil {
			return err
		}
		defer db.Close()
		dbs = append(dbs, db)
	}
	if !have {
		fmt.Fprintf(os.Stderr, "generating %d communities in %d database(s); later runs keep them in %s\n", o.communities, c.databases, o.state)
		opt := seed.ScaleOptions{Communities: o.communities, Seed: 1, Now: benchDay}
		began := time.Now()
		if err := seed.Scale(ctx, opt, dbs, dir, func(line string) { fmt.Fprintln(os.Stderr, line) }); err != nil {
			return err
		}
		for _, db := range dbs {
			if _, err := db.ExecContext(ctx, "VACUUM ANALYZE"); err != nil {
				return err
			}
		}
		if err := c.postgres.CreateDatabase(ctx, done); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "generated in %v\n", time.Since(began).Round(time.Second))
	}
	c.set = &dataset{district: min(100, o.communities)}
	rows, err := dir.QueryContext(ctx, "SELECT slug FROM communities ORDER BY slug")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var slug string
		if err := rows.Scan(&slug); err != nil {
			return err
		}
		c.set.communities = append(c.set.communities, slug)
	}
	return rows.Err()
}

// benchDay is "now" for every part of the benchmark: the rows of today stay today's.
var benchDay = time.Date(2026, 6, 10, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

// start starts the servers under test.
func (c *cluster) start(ctx context.Context, o options) error {
	conf := childConfig{Directory: c.postgres.DSN(c.directory(), embedded.AppUser), Home: map[string]int{}, Today: benchDay.Truncate(24 * time.Hour).Add(-8 * time.Hour)}
	for _, name := range c.names() {
		conf.Sources = append(conf.Sources, c.postgres.DSN(name, embedded.AppUser))
	}
	for i, slug := range c.set.communities {
		conf.Home[slug] = i % c.databases
	}
	floorConf := conf
	floorConf.Sources = nil
	for _, name := range c.names() {
		floorConf.Sources = append(floorConf.Sources, c.postgres.DSN(name, embedded.AdminUser))
	}
	var err error
	if c.floor, err = spawn(ctx, "floor", floorConf); err != nil {
		return err
	}
	c.floor.target.request = floorRequest
	conf.Profile, conf.Limits = o.profile, o.limits
	if c.gateway, err = spawn(ctx, "serve", conf); err != nil {
		return err
	}
	c.gateway.target.request = graphqlRequest
	if !o.redis {
		return nil
	}
	if c.redis, err = embedded.StartRedisServer(ctx, ""); err != nil {
		return fmt.Errorf("redis-server, or run with -redis=false: %w", err)
	}
	conf.Redis = c.redis.Addr
	if o.profile != "" {
		conf.Profile = o.profile + ".cached"
	}
	if c.cached, err = spawn(ctx, "serve", conf); err != nil {
		return err
	}
	c.cached.target.name = "redis hit"
	c.cached.target.request = graphqlRequest
	return nil
}

func (c *cluster) close() {
	for _, p := range []*process{c.floor, c.gateway, c.cached} {
		p.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.postgres.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: PostgreSQL:", err)
	}
	if c.redis != nil {
		if err := c.redis.Stop(ctx, syscall.SIGKILL); err != nil {
			fmt.Fprintln(os.Stderr, "bench: redis-server:", err)
		}
	}
}

// process is a server under test.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer // its end tells the child to stop
	target *target
}

// spawn starts this program again as a server. It prints its address and its token when it
// is ready, and stops when its input ends.
func spawn(ctx context.Context, kind string, conf childConfig) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(in).Encode(conf); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s did not start: %w", kind, err)
	}
	url, token, _ := strings.Cut(strings.TrimSpace(line), " ")
	name := map[string]string{"floor": "floor", "serve": "linhui"}[kind]
	return &process{cmd: cmd, stdin: in, target: &target{name: name, url: url, token: token}}, nil
}

func (p *process) stop() {
	if p == nil {
		return
	}
	p.stdin.Close()
	_ = p.cmd.Wait() // it was told to stop; how it went does not matter here
}

// usage is what a server and PostgreSQL have used so far.
type usage struct {
	cpu, postgres, redis float64 // seconds
	statements           uint64
}

func (p *process) usage(c *cluster) usage {
	u := usage{cpu: cpuOf(p.cmd.Process.Pid), postgres: cpuOfChildren(c.postgres.PID())}
	if c.redis != nil {
		u.redis = cpuOf(c.redis.PID())
	}
	if resp, err := http.Get(p.target.url + "/bench/statements"); err == nil {
		defer resp.Body.Close()
		if raw, err := io.ReadAll(resp.Body); err == nil {
			u.statements, _ = strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
		}
	}
	return u
}

// cpuOf reads user and system time from /proc; clock ticks are 1/100 s on Linux.
func cpuOf(pid int) float64 {
	f := statFields(pid)
	if len(f) < 15 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[13], 64)
	system, _ := strconv.ParseFloat(f[14], 64)
	return (user + system) / 100
}

func statFields(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The command's name stands in brackets and may hold spaces.
	head, tail, _ := strings.Cut(string(raw), ") ")
	return append([]string{head, ""}, strings.Fields(tail)...)
}

func cpuOfChildren(parent int) float64 {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	total := 0.0
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statFields(pid); len(f) > 3 && f[3] == strconv.Itoa(parent) {
			total += cpuOf(pid)
		}
	}
	return total
}
