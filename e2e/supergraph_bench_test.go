package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkOwnGraphInASupergraph asks the server that has joined a supergraph and the plain server of the same process
// turn about what is the own graph's alone: "joined/plain" is the ratio of their medians. Run it with -benchtime 2000x.
func BenchmarkOwnGraphInASupergraph(b *testing.B) {
	h := newHealth(b)
	g := sixStreets(b, h.join)
	send := func(h http.Handler, body string) time.Duration {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		began := time.Now()
		h.ServeHTTP(w, r)
		took := time.Since(began)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
			b.Fatal(w.Body)
		}
		return took
	}
	for name, body := range map[string]string{
		"short": `{"query":"{ community(slug: \"shengli\") { nameZh } }"}`,
		"list":  `{"query":"{ stations(first: 20) { nodes { id nameZh community { slug nameZh } } coverage { complete } } }"}`,
	} {
		b.Run(name, func(b *testing.B) {
			var joined, plain []time.Duration
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					joined = append(joined, send(g.gateway.Handler(), body))
					plain = append(plain, send(g.gateway.Server.Handler(), body))
				} else {
					plain = append(plain, send(g.gateway.Server.Handler(), body))
					joined = append(joined, send(g.gateway.Handler(), body))
				}
			}
			slices.Sort(joined)
			slices.Sort(plain)
			b.ReportMetric(float64(joined[len(joined)/2])/float64(plain[len(plain)/2]), "joined/plain")
			b.ReportMetric(float64(plain[len(plain)/2].Microseconds()), "plain-µs")
		})
	}
}
