package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"linhui/internal/fault"
	"linhui/supergraph/execute"
)

// metrics counts what the supergraph does. Labels are closed sets: subgraphs and our own codes.
type metrics struct {
	fetches *prometheus.HistogramVec // subgraph, code
	bytes   *prometheus.CounterVec   // subgraph
	reloads *prometheus.CounterVec   // result
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "linhui_subgraph_fetch_duration_seconds",
			Help:    "Time of one call of a subgraph, by subgraph and error code.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"subgraph", "code"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linhui_subgraph_answer_bytes_total", Help: "Bytes that subgraphs answered."}, []string{"subgraph"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linhui_supergraph_reloads_total", Help: "New supergraphs, by whether they were taken or refused."}, []string{"result"}),
	}
	for _, c := range []prometheus.Collector{m.fetches, m.bytes, m.reloads} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observe measures a call from now on until the function that it returns is called.
func (m *metrics) observe(c *execute.Call) (done func(bytes int, err error)) {
	began := time.Now()
	return func(bytes int, err error) {
		m.fetches.WithLabelValues(c.Subgraph, string(fault.CodeOf(err))).Observe(time.Since(began).Seconds())
		m.bytes.WithLabelValues(c.Subgraph).Add(float64(bytes))
	}
}
