// Package app joins the floors into a running gateway. The command, the end-to-end tests and
// the benchmark all start it here.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	otel "go.opentelemetry.io/otel/trace"

	"linhui/cmd/linhui/gateway"
	"linhui/dataloaders"
	"linhui/graph"
	"linhui/internal/database"
	"linhui/internal/trace"
	"linhui/page"
	"linhui/resolvers"
	"linhui/server"
	"linhui/sources"
	"linhui/store"
)

// Options are what a gateway is made of; Directory, Sources and CursorKey are required.
type Options struct {
	Directory *database.DB
	Sources   []*sources.Source
	Budgets   map[database.Budget]time.Duration
	Redis     redis.UniversalClient // nil: hot lists are read from SQL, rates are counted here
	Keep      bool                  // do the chores of the domains, every minute
	CursorKey []byte                // at least 16 bytes, the same on every instance
	// Join serves the graph as one of a supergraph's; nil: it is all there is. Local and Server are
	// filled in; without Load the supergraph is composed of the graph itself and the subgraphs at URLs.
	Join   *gateway.Options
	Traces otel.TracerProvider // nil: none
	Server server.Options      // Schema, Subgraph, Before and AroundRoot are filled in
	Log    *slog.Logger
	Now    func() time.Time
}

// Gateway is a running gateway without its listeners.
type Gateway struct {
	*server.Server
	Sources *sources.Sources
	joined  *gateway.Gateway // nil: there are no other subgraphs
	traces  otel.TracerProvider
	log     *slog.Logger
	stop    context.CancelFunc
	done    chan struct{}

	parameters func(document string, operation *string) ([]store.SavedQueryParameter, error)
}

// New starts a gateway. It fails when the directory does not answer or two sources claim one
// community; a source that is down is asked again until it answers.
func New(ctx context.Context, o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	signer, err := page.NewSigner(o.CursorKey)
	if err != nil {
		return nil, err
	}
	all, err := sources.Open(ctx, sources.Options{Directory: o.Directory, Sources: o.Sources, Cursors: signer,
		Budgets: o.Budgets, Now: o.Now, Log: o.Log})
	if err != nil {
		return nil, err
	}
	so := o.Server
	if so.Registry == nil {
		so.Registry = prometheus.NewRegistry()
	}
	count, err := newMetrics(so.Registry, all)
	if err != nil {
		return nil, err
	}
	if o.Redis != nil {
		count.redis.Set(1)
		all.UseRedis(o.Redis, count.observe, func(up bool, cause error) {
			if up {
				count.redis.Set(1)
				o.Log.Info("Redis answers again")
			} else {
				count.redis.Set(0)
				o.Log.Error("Redis does not answer; hot lists are read from SQL", "cause", cause)
			}
		})
	}
	root := &resolvers.Root{Sources: all}
	full := graph.NewExecutableSchema(graph.Config{Resolvers: root})
	public := graph.NewExecutableSchema(graph.Config{Resolvers: root, Schema: server.PublicSchema(full.Schema())})
	so.Saved = savedQueries{all}
	so.Schema, so.Subgraph = public, full
	so.Redis, so.Log, so.Now = o.Redis, o.Log, o.Now
	so.AroundRoot = dataloaders.AroundRoot
	so.Cost = func(ctx context.Context, oc *graphql.OperationContext) server.Price {
		price := server.DefaultCost(ctx, oc)
		price.Communities = root.FannedOut(oc)
		return price
	}
	so.Before = func(ctx context.Context, oc *graphql.OperationContext) (context.Context, error) {
		budget := database.Dashboard
		if server.IsExport(ctx) {
			budget = database.Export
		}
		return root.Begin(ctx, oc, full.Schema(), budget)
	}
	so.Next = resolvers.Next
	if o.Traces != nil && o.Join == nil {
		so.Before = gateway.Named(so.Before)
	}
	limits := so.Limits
	if limits == (server.Limits{}) {
		limits = server.DefaultLimits()
	}
	root.Parameters = parameters(full.Schema(), &limits)
	s, err := server.New(so)
	if err != nil {
		return nil, err
	}
	g := &Gateway{Server: s, Sources: all, parameters: root.Parameters, log: o.Log, traces: o.Traces, done: make(chan struct{})}
	if o.Join != nil {
		o.Join.Traces = o.Traces
		if g.joined, err = join(ctx, *o.Join, s, so); err != nil {
			return nil, err
		}
	}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(g.done)
		var background sync.WaitGroup
		background.Go(func() { all.Watch(ctx) })
		if o.Keep {
			background.Go(func() { all.KeepOn(ctx) })
		}
		background.Wait()
	}()
	return g, nil
}

// Handler serves the public listener.
func (g *Gateway) Handler() http.Handler {
	if g.joined != nil {
		return g.joined.Handler()
	}
	return trace.Handler(g.traces, g.Server.Handler())
}

// SubgraphHandler serves a federation gateway.
func (g *Gateway) SubgraphHandler() http.Handler {
	return trace.Handler(g.traces, g.Server.SubgraphHandler())
}

// Reload takes the supergraph as it is now; see gateway.Gateway.Reload. It does nothing without
// other subgraphs.
func (g *Gateway) Reload(ctx context.Context) error {
	if g.joined == nil {
		return nil
	}
	return g.joined.Reload(ctx)
}

// Serve answers on the listeners until soft ends, then drains; see gateway.Serve.
func (g *Gateway) Serve(soft, hard context.Context, listeners ...gateway.Listener) error {
	return gateway.Serve(soft, hard, g.log, g.Drain, listeners...)
}

// Drain ends both listeners' servers without failing a request.
func (g *Gateway) Drain(ctx context.Context, servers ...*http.Server) error {
	if g.joined == nil {
		return g.Server.Drain(ctx, servers...)
	}
	var others sync.WaitGroup
	var err error
	others.Go(func() { err = g.joined.Drain(ctx, servers...) })
	own := g.Server.Drain(ctx, servers...)
	others.Wait()
	return errors.Join(own, err)
}

// Close ends background work and closes the pools. Drain the server first.
func (g *Gateway) Close() error {
	if g.joined != nil {
		g.joined.Close()
	}
	g.stop()
	<-g.done
	var errs []error
	for _, s := range g.Sources.All() {
		errs = append(errs, s.DB.Close())
	}
	return errors.Join(append(errs, g.Sources.CloseDirectory())...)
}
