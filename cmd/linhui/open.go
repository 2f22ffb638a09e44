package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/lib/pq"

	"linhui/internal/config"
	"linhui/internal/database"
	"linhui/server"
	"linhui/sources"
)

// configured is what commands with a configuration file share.
type configured struct {
	Config string `required:"" short:"c" placeholder:"FILE" help:"Configuration; deploy/linhui.example.yaml shows every key."`
}

// load reads and checks the configuration.
func (c configured) load(p *process, overrides map[string]string) (*config.Config, error) {
	cfg, err := config.Load(c.Config, p.environ, overrides)
	if err != nil {
		return nil, usage("%w", err)
	}
	return cfg, nil
}

// openDatabases opens the directory and the sources; it dials nothing.
func openDatabases(cfg *config.Config) (*database.DB, []*sources.Source, error) {
	var errs []error
	open := func(key string, s config.Source) *database.DB {
		db, err := database.Open(databaseConfig(cfg, key, s))
		errs = append(errs, err)
		return db
	}
	var list []*sources.Source
	for _, key := range slices.Sorted(maps.Keys(cfg.Sources)) {
		s := cfg.Sources[key]
		list = append(list, &sources.Source{Key: key, DB: open(key, s), Essential: s.Essential})
	}
	directory := open(directoryKey, cfg.Directory)
	if err := errors.Join(errs...); err != nil {
		return nil, nil, usage("%w", err)
	}
	return directory, list, nil
}

func databaseConfig(cfg *config.Config, key string, s config.Source) database.Config {
	c := database.Config{
		Key: key, DSN: s.DSN.Reveal(), PublicDSN: s.Public.DSN.Reveal(), WriterDSN: s.Writer.DSN.Reveal(),
		ListenDSN: s.Listen.DSN.Reveal(), TransactionPooler: s.TransactionPooler,
		MaxConns: s.MaxConns, Queue: s.Queue, QueueWait: s.QueueWait,
		BreakerWindow: cfg.Breaker.Window, BreakerCalls: cfg.Breaker.Calls, BreakerRatio: cfg.Breaker.Ratio, BreakerOpen: cfg.Breaker.Open,
	}
	for _, r := range s.Replicas {
		c.Replicas = append(c.Replicas, r.DSN.Reveal())
	}
	for class, budget := range budgets(cfg) {
		c.Budgets[class] = budget
	}
	return c
}

func budgets(cfg *config.Config) map[database.Budget]time.Duration {
	return map[database.Budget]time.Duration{
		database.Dashboard: cfg.Budgets.Dashboard, database.Analyst: cfg.Budgets.Analyst, database.Export: cfg.Budgets.Export,
	}
}

// limits are the server's with what the configuration says instead.
func limits(c config.Limits) server.Limits {
	l := server.DefaultLimits()
	l.AnonymousBody, l.SignedInBody, l.ResponseBytes = c.AnonymousBodyBytes, c.SignedInBodyBytes, c.ResponseBytes
	l.Tokens, l.Depth, l.Aliases, l.RootFields = c.Tokens, c.Depth, c.Aliases, c.RootFields
	l.Cost, l.PerMinute, l.InFlight, l.Streams = c.CostPoints, c.PointsPerMinute, c.InFlight, c.Streams
	return l
}

// allowList reads the file of the only documents that may run, when there is one.
func allowList(path string) (server.AllowList, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("allow_list: %w", err)
	}
	defer f.Close()
	list, err := server.ReadAllowList(f)
	if err != nil {
		return nil, usage("allow_list: %s: %w", path, err)
	}
	return list, nil
}

const (
	dialWait   = 5 * time.Second // of commands that look after databases: nobody waits for them
	ownerConns = 2
)

// owned is a pool that connects as the owner of the schema, past everything the gateway does.
func owned(key string, s config.Source) (*sql.DB, error) {
	cfg, err := pq.NewConfig(s.DSN.Reveal())
	if err != nil {
		return nil, usage("%s: the DSN is not a connection string (or a PG* environment variable is not supported)", key)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = dialWait
	}
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, usage("%s: the DSN cannot be used: %w", key, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(ownerConns)
	return db, nil
}

// reach says which database does not answer, before anything is asked of it.
func reach(ctx context.Context, key string, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("%s does not answer: %w", key, err)
	}
	return nil
}
