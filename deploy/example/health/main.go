// Command health is a department's service that takes part in the supergraph: clinics and their
// consulting hours, linked to the communities and stations of the community graph. It has a
// PostgreSQL of its own.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"linhui/deploy/example/health/graph"
	"linhui/internal/embedded"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "where to listen")
	dsn := flag.String("dsn", "", "a PostgreSQL database; without it a private server is started")
	dir := flag.String("state-dir", ".state/health", "where the private server keeps its data")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *dsn, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

// stopWait bounds the end of requests and of the private server; chosen.
const stopWait = 10 * time.Second

func run(ctx context.Context, addr, dsn, dir string) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer l.Close()
	if dsn == "" {
		postgres, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: dir, Log: log})
		if err != nil {
			return err
		}
		defer func() {
			ending, cancel := context.WithTimeout(context.Background(), stopWait)
			defer cancel()
			err = errors.Join(err, postgres.Stop(ending))
		}()
		if err := postgres.CreateDatabase(ctx, "health"); err != nil {
			return err
		}
		dsn = postgres.DSN("health", embedded.AppUser)
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := graph.Migrate(ctx, db); err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("/graphql", graph.New(db, log))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := db.PingContext(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	fmt.Printf("health service ready http://%s/graphql\n", l.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	return srv.Shutdown(ending)
}
