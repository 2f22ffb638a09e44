package execute

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// Planner is the part of *plan.Supergraph that execution needs.
type Planner interface {
	APISchema() *ast.Schema
	Demands(doc *ast.QueryDocument, operationName string) []*plan.Demand
	Plan(ctx context.Context, doc *ast.QueryDocument, operationName string, refused ...*plan.Demand) (*plan.Plan, error)
}

// Schema serves a supergraph as gqlgen serves a schema of its own, so that every transport and
// limit of package server stands before it. Create it with NewSchema.
type Schema struct {
	planner  Planner
	executor *Executor
	options  SchemaOptions

	mu       sync.RWMutex
	programs map[programKey]*Program
	demanded map[*ast.OperationDefinition][]*plan.Demand
	flights  map[flightKey]*flight
}

// SchemaOptions are what a Schema may do beside answering.
type SchemaOptions struct {
	// Share lets equal queries of viewers without a principal have one answer while it is being made.
	Share bool
	// ShareKey adds what else an answer of such a viewer depends on, as headers that are forwarded; nil: nothing.
	ShareKey func(ctx context.Context, oc *graphql.OperationContext) string
	// Claims tells what a request's viewer may show for @authenticated, @requiresScopes and @policy; nil: what its
	// authz.Viewer says.
	Claims func(ctx context.Context) plan.Claims
	// Plans shows the plan in extensions.plan of operations that ask for it; see Wanted.
	Plans bool
	// Planning hears of every operation that is planned, for traces; nil: nobody does.
	Planning func(ctx context.Context) (done func(fetches int, err error))
	Log      *slog.Logger // nil: slog.Default
	// RequestID names the request of a context in the log; nil: nothing does.
	RequestID func(context.Context) string
}

// programsMost bounds the programs kept. The server keeps some thousands of documents; chosen.
const programsMost = 4096

// NewSchema serves what planner plans through executor.
func NewSchema(planner Planner, executor *Executor, o SchemaOptions) *Schema {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Schema{planner: planner, executor: executor, options: o,
		programs: make(map[programKey]*Program), demanded: make(map[*ast.OperationDefinition][]*plan.Demand), flights: make(map[flightKey]*flight)}
}

// Schema is the client's schema.
func (s *Schema) Schema() *ast.Schema { return s.planner.APISchema() }

// Complexity knows of no field; the server prices operations itself.
func (s *Schema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// program returns the program of an operation for a viewer. The server keeps documents, so an operation that
// comes again is the same in memory.
func (s *Schema) program(ctx context.Context, oc *graphql.OperationContext) (*Program, error) {
	key, refused := s.permitted(ctx, oc)
	s.mu.RLock()
	p := s.programs[key]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := s.prepare(ctx, oc.Doc, oc.OperationName, refused...)
	if err != nil {
		return nil, err
	}
	p.refusal = refusal(key.code)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.programs) >= programsMost {
		clear(s.programs)
	}
	s.programs[key] = p
	return p, nil
}

// prepare plans an operation and compiles the plan.
func (s *Schema) prepare(ctx context.Context, doc *ast.QueryDocument, name string, refused ...*plan.Demand) (p *Program, err error) {
	if s.options.Planning != nil {
		done := s.options.Planning(ctx)
		defer func() {
			if err != nil {
				done(0, err)
			} else {
				done(p.Plan.Fetches, nil)
			}
		}()
	}
	planned, err := s.planner.Plan(ctx, doc, name, refused...)
	if err != nil {
		return nil, err
	}
	return Compile(s.planner.APISchema(), planned)
}

// Exec implements graphql.ExecutableSchema.
func (s *Schema) Exec(ctx context.Context) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	p, err := s.program(ctx, oc)
	if err != nil {
		graphql.AddError(ctx, err)
		return func(context.Context) *graphql.Response { return &graphql.Response{} }
	}
	if p.stream != nil {
		return s.subscription(ctx, p, oc)
	}
	return func(shown context.Context) *graphql.Response {
		ctx := ctx
		if s.options.Plans && Wanted(oc) {
			explained, e := Explain(ctx)
			ctx = explained
			defer e.Show(shown, p.Plan)
		}
		a := s.answer(ctx, p, oc)
		return s.response(shown, &a)
	}
}

// response presents the errors of an answer.
func (s *Schema) response(ctx context.Context, a *Answer) *graphql.Response {
	for _, e := range a.Errors {
		if e.Fault.Cause != nil { // the presenter sees only what clients may
			attrs := []slog.Attr{slog.String("path", e.Path.String()), slog.String("error", e.Fault.Error())}
			if s.options.RequestID != nil {
				attrs = append(attrs, slog.String("requestId", s.options.RequestID(ctx)))
			}
			s.options.Log.LogAttrs(ctx, slog.LevelWarn, "subgraph", attrs...)
		}
		graphql.AddError(ctx, &gqlerror.Error{Err: e.Fault, Message: e.Fault.Message, Path: e.Path})
	}
	return &graphql.Response{Data: a.Data}
}

// flightKey is what an answer to the public depends on.
type flightKey struct {
	program   *Program
	variables string
	more      string
}

type flight struct {
	done   chan struct{}
	answer Answer
}

// answer executes an operation, or waits for an equal one that is under way.
func (s *Schema) answer(ctx context.Context, p *Program, oc *graphql.OperationContext) Answer {
	if !s.options.Share || p.Plan.Kind != ast.Query || authz.FromContext(ctx).Principal != "" {
		l := lease(ctx)
		if l == nil {
			return s.executor.Run(ctx, p, oc.Variables, nil)
		}
		a := s.executor.Run(ctx, p, oc.Variables, l.bytes[:0])
		if cap(a.Data) > cap(l.bytes) {
			l.bytes = a.Data
		}
		return a
	}
	key := flightKey{program: p}
	if len(oc.Variables) > 0 {
		raw, err := json.Marshal(oc.Variables) // maps are written in the order of their keys
		if err != nil {
			return s.executor.Run(ctx, p, oc.Variables, nil)
		}
		key.variables = string(raw)
	}
	if s.options.ShareKey != nil {
		key.more = s.options.ShareKey(ctx, oc)
	}
	s.mu.Lock()
	f, known := s.flights[key]
	if !known {
		f = &flight{done: make(chan struct{}), answer: Answer{Data: null4, Errors: []*Error{{Fault: fault.Of(errors.New("the query that was shared did not end"))}}}}
		s.flights[key] = f
	}
	s.mu.Unlock()
	if !known {
		defer func() {
			s.mu.Lock()
			delete(s.flights, key)
			s.mu.Unlock()
			close(f.done)
		}()
		// The first client may go away; those who wait for its answer do not.
		f.answer = s.executor.Run(context.WithoutCancel(ctx), p, oc.Variables, nil)
		return f.answer
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
		return Answer{Data: null4, Errors: []*Error{{Fault: fault.Newf(fault.SourceTimeout, "the request was given up")}}}
	}
}

// Streamer is a Subgraph that answers subscriptions.
type Streamer interface {
	// Subscribe returns the answers of a request one by one, io.EOF after the last. The stream ends with ctx.
	Subscribe(ctx context.Context, request []byte) (next func() ([]byte, error), err error)
}

// subscription opens the stream of the one root field and answers each of its events.
func (s *Schema) subscription(ctx context.Context, p *Program, oc *graphql.OperationContext) graphql.ResponseHandler {
	streamer, ok := s.executor.Subgraphs[p.stream.subgraph].(Streamer)
	if !ok {
		graphql.AddError(ctx, fault.Newf(fault.SourceUnavailable, "the subgraph %s answers no subscriptions", p.stream.subgraph))
		return none
	}
	x := s.executor.execution(ctx, p, oc.Variables)
	request, _ := x.request(p.stream)
	request = append([]byte(nil), request...)
	s.executor.release(x)
	next, err := streamer.Subscribe(ctx, request)
	if err != nil {
		graphql.AddError(ctx, err)
		return none
	}
	ended := false
	return func(shown context.Context) *graphql.Response {
		if ended {
			return nil
		}
		body, err := next()
		switch {
		case err == io.EOF || ctx.Err() != nil:
			return nil
		case err != nil:
			ended = true
			graphql.AddError(shown, fault.Of(err).With("subgraph", p.stream.subgraph))
			return &graphql.Response{}
		}
		a := s.executor.event(ctx, p, oc.Variables, body)
		return s.response(shown, &a)
	}
}

func none(context.Context) *graphql.Response { return nil }

// event answers one event of a subscription.
func (e *Executor) event(ctx context.Context, p *Program, variables map[string]any, body []byte) Answer {
	x := e.execution(ctx, p, variables)
	defer e.release(x)
	if err := x.merged(p.stream, body); err != nil {
		x.failed(p.stream, err)
	} else if p.start != nil && x.fatal == nil {
		p.start.run(x)
	}
	return x.answer(nil)
}
