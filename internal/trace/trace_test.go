package trace_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"linhui/internal/trace"
)

// It sets the environment, so it runs alone.
func TestEnvironmentTurnsTracesOn(t *testing.T) {
	for _, key := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SDK_DISABLED"} {
		t.Setenv(key, "")
	}
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if trace.Traced(r.Context()) {
			trace.Operation(r.Context(), "query", "")
		}
	})
	p, stop, err := trace.Start(t.Context(), "test")
	if p != nil || err != nil || stop(t.Context()) != nil {
		t.Fatal(p, err)
	}
	trace.Handler(p, next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", nil))

	got := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_SERVICE_NAME", "district")
	if p, stop, err = trace.Start(t.Context(), "test"); p == nil || err != nil {
		t.Fatal(p, err)
	}
	h := trace.Handler(p, next)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/readyz", nil)) // no span
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if sent := <-got; !strings.HasPrefix(sent, "/v1/traces ") || !strings.Contains(sent, "district") || !strings.Contains(sent, "query") || strings.Contains(sent, "readyz") {
		t.Errorf("%q", sent)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, _, err := trace.Start(t.Context(), "test"); err == nil {
		t.Error("a protocol that is not spoken is taken")
	}
}
