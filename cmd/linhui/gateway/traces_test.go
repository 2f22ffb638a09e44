package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestTraceOfARequestGoesOnInItsSubgraphs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spans := tracetest.NewInMemoryExporter()
	b.options.Traces = sdk.NewTracerProvider(sdk.WithSyncer(spans))
	b.options.Client.Share = true // calls that differ in their trace alone are equal
	var sent atomic.Value
	inner := b.clinics.Config.Handler
	b.clinics.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("traceparent"))
		inner.ServeHTTP(w, r)
	})
	h := b.start(t).Handler()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql",
		strings.NewReader(`{"query":"query Chosen($secret: Boolean = true) { me { name clinic @include(if: $secret) } }","variables":{"secret":true}}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"clinic":"East"`) {
		t.Fatal(w.Body)
	}
	var names []string
	for _, s := range spans.GetSpans() {
		names = append(names, s.Name)
		if s.SpanContext.TraceID().String() != trace {
			t.Errorf("%s is of the trace %s", s.Name, s.SpanContext.TraceID())
		}
		told := map[string]string{}
		for _, a := range s.Attributes {
			told[string(a.Key)] = a.Value.String()
			if strings.Contains(a.Value.String(), "secret") {
				t.Errorf("%s tells %s", s.Name, a.Value.String())
			}
		}
		switch s.Name {
		case "query":
			if told["graphql.operation.name"] != "Chosen" {
				t.Error(told)
			}
		case "fetch clinics":
			if told["linhui.path"] != "me" || told["linhui.entities"] != "1" || told["http.response.body.size"] == "0" {
				t.Error(told)
			}
			if p, _ := sent.Load().(string); !strings.Contains(p, trace) || !strings.Contains(p, s.SpanContext.SpanID().String()) {
				t.Error(p)
			}
		}
	}
	slices.Sort(names)
	if got := strings.Join(names, ", "); got != "fetch clinics, fetch users, plan, query" {
		t.Error(got)
	}
}
