// Package trace sends OpenTelemetry traces where the environment says so. Spans are children of the
// span in their context: where no request is traced, nothing is made and nothing is sent. Neither
// variables nor the text of documents and statements are part of a span, and names that clients
// choose are attributes only.
package trace

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"linhui/internal/fault"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
)

const name = "linhui"

var w3c = propagation.TraceContext{}

// Start sends traces as the standard OTEL_ variables say, by OTLP over HTTP. Without an endpoint among
// them, or with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none, the provider is nil. stop
// sends what is left.
func Start(ctx context.Context, release string) (p otel.TracerProvider, stop func(context.Context) error, err error) {
	none := func(context.Context) error { return nil }
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" ||
		strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, none, nil
	}
	for _, key := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := os.Getenv(key); v != "" && v != "http/protobuf" {
			return nil, none, fmt.Errorf("%s: traces are sent by http/protobuf, not %s", key, v)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, none, fmt.Errorf("traces: %w", err)
	}
	// The environment's own service.name wins.
	r, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", name), attribute.String("service.version", release)), resource.Environment())
	if err != nil {
		return nil, none, fmt.Errorf("traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(r)) // it reads OTEL_TRACES_SAMPLER
	return provider, provider.Shutdown, nil
}

// Handler makes a span of every request for GraphQL, as part of the client's trace if it sent one.
// Without a provider it is next itself.
func Handler(p otel.TracerProvider, next http.Handler) http.Handler {
	if p == nil {
		return next
	}
	tracer := p.Tracer(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/graphql" {
			next.ServeHTTP(w, r)
			return
		}
		ctx, span := tracer.Start(w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), r.Method+" /graphql", otel.WithSpanKind(otel.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Operation names the request's span after its kind of operation; the client's own name for it is
// an attribute.
func Operation(ctx context.Context, kind, client string) {
	span := otel.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetName(kind)
	span.SetAttributes(attribute.String("graphql.operation.type", kind))
	if client != "" {
		span.SetAttributes(attribute.String("graphql.operation.name", client))
	}
}

// Traced reports whether work done under ctx belongs to a trace that is recorded.
func Traced(ctx context.Context) bool { return otel.SpanFromContext(ctx).IsRecording() }

// Begin begins a part of the traced request of ctx. End it with End. What is called with the
// returned context is part of it.
func Begin(ctx context.Context, what string, kind otel.SpanKind, attrs ...attribute.KeyValue) (context.Context, otel.Span) {
	return otel.SpanFromContext(ctx).TracerProvider().Tracer(name).Start(ctx, what, otel.WithSpanKind(kind), otel.WithAttributes(attrs...))
}

// End ends a span; err says why it failed, nil that it did not. Only its code is told.
func End(span otel.Span, err error) {
	if code := string(fault.CodeOf(err)); code != "" {
		span.SetStatus(codes.Error, code)
		span.SetAttributes(attribute.String("error.type", code))
	}
	span.End()
}

// Inject adds the trace of ctx to the headers of a call.
func Inject(ctx context.Context, h http.Header) { w3c.Inject(ctx, propagation.HeaderCarrier(h)) }
