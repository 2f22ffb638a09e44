package server

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"linhui/internal/fault"
)

// metrics is what the server counts about itself. Labels are closed sets.
type metrics struct {
	requests  *prometheus.HistogramVec // class, status, code
	limited   prometheus.Counter
	sockets   prometheus.Gauge
	active    prometheus.Gauge
	documents struct{ hits, misses prometheus.Counter }
}

// newMetrics registers with r. A second server of one process (the subgraph's) shares what the
// first registered.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_server_request_duration_seconds",
			Help:    "Time from the first byte read to the last byte written, by class of work, HTTP status and first error code.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"class", "status", "code"}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linhui_rate_limited_total", Help: "Operations refused because the minute's points were spent."}),
		sockets: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linhui_websockets", Help: "Open websockets."}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_active_requests", Help: "Requests being answered, open sockets and streams included."}),
	}
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linhui_document_cache_total", Help: "Lookups of parsed documents, by result."}, []string{"result"})

	var err error
	m.requests = register(r, m.requests, &err)
	m.limited = register(r, m.limited, &err)
	m.sockets = register(r, m.sockets, &err)
	lookups = register(r, lookups, &err)
	m.active = register(r, m.active, &err)
	m.documents.hits, m.documents.misses = lookups.WithLabelValues("hit"), lookups.WithLabelValues("miss")
	return m, err
}

// register returns c, or the collector of that name that is already there.
func register[C prometheus.Collector](r prometheus.Registerer, c C, failed *error) C {
	err := r.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(C); ok {
			return old
		}
	}
	*failed = errors.Join(*failed, err)
	return c
}

func (m *metrics) observe(c class, status int, code fault.Code, took time.Duration) {
	m.requests.WithLabelValues(string(c), strconv.Itoa(status), string(code)).Observe(took.Seconds())
}
