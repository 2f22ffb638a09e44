// Command bench measures the gateway against a hand-written floor on the scale set: the same
// rows in one database and in eight, the same questions, turn and turn about, 16 connections.
//
//	make bench                          the whole set, about ten minutes
//	make bench ARGS="-communities 100"  a small one
//
// It prints requests a second, p50 and p99, statements and CPU a request and the ratio to the
// floor, and writes bench/out/result.json. Figures of one run compare; those of two do not.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"linhui/cmd/linhui/app"
)

type options struct {
	communities int
	state       string
	databases   string
	rounds      int
	seconds     float64
	conns       int
	only        string
	redis       bool
	profile     string
	limits      bool
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "floor", "serve":
			if err := child(os.Args[1]); err != nil {
				fmt.Fprintln(os.Stderr, "bench", os.Args[1]+":", err)
				os.Exit(1)
			}
			return
		}
	}
	app.TuneRuntime() // collecting the load's garbage would slow every server down
	var o options
	flag.IntVar(&o.communities, "communities", 1000, "communities of the scale set")
	flag.StringVar(&o.state, "state", ".state/bench", "where the databases are kept between runs")
	flag.StringVar(&o.databases, "databases", "8,1", "how many databases the rows are spread over, measured one after the other")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds a workload; medians are printed")
	flag.Float64Var(&o.seconds, "seconds", 2, "seconds a target and round")
	flag.IntVar(&o.conns, "conns", 16, "connections")
	flag.StringVar(&o.only, "only", "", "workloads to run, such as a,b")
	flag.BoolVar(&o.redis, "redis", true, "measure workload c on a Redis hit too")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the gateway to this file")
	flag.BoolVar(&o.limits, "limits", false, "keep production's bulkheads and budgets, and count what they refuse: with -conns 48, threefold overload")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var results []result
	for _, n := range strings.Split(o.databases, ",") {
		var count int
		if _, err := fmt.Sscan(n, &count); err != nil || count < 1 {
			return fmt.Errorf("-databases: %q is no number of databases", n)
		}
		c, err := setUp(ctx, o, count, log)
		if err != nil {
			return err
		}
		rows, err := measure(ctx, o, c)
		c.close()
		if err != nil {
			return err
		}
		results = append(results, rows...)
	}
	if err := os.MkdirAll("bench/out", 0o755); err != nil {
		return err
	}
	out, err := json.MarshalIndent(map[string]any{"at": time.Now().Format(time.RFC3339), "communities": o.communities, "connections": o.conns, "results": results}, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join("bench", "out", "result.json")
	if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Println("\nwritten to", file)
	return nil
}
