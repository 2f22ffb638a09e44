package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/cache"
	"linhui/internal/database"
	"linhui/server"
	"linhui/sources"
)

// child is a server under test: it reads its configuration from standard input, prints its
// address and token, and serves until the input ends.
func child(kind string) error {
	in := json.NewDecoder(os.Stdin)
	var conf childConfig
	if err := in.Decode(&conf); err != nil {
		return err
	}
	app.TuneRuntime() // the floor gets the same
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var handler http.Handler
	var token string
	var err error
	if kind == "floor" {
		handler, err = floorHandler(ctx, conf)
	} else {
		var stop func()
		handler, token, stop, err = gatewayHandler(ctx, conf)
		if err == nil {
			defer stop()
		}
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler}
	go func() { _ = srv.Serve(l) }() // ends with Close below
	if conf.Profile != "" {
		f, err := os.Create(conf.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("http://%s %s\n", l.Addr(), token)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return srv.Close()
}

func floorHandler(ctx context.Context, conf childConfig) (http.Handler, error) {
	f, err := newFloor(ctx, conf.Sources, conf.Home, conf.Today)
	if err != nil {
		return nil, err
	}
	var asked atomic.Uint64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bench/statements", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strconv.FormatUint(asked.Load(), 10))
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(uint64(len(f.dbs)))
		f.ServeHTTP(w, r)
	})
	return mux, nil
}

// patience is how long the gateway waits for a source that shares two cores with its callers.
const patience = 10 * time.Second

func gatewayHandler(ctx context.Context, conf childConfig) (http.Handler, string, func(), error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, "", nil, err
	}
	now := func() time.Time { return benchDay }
	local, err := authn.NewLocal(key, authn.Config{Issuer: "linhui", Audience: "linhui", Now: now})
	if err != nil {
		return nil, "", nil, err
	}
	claims := authn.Claims{Roles: []string{string(authz.StreetStaff)}, Communities: authn.Communities{All: true}}
	claims.Subject = "bench"
	token, err := local.Issue(claims, 24*time.Hour)
	if err != nil {
		return nil, "", nil, err
	}
	opt := app.Options{CursorKey: []byte("bench cursor key"), Now: now, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if !conf.Limits {
		opt.Budgets = map[database.Budget]time.Duration{database.Dashboard: patience}
	}
	opt.Server.Authenticator = local
	opt.Server.Limits = server.DefaultLimits()
	opt.Server.Limits.PerMinute = 1 << 40 // one client asks for hundreds
	if opt.Directory, err = database.Open(database.Config{Key: "directory", DSN: conf.Directory}); err != nil {
		return nil, "", nil, err
	}
	for i, dsn := range conf.Sources {
		key := fmt.Sprintf("source-%d", i)
		cfg := database.Config{Key: key, DSN: dsn}
		if !conf.Limits { // neither the bulkhead nor the deadlines are what is measured
			cfg.Queue, cfg.QueueWait, cfg.Budgets = 1000, patience, [...]time.Duration{patience, patience, patience}
		}
		db, err := database.Open(cfg)
		if err != nil {
			return nil, "", nil, err
		}
		opt.Sources = append(opt.Sources, &sources.Source{Key: key, DB: db})
	}
	if conf.Redis != "" {
		if opt.Redis, err = cache.NewClient("redis://" + conf.Redis); err != nil {
			return nil, "", nil, err
		}
	}
	g, err := app.New(ctx, opt)
	if err != nil {
		return nil, "", nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bench/statements", func(w http.ResponseWriter, r *http.Request) {
		var n uint64
		for _, s := range g.Sources.All() {
			n += uint64(s.DB.Snapshot().Statements)
		}
		io.WriteString(w, strconv.FormatUint(n, 10))
	})
	mux.Handle("/", g.Handler())
	return mux, token, func() { _ = g.Close() }, nil
}
