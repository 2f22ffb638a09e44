package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"linhui/cmd/linhui/gateway"
	"linhui/internal/authn"
	"linhui/server"
	"linhui/supergraph/execute"
	"linhui/supergraph/subgraph"
	"linhui/web"
)

type gatewayCommand struct {
	Supergraph string            `placeholder:"FILE" help:"Supergraph SDL, composed here or by another tool that follows the join specification."`
	Subgraph   map[string]string `mapsep:"none" placeholder:"NAME=URL" help:"Without --supergraph: a subgraph to compose. With it: where that subgraph is, instead of the file's address. Repeatable."`
	Stream     map[string]string `mapsep:"none" placeholder:"NAME=URL" help:"Where a subgraph answers subscriptions: ws and wss addresses speak graphql-transport-ws, others server-sent events. Default: events at its address."`
	Addr       string            `env:"ADDR" default:"127.0.0.1:4000" help:"Where to listen; port 0 takes a free one."`
	StateDir   string            `placeholder:"DIR" help:"Where the last good supergraph is kept for a start at which there is none."`
	Poll       time.Duration     `default:"10s" help:"How often a new supergraph is looked for; 0: only at SIGHUP."`

	Timeout      time.Duration `default:"5s" help:"Of one call of a subgraph."`
	Concurrency  int           `default:"128" help:"Calls of one subgraph at once."`
	AnswerBytes  int64         `default:"16777216" help:"Of one answer of a subgraph."`
	Forward      []string      `placeholder:"HEADER" help:"Headers of the client that subgraphs get."`
	Return       []string      `placeholder:"HEADER" help:"Headers of subgraphs that the client gets."`
	Gzip         bool          `help:"Ask subgraphs for compressed answers, except those of this machine."`
	ShareCalls   bool          `help:"Equal calls of a subgraph that are under way together have one answer."`
	ShareQueries bool          `help:"Equal queries of clients without a token that are under way together have one answer."`
	ShowErrors   []string      `placeholder:"NAME" help:"Subgraphs whose error messages clients may read; * means all. The log has all of them."`

	AssertKey string   `placeholder:"FILE" help:"Ed25519 key that signs for subgraphs who asks; made when it is not there."`
	AssertTo  []string `placeholder:"NAME" help:"Subgraphs that get the signed statement, as their bearer token."`
	JWKSURL   string   `name:"jwks-url" placeholder:"URL" help:"Keys that sign clients' tokens. Without it tokens are refused."`
	Issuer    string   `default:"linhui-gateway" help:"Of clients' tokens, and of the statements that --assert-key signs."`
	Audience  string   `default:"linhui" help:"Of clients' tokens."`

	Cost       int   `default:"50000" help:"Points that one operation may cost."`
	PerMinute  int   `default:"5000000" help:"Points that one client may spend in a minute."`
	InFlight   int   `default:"1024" help:"Requests being answered at once."`
	Dev        bool  `help:"Show prices, and plans to requests with the header X-Linhui-Plan."`
	Playground bool  `default:"true" negatable:"" help:"Serve the playground."`
	LogLevel   level `env:"LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"Least level that is logged."`
}

// Run serves a supergraph until it is told to stop, then drains.
func (c *gatewayCommand) Run(p *process) error {
	gateway.TuneRuntime()
	log := p.logger(c.LogLevel.slog())
	o := gateway.Options{Poll: c.Poll, Share: c.ShareQueries, Log: log}
	o.Client = subgraph.Options{Timeout: c.Timeout, ResponseBytes: c.AnswerBytes, Concurrency: c.Concurrency,
		Forward: c.Forward, Return: c.Return, Share: c.ShareCalls, Log: log}
	if c.StateDir != "" {
		o.Keep = gateway.Keep(filepath.Join(c.StateDir, "supergraph.graphql"))
	}
	var err error
	switch {
	case c.Supergraph != "":
		o.Load, o.URLs = gateway.File(c.Supergraph), c.Subgraph
	case len(c.Subgraph) > 0:
		if o.Load, err = gateway.Composed(c.Subgraph, o.Client); err != nil {
			return usageError{err}
		}
	default:
		return usage("give --supergraph FILE, or --subgraph NAME=URL for each subgraph")
	}
	if o.Tune, err = c.tune(); err != nil {
		return err
	}
	o.Policies = c.policies()
	if o.Server, err = c.server(p); err != nil {
		return err
	}
	listeners, err := listen(c.Addr, "")
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	g, err := gateway.New(p.soft, o)
	if err != nil {
		return err
	}
	defer g.Close()
	stop := onHangup(p.soft, func() { _ = g.Reload(p.soft) }) // what fails is in the log already
	defer stop()
	fmt.Fprintf(p.out, "ready http://%s/graphql\n", listeners[0].Addr())
	return g.Serve(p.soft, p.hard, listeners[0])
}

// onHangup calls do at every SIGHUP.
func onHangup(ctx context.Context, do func()) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangups:
				do()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hangups); <-done }
}

// tune returns what is different for single subgraphs.
func (c *gatewayCommand) tune() (func(*subgraph.Options), error) {
	if len(c.AssertTo) > 0 && c.AssertKey == "" {
		return nil, usage("--assert-to needs --assert-key")
	}
	asserts := make(map[string]subgraph.Assert)
	if c.AssertKey != "" {
		key, err := authn.LoadKey(c.AssertKey)
		if err != nil {
			return nil, usageError{err}
		}
		for _, name := range c.AssertTo {
			if asserts[name], err = subgraph.Assertions(key, c.Issuer, name, nil); err != nil {
				return nil, err
			}
		}
	}
	return func(o *subgraph.Options) {
		o.Assert = asserts[o.Name]
		o.StreamURL = c.Stream[o.Name]
		o.Gzip = c.Gzip && !subgraph.IsLocal(o.URL)
	}, nil
}

func (c *gatewayCommand) policies() map[string]execute.Policy {
	policies := make(map[string]execute.Policy)
	for _, name := range c.ShowErrors {
		policies[name] = execute.Policy{Messages: true}
	}
	return policies
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
