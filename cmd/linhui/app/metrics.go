package app

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"linhui/internal/cache"
	"linhui/internal/database"
	"linhui/sources"
)

// metrics are what the floors below count. Labels are closed sets: keys of sources, states, results. Names
// follow OpenTelemetry's conventions where there are any.
type metrics struct {
	lookups, fills *prometheus.CounterVec // result
	loads          prometheus.Counter
	redis          prometheus.Gauge
}

func newMetrics(r prometheus.Registerer, all *sources.Sources) (*metrics, error) {
	m := &metrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linhui_hot_list_lookups_total", Help: "Hot lists of one community each that were looked for in Redis, by result."}, []string{"result"}),
		fills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linhui_hot_list_fills_total", Help: "Hot lists that were to be stored in Redis, by result, and unreadable ones found there."}, []string{"result"}),
		loads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linhui_hot_list_loads_total", Help: "Times that missing hot lists were read from the sources."}),
		redis: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linhui_redis_up", Help: "1 while Redis answers; 0 while hot lists are read from SQL."}),
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.lookups, m.fills, m.loads, m.redis, federation{all}} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}

// observe is told what the cache did.
func (m *metrics) observe(c cache.Counts) {
	add := func(to *prometheus.CounterVec, result string, n int) {
		if n > 0 {
			to.WithLabelValues(result).Add(float64(n))
		}
	}
	add(m.lookups, "hit", c.Hits)
	add(m.lookups, "stale", c.Stale)
	add(m.lookups, "miss", c.Misses)
	add(m.lookups, "failed", c.Failed)
	add(m.fills, "stored", c.Fills)
	add(m.fills, "refused", c.Refused)
	add(m.fills, "unreadable", c.Corrupt)
	m.loads.Add(float64(c.Loads))
}

// federation reads the counters of the sources when metrics are asked for.
type federation struct{ *sources.Sources }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	calls       = describe("db_client_operation_duration_seconds", "Time of one call of a source, without its wait for a connection.", "source")
	connections = describe("db_client_connection_count", "Connections to a source, idle or not.", "source")
	running     = describe("linhui_source_calls_running", "Calls of a source that are under way.", "source")
	breaker     = describe("linhui_source_breaker", "1 for the state that a source's breaker is in.", "source", "state")
	subscribers = describe("linhui_subscribers", "Subscriptions that wait for changes.")
	waiting     = describe("linhui_questions_waiting", "Dashboard questions that wait until others have been asked.")
	notices     = describe("linhui_change_notices_total", "Changes that sources told of, of a hot list or of an outbox event.", "kind")
	kept        = describe("linhui_chore_rows_total", "Rows that a chore did, such as deadlines told up the ladder.", "chore")
)

// sourceCounters are the counters that every source has.
var sourceCounters = []struct {
	desc  *prometheus.Desc
	value func(database.Snapshot) int64
}{
	{describe("linhui_source_statements_total", "Statements sent to a source.", "source"), func(s database.Snapshot) int64 { return s.Statements }},
	{describe("linhui_source_failures_total", "Calls that found no connection, no answer in time, or lost it.", "source"), func(s database.Snapshot) int64 { return s.Failures }},
	{describe("linhui_source_refused_total", "Calls turned away by the breaker or the bulkhead.", "source"), func(s database.Snapshot) int64 { return s.Refused }},
	{describe("linhui_source_waits_total", "Calls that queued for a connection.", "source"), func(s database.Snapshot) int64 { return s.Waits }},
	{describe("linhui_source_retries_total", "Second attempts.", "source"), func(s database.Snapshot) int64 { return s.Retries }},
}

// Describe lists what Collect sends.
func (f federation) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{calls, connections, running, breaker, subscribers, waiting, notices, kept} {
		out <- d
	}
	for _, c := range sourceCounters {
		out <- c.desc
	}
}

// Collect sends one reading.
func (f federation) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, t prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, t, value, labels...)
	}
	for _, src := range f.All() {
		s := src.Snapshot()
		out <- histogram(s.Latency, src.Key)
		for _, c := range sourceCounters {
			send(c.desc, prometheus.CounterValue, float64(c.value(s)), src.Key)
		}
		send(connections, prometheus.GaugeValue, float64(s.Conns), src.Key)
		send(running, prometheus.GaugeValue, float64(s.Running), src.Key)
		send(breaker, prometheus.GaugeValue, 1, src.Key, s.Breaker)
	}
	s := f.Activity()
	send(subscribers, prometheus.GaugeValue, float64(s.Subscribers))
	send(waiting, prometheus.GaugeValue, float64(s.Waiting))
	send(notices, prometheus.CounterValue, float64(s.HotNotices), "hot_list")
	send(notices, prometheus.CounterValue, float64(s.OutboxNotices), "outbox")
	for chore, n := range s.Kept {
		send(kept, prometheus.CounterValue, float64(n), chore)
	}
}

func histogram(h database.Histogram, source string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var below uint64
	for i, bound := range h.Bounds {
		below += uint64(h.Counts[i])
		buckets[bound.Seconds()] = below
	}
	return prometheus.MustNewConstHistogram(calls, below+uint64(h.Counts[len(h.Bounds)]), h.Sum.Seconds(), buckets, source)
}
