package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// engine takes a request of any transport to its answer. The public and the subgraph listener
// have one each, because they validate against different schemas.
type engine struct {
	schema      graphql.ExecutableSchema
	valid       *ast.Schema // what documents are checked against; narrower than schema's own
	public      bool
	limits      *Limits
	documents   *documents
	persisted   persisted
	allow       AllowList // nil: every document may run
	exempt      func(*authz.Viewer) bool
	cost        func(context.Context, *graphql.OperationContext) Price
	rates       *rates
	before      func(context.Context, *graphql.OperationContext) (context.Context, error)
	next        func(context.Context) context.Context
	aroundRoot  graphql.RootFieldMiddleware
	aroundField graphql.FieldMiddleware
	metrics     *metrics
	log         *slog.Logger
	now         func() time.Time
	dev         bool
}

// transport is what a request's carrier allows.
type transport struct {
	safe       bool             // a GET: no mutations
	streams    bool             // subscriptions have somewhere to go
	showCost   bool             // the client asked for the price
	share      int              // the part of its price that an operation is charged, 1/share; 0: all of it
	rateKey    string           // whose minute is spent; empty: nobody's
	headers    http.Header      // of the request, or of the socket's upgrade
	priorities func(class) bool // whether there is room for this class of work; nil: always
}

// begin prepares p for execution, or returns the answer that refuses it. The context returned
// carries the operation.
func (e *engine) begin(ctx context.Context, p *params, t *transport) (context.Context, *operation, *answer) {
	op, refused := e.prepare(ctx, p, t)
	if refused != nil {
		return nil, nil, refused
	}
	ctx, refused = e.admit(ctx, op, t)
	return ctx, op, refused
}

// prepare finds the operation that p asks for and reads its variables.
func (e *engine) prepare(ctx context.Context, p *params, t *transport) (*operation, *answer) {
	started := time.Now()
	v := authz.FromContext(ctx)
	doc, refused := e.document(ctx, p, v)
	if refused != nil {
		return nil, refused
	}
	def, f := doc.operation(p.operation)
	if f != nil {
		return nil, invalid(coded(f))
	}
	kind := classOf(def.Operation)
	exchangeOf(ctx).class = kind
	switch {
	case t.safe && kind == classMutation:
		return nil, failure(http.StatusMethodNotAllowed, fault.Newf(fault.BadUserInput, "a mutation must be sent by POST"))
	case !t.streams && kind == classSubscription:
		return nil, invalid(badInput("a subscription needs a websocket or Accept: text/event-stream"))
	case t.priorities != nil && !t.priorities(kind):
		return nil, busy()
	}
	vars, err := e.variables(def, p.variables)
	if err != nil {
		return nil, invalid(err)
	}
	op := &operation{engine: e}
	op.left.Store(e.limits.ResponseBytes)
	op.OperationContext = graphql.OperationContext{
		RawQuery:               doc.text,
		Variables:              vars,
		OperationName:          p.operation,
		Extensions:             p.extensions,
		Headers:                t.headers,
		Doc:                    doc.ast,
		Operation:              def,
		RecoverFunc:            recovered,
		ResolverMiddleware:     e.aroundField,
		RootResolverMiddleware: op.aroundRoot,
		Stats:                  graphql.Stats{OperationStart: started},
	}
	return op, nil
}

// admit charges for the operation and asks the hook whether it may run. The context returned
// carries the operation.
func (e *engine) admit(ctx context.Context, op *operation, t *transport) (context.Context, *answer) {
	if refused := e.charge(ctx, op, authz.FromContext(ctx), t); refused != nil {
		return nil, refused
	}
	ctx = graphql.WithOperationContext(ctx, &op.OperationContext)
	if e.before != nil {
		next, err := e.before(ctx, &op.OperationContext)
		if err != nil {
			return nil, e.refusal(ctx, err)
		}
		ctx = next
	}
	return ctx, nil
}

// charge prices the operation, and takes the price from the principal's minute.
func (e *engine) charge(ctx context.Context, op *operation, v *authz.Viewer, t *transport) *answer {
	price := e.cost(ctx, &op.OperationContext)
	limit := e.limits.Cost * max(price.Communities, 1)
	exchangeOf(ctx).cost = price.Points
	if price.Points > limit {
		return invalid(coded(fault.Newf(fault.CostExceeded, "the operation may cost %d points; the limit is %d", price.Points, limit).
			With("cost", price.Points).With("limit", limit).With("dearest", price.Dearest).
			With("hint", "ask for fewer rows with first, for fewer levels of lists, or for one root field at a time")))
	}
	if t.showCost || e.dev && v.Principal != "" {
		op.extensions = map[string]any{"cost": map[string]int{
			"points": price.Points, "limit": limit, "communities": max(price.Communities, 1)}}
	}
	if t.rateKey == "" {
		return nil
	}
	if wait := e.rates.take(ctx, t.rateKey, max(price.Points/max(t.share, 1), 1)); wait > 0 {
		e.metrics.limited.Inc()
		seconds := int(wait.Seconds()) + 1
		refused := failure(http.StatusTooManyRequests, fault.Newf(fault.RateLimited,
			"too many points in this minute; try again in %d s", seconds).With("retryAfter", seconds))
		refused.retryAfter = wait
		return refused
	}
	return nil
}

// refusal is the answer to an error that a hook returned before execution.
func (e *engine) refusal(ctx context.Context, err error) *answer {
	return refusedBy(e.present(ctx, err))
}

// refusedBy answers with presented errors; the first one decides the status.
func refusedBy(shown ...*gqlerror.Error) *answer {
	status := http.StatusBadRequest
	code, _ := shown[0].Extensions["code"].(string)
	switch fault.Code(code) {
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.SourceUnavailable, fault.SourceTimeout:
		status = http.StatusServiceUnavailable
	case fault.Internal:
		status = http.StatusInternalServerError
	}
	return &answer{status: status, errors: shown}
}

func busy() *answer {
	a := failure(http.StatusServiceUnavailable, fault.Newf(fault.RateLimited, "the server is busy; try again in a second"))
	a.retryAfter = time.Second
	return a
}

func classOf(op ast.Operation) class {
	switch op {
	case ast.Mutation:
		return classMutation
	case ast.Subscription:
		return classSubscription
	}
	return classQuery
}

// variables coerces the variables of an operation. The validator panics on some input that no
// schema of ours can produce; the client then learns what it would have learnt anyway.
func (e *engine) variables(def *ast.OperationDefinition, sent map[string]any) (vars map[string]any, refused *gqlerror.Error) {
	if len(def.VariableDefinitions) == 0 {
		return map[string]any{}, nil
	}
	defer func() {
		if recover() != nil {
			refused = badInput("the variables are not acceptable")
		}
	}()
	vars, err := validator.VariableValues(e.valid, def, sent)
	if err != nil {
		refused = badInput("the variables are not acceptable: " + clip(fmt.Sprint(err), e.limits.MessageBytes))
		if g, ok := err.(*gqlerror.Error); ok {
			refused.Message = "variable " + clip(variablePath(g)+": "+g.Message, e.limits.MessageBytes)
		}
	}
	return vars, refused
}

// variablePath is the path of a variable's error without gqlparser's leading "variable".
func variablePath(g *gqlerror.Error) string {
	if len(g.Path) > 1 {
		return g.Path[1:].String()
	}
	return g.Path.String()
}
