package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/cache"
	"linhui/internal/embedded"
	"linhui/server"
	"linhui/web"
)

type demo struct {
	Addr         string `env:"ADDR" default:"127.0.0.1:8080" help:"Where to listen; port 0 takes a free one."`
	StateDir     string `env:"STATE_DIR" default:".state" help:"Where databases and keys are kept between starts."`
	Fresh        bool   `help:"Forget the kept state first."`
	SubgraphAddr string `env:"SUBGRAPH_ADDR" placeholder:"ADDR" help:"Where a federation gateway is answered; off unless given."`
	OpsAddr      string `env:"OPS_ADDR" default:"127.0.0.1:0" help:"Where metrics and health are served; port 0 takes a free one."`
	PostgresPort int    `env:"POSTGRES_PORT" placeholder:"PORT" help:"Port of the private PostgreSQL; a free one unless given."`
	LogLevel     level  `env:"LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"Least level that is shown: debug, info, warn or error."`
	subgraphs
}

// stopWait bounds the end of the private PostgreSQL. Chosen: a checkpoint of the demo's data takes well under a second.
const stopWait = 10 * time.Second

// Run runs the demo until it is interrupted.
func (d *demo) Run(p *process) (err error) {
	app.TuneRuntime()
	at, err := addresses{d.Addr, d.SubgraphAddr, d.OpsAddr}.listen()
	if err != nil {
		return err
	}
	defer at.close()
	if d.Fresh {
		if err := forget(d.StateDir); err != nil {
			return fmt.Errorf("--fresh: %w", err)
		}
	}
	local, err := localIssuer(d.StateDir)
	if err != nil {
		return err
	}
	cursors, err := cursorKey(d.StateDir)
	if err != nil {
		return err
	}

	p.begin("PostgreSQL starts")
	postgres, err := embedded.StartPostgres(p.soft, embedded.PostgresOptions{Dir: filepath.Join(d.StateDir, postgresDir),
		Port: d.PostgresPort, Log: newConsole(p.out, slog.LevelInfo)})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(p.hard, stopWait)
		defer cancel()
		err = errors.Join(err, postgres.Stop(ctx))
	}()

	claims, err := prepare(p, postgres)
	if err != nil {
		return err
	}

	redis, err := embedded.StartRedis(p.soft)
	if err != nil {
		return err
	}
	defer redis.Close()
	client, err := cache.NewClient("redis://" + redis.Addr())
	if err != nil {
		return err
	}
	defer client.Close()

	opt := app.Options{Redis: client, Keep: true, CursorKey: cursors, Log: newConsole(p.err, d.LogLevel.slog())}
	if opt.Join, err = d.join(d.StateDir, opt.Log); err != nil {
		return err
	}
	opt.Server = server.Options{Authenticator: local, Playground: web.Playground(), PlaygroundPolicy: web.ContentSecurityPolicy, Dev: true}
	opt.Server.Timing = server.DefaultTiming()
	opt.Server.Timing.DrainDelay = 0 // no balancer has to notice
	opt.Directory, opt.Sources, err = openDemo(postgres)
	if err != nil {
		return err
	}
	traces, stopTraces, err := p.traces()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTraces()) }()
	opt.Traces = traces
	g, err := app.New(p.soft, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	if err := keepQueries(p.soft, g, claims[authz.Analyst]); err != nil {
		return err
	}
	defer onHangup(p.soft, g)()

	// A demo whose PostgreSQL ended by itself says so instead of going on without sources.
	soft, stop := context.WithCancelCause(p.soft)
	defer stop(nil)
	go func() {
		select {
		case <-postgres.Done():
			stop(fmt.Errorf("PostgreSQL ended by itself; %s may say why", filepath.Join(postgres.Dir(), "server.log")))
		case <-soft.Done():
		}
	}()
	offered, err := grants(local, claims, printedFor)
	if err != nil {
		return err
	}
	if err := d.welcome(p, at, postgres, offered); err != nil {
		return err
	}
	public := offer(local, claims, g.Handler())
	err = g.Serve(soft, p.hard, at.answered(public, g.SubgraphHandler(), g.OpsHandler())...)
	if cause := context.Cause(soft); p.soft.Err() == nil && cause != nil {
		return errors.Join(cause, err)
	}
	fmt.Fprintln(p.out, "stopped")
	return err
}

// welcome says where everything is.
func (d *demo) welcome(p *process, l listeners, postgres *embedded.Postgres, offered []grant) error {
	at := l.public.Addr()
	fmt.Fprintf(p.out, "\nready http://%s/\n\n", at)
	if web.Built() {
		fmt.Fprintf(p.out, "playground  http://%s/\n", at)
	} else {
		fmt.Fprintf(p.out, "playground  not built: install Node 20.19 or newer with npm, then make run\n")
	}
	fmt.Fprintf(p.out, "GraphQL     http://%s/graphql (POST, GET, websocket, event stream)\n", at)
	fmt.Fprintf(p.out, "files       http://%s/q/stations.csv and what else savedQueries lists, for the analyst\n", at)
	if l.subgraph != nil {
		fmt.Fprintf(p.out, "subgraph    http://%s/graphql\n", l.subgraph.Addr())
	}
	if l.ops != nil {
		fmt.Fprintf(p.out, "metrics     http://%s/metrics\n", l.ops.Addr())
	}
	fmt.Fprintf(p.out, "databases   PGPASSWORD=$(cat %s) psql -h 127.0.0.1 -p %d -U %s %s\n",
		filepath.Join(postgres.Dir(), "password"), postgres.Port(), embedded.AppUser, streets[homeStreet])
	fmt.Fprintf(p.out, "            also %s\n\n", otherDatabases())
	if err := p.table(offered); err != nil {
		return err
	}
	if !onlyHere(at) {
		fmt.Fprintf(p.out, "\nWhoever reaches %s can take any of these roles: the demo is for machines of your own.\n", at)
	}
	_, err := fmt.Fprintf(p.out, "\nSend a token as the header: Authorization: Bearer TOKEN\nCtrl-C stops; what was written stays in %s, and --fresh forgets it.\n", d.StateDir)
	return err
}
