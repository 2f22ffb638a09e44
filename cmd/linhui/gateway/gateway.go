// Package gateway runs a supergraph without any database: it loads it, serves it, and takes a new
// one over without dropping a request.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	otel "go.opentelemetry.io/otel/trace"

	"linhui/internal/fault"
	"linhui/internal/trace"
	"linhui/server"
	"linhui/supergraph"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
	"linhui/supergraph/subgraph"
)

// Options are what a gateway is made of; Load is required.
type Options struct {
	// Load returns the SDL of the supergraph as it is now. See File and Composer.
	Load func(context.Context) (string, error)
	// Part returns what there is of it, for a start at which Load fails and nothing was kept. Nil: no start then.
	Part func(context.Context) (string, error)
	// Keep remembers the last supergraph that was good, for a start at which Load fails. Zero: nothing is remembered.
	Keep Keep
	// Poll is how often Load is asked for a change; 0: only Reload asks.
	Poll time.Duration

	Client   subgraph.Options          // of every subgraph; Name and URL are filled in
	URLs     map[string]string         // addresses of subgraphs instead of the supergraph's
	Tune     func(*subgraph.Options)   // changes the options of one subgraph; nil: nothing
	Policies map[string]execute.Policy // what is told of a subgraph's errors
	Limits   execute.Limits            // zero: DefaultLimits
	Local    *Local                    // the subgraph that is this process's own; nil: there is none
	Share    bool                      // of equal queries of the public

	Traces otel.TracerProvider // nil: none

	Server server.Options // Schema is filled in, with Local also Before
	Log    *slog.Logger   // nil: slog.Default
}

// Gateway is a running gateway without its listeners.
type Gateway struct {
	o       Options
	metrics *metrics
	now     atomic.Pointer[version]
	stop    context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex // of what follows, and of reloads
	versions []*version // of those, some only finish what they began
	clients  map[string]*client
	sdl      string // of the supergraph in use
	refused  string // why the last supergraph was not taken
}

// client is the client of one subgraph. It outlives the supergraph: what it knows of the subgraph
// stays true.
type client struct {
	*subgraph.Client
	url string
}

// version serves one supergraph.
type version struct {
	*server.Server
	handler    http.Handler
	supergraph *plan.Supergraph
	active     atomic.Int64 // requests
	retired    atomic.Bool
}

// warmTime bounds the planning of known operations before a new supergraph is served; chosen: the
// benchmark's query takes 2 ms.
const warmTime = time.Second

// New loads the supergraph and starts watching it. It fails when there is none, neither now nor
// from an earlier time.
func New(ctx context.Context, o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Limits == (execute.Limits{}) {
		o.Limits = execute.DefaultLimits()
	}
	if o.Server.Registry == nil {
		o.Server.Registry = prometheus.NewRegistry()
	}
	o.Server.Log = o.Log
	g := &Gateway{o: o, clients: make(map[string]*client), done: make(chan struct{})}
	var err error
	if g.metrics, err = newMetrics(o.Server.Registry); err != nil {
		return nil, err
	}
	if err := g.start(ctx); err != nil {
		return nil, err
	}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(g.done)
		g.watch(ctx)
	}()
	return g, nil
}

// start takes the supergraph as it is, or else the one that was good last.
func (g *Gateway) start(ctx context.Context) error {
	sdl, err := g.o.Load(ctx)
	if err == nil {
		err = g.take(sdl)
	}
	if err == nil {
		g.keep(sdl)
		return nil
	}
	old, kept := g.o.Keep.read()
	if kept == nil && old != "" {
		if again := g.take(old); again != nil {
			return errors.Join(err, fmt.Errorf("the supergraph kept from an earlier time: %w", again))
		}
		g.refuse(err, "the supergraph kept from an earlier time is served")
		return nil
	}
	if g.o.Part == nil {
		return err
	}
	part, none := g.o.Part(ctx)
	if none == nil {
		none = g.take(part)
	}
	if none != nil {
		return errors.Join(err, none)
	}
	g.refuse(err, "what there is of it is served")
	return nil
}

func (g *Gateway) watch(ctx context.Context) {
	if g.o.Poll == 0 {
		return
	}
	t := time.NewTicker(g.o.Poll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = g.Reload(ctx) // what fails is in the log already
		}
	}
}

// Reload takes the supergraph as it is now. Requests under way finish with the one they began
// with. When the new one is broken or cannot be had, the old one stays, and the error says why.
func (g *Gateway) Reload(ctx context.Context) error {
	sdl, err := g.o.Load(ctx)
	if err == nil {
		if g.isCurrent(sdl) {
			return nil
		}
		err = g.take(sdl)
	}
	if err != nil {
		g.refuse(err, "the supergraph in use stays")
		return err
	}
	g.keep(sdl)
	return nil
}

// keep remembers a supergraph for the next start.
func (g *Gateway) keep(sdl string) {
	if err := g.o.Keep.write(sdl); err != nil {
		g.o.Log.Warn("the supergraph cannot be kept for the next start", "cause", err.Error())
	}
}

// refuse logs why a supergraph was not taken, once for each reason.
func (g *Gateway) refuse(err error, then string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == err.Error() {
		return
	}
	g.refused = err.Error()
	g.metrics.reloads.WithLabelValues("refused").Inc()
	g.o.Log.Error("the supergraph is not taken; "+then, "cause", err.Error())
}

func (g *Gateway) isCurrent(sdl string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	same := g.now.Load() != nil && sdl == g.sdl
	if same {
		g.refused = ""
	}
	return same
}

// take serves sdl from now on.
func (g *Gateway) take(sdl string) error {
	s, err := plan.New(sdl)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	subgraphs, err := g.connect(s)
	if err != nil {
		return err
	}
	executor := &execute.Executor{Subgraphs: subgraphs, Policies: g.o.Policies, Limits: g.o.Limits, Observe: g.observe}
	so := g.o.Server
	schema := execute.NewSchema(s, executor, execute.SchemaOptions{Share: g.o.Share, ShareKey: g.shareKey(), Plans: so.Dev,
		Planning: planning, Log: g.o.Log, RequestID: server.RequestID})
	so.Schema = schema
	if g.o.Local != nil {
		j := newJoined(schema, s, g.o.Local, so.Dev)
		so.Schema, so.Before = j, j.before
	}
	if g.o.Traces != nil {
		so.Before = Named(so.Before)
	}
	srv, err := server.New(so)
	if err != nil {
		return err
	}
	v := &version{Server: srv, handler: srv.Handler(), supergraph: s}
	warmed := 0
	if old := g.now.Load(); old != nil {
		ctx, cancel := context.WithTimeout(context.Background(), warmTime)
		warmed = s.Warm(ctx, old.supergraph)
		cancel()
	}
	g.versions = slices.DeleteFunc(g.versions, func(old *version) bool { return old.retired.Load() && old.active.Load() == 0 })
	g.versions = append(g.versions, v)
	if old := g.now.Swap(v); old != nil {
		old.retired.Store(true)
	}
	g.sdl, g.refused = sdl, ""
	g.metrics.reloads.WithLabelValues("taken").Inc()
	g.o.Log.Info("supergraph", "subgraphs", len(subgraphs), "plansWarmed", warmed)
	return nil
}

// connect returns a client for every subgraph, those of subgraphs that have not moved again.
func (g *Gateway) connect(s *plan.Supergraph) (map[string]supergraph.Subgraph, error) {
	all := make(map[string]supergraph.Subgraph)
	clients := make(map[string]*client)
	for _, info := range s.Subgraphs() {
		if local := g.o.Local; local != nil && local.Name == info.Name {
			all[info.Name] = local.Subgraph
			continue
		}
		url := info.URL
		if other := g.o.URLs[info.Name]; other != "" {
			url = other
		}
		c := g.clients[info.Name]
		if c == nil || c.url != url {
			o := g.o.Client
			o.Name, o.URL, o.Log = info.Name, url, g.o.Log
			if g.o.Traces != nil {
				o.Inject = trace.Inject
			}
			if g.o.Tune != nil {
				g.o.Tune(&o)
			}
			made, err := subgraph.New(o)
			if err != nil {
				return nil, err
			}
			c = &client{made, url}
		}
		clients[info.Name], all[info.Name] = c, c.Client
	}
	for name := range g.o.URLs {
		if all[name] == nil {
			return nil, fault.Newf(fault.BadUserInput, "the supergraph has no subgraph of the name %s", name)
		}
	}
	g.clients = clients
	return all, nil
}

// shareKey distinguishes queries of the public by the headers that subgraphs may see.
func (g *Gateway) shareKey() func(context.Context, *graphql.OperationContext) string {
	names := g.o.Client.Forward
	if len(names) == 0 {
		return nil
	}
	return func(_ context.Context, oc *graphql.OperationContext) string {
		key := ""
		for _, name := range names {
			key += fmt.Sprintf("%q", oc.Headers.Values(name))
		}
		return key
	}
}

// Handler serves the supergraph of the moment at which a request comes.
func (g *Gateway) Handler() http.Handler {
	rules := len(g.o.Client.Forward)+len(g.o.Client.Return) > 0
	return trace.Handler(g.o.Traces, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := g.now.Load()
		v.active.Add(1)
		defer v.active.Add(-1)
		if rules {
			r = r.WithContext(subgraph.WithHeaders(r.Context(), &subgraph.Headers{In: r.Header, Out: w.Header()}))
		}
		// Sockets and streams have many answers.
		if r.Header["Upgrade"] == nil && !strings.Contains(r.Header.Get("Accept"), "event-stream") {
			ctx, lease := execute.WithLease(r.Context())
			defer lease.End()
			r = r.WithContext(ctx)
		}
		v.handler.ServeHTTP(w, r)
	}))
}

// Close ends the watching and closes idle connections. Drain the servers first.
func (g *Gateway) Close() {
	g.stop()
	<-g.done
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.clients {
		c.Close()
	}
}
