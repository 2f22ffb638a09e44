package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/pprof"
	"time"

	"linhui/cmd/linhui/gateway"
	"linhui/server"
)

// serveGateway is linhui gateway with the few flags that run gives it.
func serveGateway(args []string) error {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	file := flags.String("supergraph", "", "")
	addr := flags.String("addr", "", "")
	calls := flags.Bool("share-calls", false, "")
	queries := flags.Bool("share-queries", false, "")
	for _, name := range []string{"poll", "log-level"} {
		flags.String(name, "", "")
	}
	flags.Bool("no-playground", false, "")
	cost, perMinute := flags.Int("cost", 0, ""), flags.Int("per-minute", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	gateway.TuneRuntime()
	if path := os.Getenv("CPU_PROFILE"); path != "" && !*queries {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		time.AfterFunc(12*time.Second, pprof.StopCPUProfile)
	}
	o := gateway.Options{Load: gateway.File(*file), Share: *queries, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	o.Client.Share = *calls
	o.Server.Limits = server.DefaultLimits()
	o.Server.Limits.Cost, o.Server.Limits.PerMinute = *cost, *perMinute
	g, err := gateway.New(context.Background(), o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	return g.Serve(context.Background(), context.Background(), l, nil)
}
