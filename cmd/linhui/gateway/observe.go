package gateway

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/trace"

	"linhui/internal/trace"
	"linhui/supergraph/execute"
)

// observe is the executor's: every call is measured, and a part of the trace of its request.
func (g *Gateway) observe(ctx context.Context, c *execute.Call) (context.Context, func(int, error)) {
	measured := g.metrics.observe(c)
	if !trace.Traced(ctx) {
		return ctx, measured
	}
	ctx, span := trace.Begin(ctx, "fetch "+c.Subgraph, otel.SpanKindClient, attribute.String("linhui.subgraph", c.Subgraph),
		attribute.Int("linhui.fetch", c.Fetch), attribute.String("linhui.path", c.Path), attribute.Int("linhui.entities", c.Entities))
	return ctx, func(bytes int, err error) {
		measured(bytes, err)
		span.SetAttributes(attribute.Int("http.response.body.size", bytes))
		trace.End(span, err)
	}
}

// planning is the schema's: planning an operation is a part of the trace.
func planning(ctx context.Context) func(int, error) {
	if !trace.Traced(ctx) {
		return func(int, error) {}
	}
	_, span := trace.Begin(ctx, "plan", otel.SpanKindInternal)
	return func(fetches int, err error) {
		span.SetAttributes(attribute.Int("linhui.fetches", fetches))
		trace.End(span, err)
	}
}

// Named is a server.Options.Before that tells the trace what kind of operation it is of.
func Named(before func(context.Context, *graphql.OperationContext) (context.Context, error)) func(context.Context, *graphql.OperationContext) (context.Context, error) {
	return func(ctx context.Context, oc *graphql.OperationContext) (context.Context, error) {
		trace.Operation(ctx, string(oc.Operation.Operation), oc.Operation.Name)
		if before == nil {
			return ctx, nil
		}
		return before(ctx, oc)
	}
}
