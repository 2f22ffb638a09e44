package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"linhui/cmd/linhui/gateway"
	"linhui/internal/authn"
	"linhui/server"
	"linhui/web"
)

type gatewayCommand struct {
	Supergraph string `placeholder:"FILE" help:"Supergraph SDL, composed here or by another tool that follows the join specification; --subgraph then says where one is, instead of the file. It is looked at every second. Without it the subgraphs are composed."`
	subgraphs
	Addr     string `env:"ADDR" default:"127.0.0.1:4000" help:"Where to listen; port 0 takes a free one."`
	OpsAddr  string `env:"OPS_ADDR" placeholder:"ADDR" help:"Where metrics and health are served; off unless given."`
	StateDir string `placeholder:"DIR" help:"Where the last good supergraph is kept for a start at which there is none."`

	JWKSURL  string `name:"jwks-url" placeholder:"URL" help:"Keys that sign clients' tokens. Without it tokens are refused."`
	Issuer   string `default:"linhui-gateway" help:"Of clients' tokens."`
	Audience string `default:"linhui" help:"Of clients' tokens."`

	Cost       int   `default:"50000" help:"Points that one operation may cost."`
	PerMinute  int   `default:"5000000" help:"Points that one client may spend in a minute."`
	InFlight   int   `default:"1024" help:"Requests being answered at once."`
	Dev        bool  `help:"Show prices, and plans to requests with the header X-Linhui-Plan."`
	Playground bool  `default:"true" negatable:"" help:"Serve the playground."`
	LogLevel   level `env:"LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"Least level that is logged."`
}

// filePoll is how often a supergraph's file is looked at; chosen: one stat.
const filePoll = time.Second

// Run serves a supergraph until it is told to stop, then drains.
func (c *gatewayCommand) Run(p *process) (err error) {
	gateway.TuneRuntime()
	o, err := c.options(c.StateDir, p.logger(c.LogLevel.slog()))
	if err != nil {
		return err
	}
	switch {
	case c.Supergraph != "":
		o.Load, o.Poll = gateway.File(c.Supergraph), min(c.Poll, filePoll)
	case len(c.Subgraph) > 0:
		composer, err := gateway.NewComposer(c.Subgraph, nil, o.Client)
		if err != nil {
			return usageError{err}
		}
		o.Load, o.URLs = composer.Load, nil
	default:
		return usage("give --supergraph FILE, or --subgraph NAME=URL for each subgraph")
	}
	if o.Server, err = c.server(p); err != nil {
		return err
	}
	at, err := addresses{public: c.Addr, ops: c.OpsAddr}.listen()
	if err != nil {
		return err
	}
	defer at.close()
	traces, stopTraces, err := p.traces()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTraces()) }()
	o.Traces = traces
	g, err := gateway.New(p.soft, o)
	if err != nil {
		return err
	}
	defer g.Close()
	defer onHangup(p.soft, g)()
	gateway.ReleaseCode()
	fmt.Fprintf(p.out, "ready http://%s/graphql\n", at.public.Addr())
	return g.Serve(p.soft, p.hard, at.public, at.ops)
}

func (c *gatewayCommand) server(p *process) (server.Options, error) {
	o := server.Options{Limits: server.DefaultLimits(), Timing: server.DefaultTiming(), Dev: c.Dev}
	o.Limits.Cost, o.Limits.PerMinute, o.Limits.InFlight = c.Cost, c.PerMinute, c.InFlight
	if slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, host(c.Addr)) {
		o.Timing.DrainDelay = 0 // no balancer has to notice
	}
	if c.Playground {
		o.Playground, o.PlaygroundPolicy = web.Playground(), web.ContentSecurityPolicy
	}
	if c.JWKSURL == "" {
		return o, nil
	}
	keys, err := authn.NewJWKS(p.hard, c.JWKSURL, authn.Config{Issuer: c.Issuer, Audience: c.Audience})
	if err != nil {
		return o, errors.Join(usage("--jwks-url"), err)
	}
	o.Authenticator = keys
	return o, nil
}

func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}
