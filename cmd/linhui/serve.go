package main

import (
	"errors"
	"fmt"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/cache"
	"linhui/internal/config"
	"linhui/server"
	"linhui/web"
)

type serve struct {
	configured
	Addr         string `placeholder:"ADDR" help:"Where to listen instead of the file's addr."`
	SubgraphAddr string `placeholder:"ADDR" help:"Where a federation gateway is answered, instead of the file's subgraph_addr."`
	OpsAddr      string `placeholder:"ADDR" help:"Where metrics and health are served, instead of the file's ops.addr."`
	LogLevel     string `placeholder:"LEVEL" help:"debug, info, warn or error, instead of the file's log_level."`
	StateDir     string `placeholder:"DIR" help:"Where the last good supergraph is kept for a start at which a subgraph does not answer."`
	subgraphs
}

// Run serves until it is told to stop, then drains.
func (s *serve) Run(p *process) (err error) {
	app.TuneRuntime()
	cfg, err := s.load(p, map[string]string{"addr": s.Addr, "subgraph_addr": s.SubgraphAddr, "ops.addr": s.OpsAddr, "log_level": s.LogLevel})
	if err != nil {
		return err
	}
	log := p.logger(cfg.LogLevel)
	at, err := addresses{cfg.Addr, cfg.SubgraphAddr, cfg.Ops.Addr}.listen()
	if err != nil {
		return err
	}
	defer at.close()

	opt := app.Options{Keep: true, CursorKey: []byte(cfg.CursorKey), Budgets: budgets(cfg), Log: log}
	if opt.Server, err = s.server(p, cfg); err != nil {
		return err
	}
	if opt.Join, err = s.join(s.StateDir, log); err != nil {
		return err
	}
	if cfg.RedisURL == "" {
		log.Warn("no redis_url: hot lists are read from SQL, and each instance counts rates by itself")
	} else {
		if opt.Redis, err = cache.NewClient(cfg.RedisURL.Reveal()); err != nil {
			return usage("redis_url: %w", err)
		}
		defer opt.Redis.Close()
	}
	if opt.Directory, opt.Sources, err = openDatabases(cfg); err != nil {
		return err
	}
	traces, stopTraces, err := p.traces()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTraces()) }()
	opt.Traces = traces
	gateway, err := app.New(p.soft, opt)
	if err != nil {
		return fmt.Errorf("start: %w (linhui doctor says what to do)", err)
	}
	defer func() { err = errors.Join(err, gateway.Close()) }()
	defer onHangup(p.soft, gateway)()

	ready := []any{"addr", at.public.Addr().String()}
	if at.subgraph != nil {
		ready = append(ready, "subgraph_addr", at.subgraph.Addr().String())
	}
	if at.ops != nil {
		ready = append(ready, "ops_addr", at.ops.Addr().String())
	}
	log.Info("ready", append(ready, "sources", len(opt.Sources), "release", release)...)
	err = gateway.Serve(p.soft, p.hard, at.answered(gateway.Handler(), gateway.SubgraphHandler(), gateway.OpsHandler())...)
	log.Info("stopped")
	return err
}

// server is what the configuration says of the HTTP side.
func (s *serve) server(p *process, cfg *config.Config) (server.Options, error) {
	o := server.Options{Limits: limits(cfg.Limits), Timing: server.DefaultTiming(), Origins: cfg.Origins, TrustedProxies: cfg.TrustedProxies}
	o.Profiles = cfg.Ops.Pprof
	o.Timing.DrainDelay, o.Timing.DrainTimeout = cfg.Drain.Delay, cfg.Drain.Timeout
	if cfg.Playground {
		o.Playground, o.PlaygroundPolicy = web.Playground(), web.ContentSecurityPolicy
	}
	var err error
	if o.AllowList, err = allowList(cfg.AllowList); err != nil {
		return o, err
	}
	if cfg.Auth.JWKSURL != "" {
		keys, err := authn.NewJWKS(p.hard, cfg.Auth.JWKSURL, authn.Config{Issuer: cfg.Auth.Issuer, Audience: cfg.Auth.Audience})
		if err != nil {
			return o, fmt.Errorf("auth.jwks_url: %w", err)
		}
		o.Authenticator = keys
	}
	if gateway := cfg.Auth.Gateway; gateway.Key != "" {
		key, err := authn.ReadPublicKey(gateway.Key)
		if err != nil {
			return o, usage("auth.gateway.key: %w", err)
		}
		if o.Assertions, err = authn.NewKey(key, authn.Config{Issuer: gateway.Issuer, Audience: gateway.Audience}); err != nil {
			return o, usage("auth.gateway: %w", err)
		}
	}
	return o, nil
}
