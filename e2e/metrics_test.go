package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"linhui/internal/testkit"
)

// metrics is what operators read.
func (b *bundle) metrics() string {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.gateway.OpsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		b.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func (b *bundle) measures(lines ...string) {
	b.t.Helper()
	got := b.metrics()
	for _, line := range lines {
		if !strings.Contains(got, "\n"+line) {
			b.t.Errorf("no line %s in\n%s", line, got)
		}
	}
}

func TestOperatorsSeeSourcesAndHotLists(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	redis := testkit.KillableRedis(t)
	b := hot(t, redis.Addr, directory, dbs, nil)
	b.warm(allToday)
	b.measures(`linhui_redis_up 1`, `linhui_hot_list_lookups_total{result="hit"} `, `linhui_hot_list_lookups_total{result="miss"} `,
		`linhui_hot_list_fills_total{result="stored"} `, `linhui_source_breaker{source="one",state="CLOSED"} 1`, `linhui_source_statements_total{source="two"} `,
		`db_client_connection_count{source="one"} `, `db_client_operation_duration_seconds_bucket{source="one",le="+Inf"} `, `linhui_subscribers 0`, `linhui_questions_waiting 0`)

	redis.Kill()
	b.proxies["two"].Set(testkit.Refuse)
	until(t, "Redis is given up, and the breaker of the lost source is open", func() bool {
		b.ask("", allToday, nil)
		b.ask("", `{ stations { nodes { nameZh } } }`, nil)
		got := b.metrics()
		return strings.Contains(got, "linhui_redis_up 0") && strings.Contains(got, `linhui_source_breaker{source="two",state="OPEN"} 1`)
	})
}
