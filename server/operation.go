package server

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// operation is one prepared operation: gqlgen's context of it, and what its answer may still
// hold.
type operation struct {
	graphql.OperationContext
	engine     *engine
	extensions map[string]any
	left       atomic.Int64 // bytes of data that may still be written; negative: too many were
}

// aroundRoot is gqlgen's RootFieldMiddleware. It counts what each root field writes, so that an
// answer that grows too large is never held whole.
func (op *operation) aroundRoot(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	var m graphql.Marshaler
	if around := op.engine.aroundRoot; around != nil {
		m = around(ctx, next)
	} else {
		m = next(ctx)
	}
	// Generated code compares with these two to null the parent.
	if m == graphql.Null || m == graphql.RequiredNull || m == nil {
		return m
	}
	return bounded{m, op}
}

// bounded writes a value until its operation's bytes are spent.
type bounded struct {
	graphql.Marshaler
	op *operation
}

func (b bounded) MarshalGQL(w io.Writer) { b.Marshaler.MarshalGQL(boundedWriter{w, b.op}) }

type boundedWriter struct {
	w  io.Writer
	op *operation
}

func (b boundedWriter) Write(p []byte) (int, error) {
	if b.op.left.Add(-int64(len(p))) < 0 {
		return len(p), nil
	}
	return b.w.Write(p)
}

// run executes a query or a mutation, or the first answer of a subscription's error.
func (op *operation) run(ctx context.Context) *answer {
	ctx = graphql.WithResponseContext(ctx, op.engine.present, recovered)
	resp := op.exec(ctx, func() *graphql.Response { return op.engine.schema.Exec(ctx)(ctx) })
	if resp == nil {
		resp = &graphql.Response{}
	}
	return op.answer(ctx, resp)
}

// exec runs f; a panic that gqlgen does not catch itself becomes an error of the answer.
func (op *operation) exec(ctx context.Context, f func() *graphql.Response) (resp *graphql.Response) {
	defer func() {
		if v := recover(); v != nil {
			graphql.AddError(ctx, recovered(ctx, v))
			resp = &graphql.Response{}
		}
	}()
	return f()
}

func (op *operation) answer(ctx context.Context, resp *graphql.Response) *answer {
	a := &answer{data: resp.Data, errors: resp.Errors, extensions: op.extensions}
	if a.data == nil {
		a.data = nullData
	}
	if errs := graphql.GetErrors(ctx); errs != nil {
		a.errors = append(a.errors, errs...)
	}
	if op.left.Load() < 0 || int64(len(a.data)) > op.engine.limits.ResponseBytes {
		most := op.engine.limits.ResponseBytes
		exchangeOf(ctx).note(fault.CostExceeded)
		a.data = nullData
		a.errors = gqlerror.List{coded(fault.Newf(fault.CostExceeded,
			"the answer is larger than %d bytes: ask for fewer rows or fields", most).With("max", most))}
	}
	a.errors = op.engine.capped(a.errors)
	for k, v := range graphql.GetExtensions(ctx) {
		if a.extensions == nil {
			a.extensions = make(map[string]any)
		}
		a.extensions[k] = v
	}
	return a
}

var nullData = []byte("null")

// event returns the context of a subscription's next event, whose viewer looks at the graph when the event
// happens.
func (op *operation) event(ctx context.Context) context.Context {
	v := authz.FromContext(ctx)
	ctx = authz.NewContextLater(ctx, func() *authz.Viewer {
		own := *v
		own.At = op.engine.now()
		return &own
	})
	if op.engine.next != nil {
		ctx = op.engine.next(ctx)
	}
	return ctx
}

// stream executes any operation as a series of answers. next returns nil after the last; the
// bytes of an answer are valid until the following call.
func (op *operation) stream(ctx context.Context) (next func() *answer) {
	if op.Operation.Operation != ast.Subscription {
		done := false
		return func() *answer {
			if done {
				return nil
			}
			done = true
			return op.run(ctx)
		}
	}
	var source graphql.ResponseHandler
	failed := false
	return func() *answer {
		if failed || ctx.Err() != nil {
			return nil
		}
		each := graphql.WithResponseContext(op.event(ctx), op.engine.present, recovered)
		op.left.Store(op.engine.limits.ResponseBytes)
		resp := op.exec(each, func() *graphql.Response {
			if source == nil {
				begin := graphql.WithResponseContext(ctx, op.engine.present, recovered)
				source = op.engine.schema.Exec(begin)
				if errs := graphql.GetErrors(begin); errs != nil {
					failed = true
					return &graphql.Response{Errors: errs}
				}
			}
			return source(each)
		})
		if resp == nil {
			return nil
		}
		failed = failed || len(resp.Data) == 0
		return op.answer(each, resp)
	}
}
