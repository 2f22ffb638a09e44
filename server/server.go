// Package server is the HTTP side of Linhui: GraphQL over GET, POST, websocket and event stream,
// and everything that stands between the network and an executable schema.
//
// A request passes, in this order: origin, room, viewer, body limit, document (parse, guard,
// validate; remembered), operation, variables, cost, rate, Options.Before, execution. Whatever
// refuses it does so with a *fault.Error.
package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"linhui/internal/authz"
)

// Options is what a server is made of. Only Schema is required.
type Options struct {
	// Schema answers the public listener. Documents that ask for _service or _entities are
	// refused there, whatever it holds; give it PublicSchema's narrower schema so that
	// introspection does not show them either.
	Schema graphql.ExecutableSchema
	// Subgraph answers Server.Subgraph, for a federation gateway; nil: there is none.
	Subgraph graphql.ExecutableSchema

	Limits Limits // zero: DefaultLimits
	Timing Timing // zero: DefaultTiming

	Authenticator Authenticator // nil: every token is refused
	// Assertions says who asks on the subgraph listener, where a gateway signs for its viewers; nil: Authenticator.
	Assertions Authenticator
	Redis      redis.UniversalClient // shares rates and persisted documents; nil: this process only
	AllowList  AllowList             // of the public listener; nil: every document may run
	// Exempt may run documents outside the allow-list; nil: community administrators and above.
	Exempt func(*authz.Viewer) bool

	// Cost prices an operation before it runs; nil: DefaultCost.
	Cost func(context.Context, *graphql.OperationContext) Price
	// Before runs after all checks and before execution; its context is the one execution gets,
	// and its error refuses the request. It must not keep oc.
	Before func(ctx context.Context, oc *graphql.OperationContext) (context.Context, error)
	// Next prepares the context of each event of a subscription; nil: nothing.
	Next func(context.Context) context.Context
	// AroundRoot wraps every root field of queries and mutations; AroundField every field with a
	// resolver. Nil: nothing, at no cost.
	AroundRoot  graphql.RootFieldMiddleware
	AroundField graphql.FieldMiddleware

	Origins        []string       // scheme://host[:port] of other sites whose pages may ask
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts

	Saved            SavedQueries // run at /q/; nil: none
	Playground       fs.FS        // served at /; nil: nothing is
	PlaygroundPolicy string       // its Content-Security-Policy; empty: own origin only

	Ready    func(context.Context) error // nil: always
	Registry *prometheus.Registry        // nil: one of its own
	Profiles bool                        // OpsHandler serves /debug/pprof/, too
	Log      *slog.Logger                // nil: slog.Default
	Now      func() time.Time            // nil: time.Now
	Dev      bool                        // signed-in viewers see prices unasked
	// DocumentBytes bounds the cache of parsed documents of each listener; 0: 32 MiB.
	DocumentBytes int64
}

// Server holds what the handlers of one process share.
type Server struct {
	limits     *Limits
	timing     Timing
	origins    []string
	proxies    []netip.Prefix
	isReady    func(context.Context) error
	log        *slog.Logger
	now        func() time.Time
	metrics    *metrics
	playground bool

	handler  http.Handler
	subgraph http.Handler // nil: none
	ops      http.Handler
	inside   *engine // of the subgraph; nil: none

	draining   atomic.Bool
	inFlight   atomic.Int64 // requests being answered, streams and sockets included
	streaming  atomic.Int64 // of those, streams and sockets
	sockets    sync.WaitGroup
	streams    context.Context // ends when streams and sockets must
	endStreams context.CancelFunc
}

// New builds the handlers. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Schema == nil {
		return nil, errors.New("server: Options.Schema is required")
	}
	o.fill()
	s := &Server{limits: &o.Limits, timing: o.Timing, origins: o.Origins,
		proxies: o.TrustedProxies, isReady: o.Ready, log: o.Log, now: o.Now, playground: o.Playground != nil}
	s.streams, s.endStreams = context.WithCancel(context.Background())
	var err error
	if s.metrics, err = newMetrics(o.Registry); err != nil {
		return nil, err
	}
	points := newRates(o.Redis, o.Limits.PerMinute, o.Now, o.Log)

	public := http.NewServeMux()
	engine := o.engine(s, points, o.Schema, true)
	public.Handle("/graphql", s.graphql(engine))
	if o.Saved != nil {
		public.Handle("/q/{file}", s.serveSaved(engine, o.Saved))
	}
	s.health(public)
	if o.Playground != nil {
		files, err := newStatic(o.Playground, o.PlaygroundPolicy)
		if err != nil {
			return nil, err
		}
		public.Handle("/", files)
	}
	s.handler = s.observe(public, o.Authenticator)
	s.ops = s.operations(o.Registry, o.Profiles)
	if o.Subgraph != nil {
		inner := http.NewServeMux()
		s.inside = o.engine(s, points, o.Subgraph, false)
		inner.Handle("/graphql", s.graphql(s.inside))
		s.health(inner)
		s.subgraph = s.observe(inner, o.Assertions)
	}
	return s, nil
}

func (o *Options) fill() {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Timing == (Timing{}) {
		o.Timing = DefaultTiming()
	}
	if o.Exempt == nil {
		o.Exempt = func(v *authz.Viewer) bool { return v.Has(authz.CommunityAdmin) }
	}
	if o.Cost == nil {
		o.Cost = DefaultCost
	}
	if o.Assertions == nil {
		o.Assertions = o.Authenticator
	}
	if o.AroundField == nil {
		o.AroundField = func(ctx context.Context, next graphql.Resolver) (any, error) { return next(ctx) }
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DocumentBytes == 0 {
		o.DocumentBytes = 32 << 20
	}
}

func (o *Options) engine(s *Server, points *rates, schema graphql.ExecutableSchema, public bool) *engine {
	allow := o.AllowList
	if !public {
		allow = nil // the gateway's documents are its own making
	}
	return &engine{schema: schema, public: public, valid: validationSchema(schema.Schema(), public), limits: &o.Limits,
		documents: newDocuments(o.DocumentBytes), persisted: persisted{o.Redis}, allow: allow, exempt: o.Exempt,
		cost: o.Cost, rates: points, before: o.Before, next: o.Next, aroundRoot: o.AroundRoot, aroundField: o.AroundField,
		metrics: s.metrics, log: o.Log, now: o.Now, dev: o.Dev}
}

// Handler serves /graphql, /q/, /livez, /readyz and the playground.
func (s *Server) Handler() http.Handler { return s.handler }

// SubgraphHandler serves the federation gateway: the same, with _service and _entities, without
// the playground. Nil without Options.Subgraph. It belongs on an address that the public
// cannot reach.
func (s *Server) SubgraphHandler() http.Handler { return s.subgraph }
