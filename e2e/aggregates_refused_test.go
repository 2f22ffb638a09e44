package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/server"
)

func TestAggregatesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	analyst := b.token(authz.Analyst)
	for _, c := range []struct{ query, says string }{
		{`{ stationAggregate(bucket: MONTH) { nodes { stations } } }`, `Unknown argument "bucket"`},
		{`{ feedbackAggregate { nodes { bucket received } } }`, "give bucket: MONTH"},
		{`{ feedbackAggregate(groupBy: [AUDIENCE]) { nodes { received } } }`, `does not exist in "FeedbackDimension!" enum`},
		{`{ feedbackAggregate(groupBy: [KIND]) { nodes { status received } } }`, "add STATUS to groupBy"},
		{`{ feedbackAggregate(groupBy: [KIND, KIND]) { nodes { received } } }`, "twice"},
		{`{ feedbackAggregate(having: [{of: "overdue", gt: "1"}]) { nodes { received } } }`, "selected are: received"},
		{`{ feedbackAggregate(having: [{of: "received", gt: "many"}]) { nodes { received } } }`, "Decimal"},
		{`{ feedbackAggregate(having: [{of: "kind", gt: "1"}], groupBy: [KIND]) { nodes { kind received } } }`, "selected are: received"},
		{`{ feedbackAggregate(compareTo: PREVIOUS) { nodes { received } } }`, "needs a period or a bucket"},
		{`{ feedbackAggregate { nodes { compared { received } } } }`, "with compareTo"},
		{`{ feedbackAggregate(period: {from: "2026-13-01", to: "2026-13-31"}) { nodes { received } } }`, "Date"},
		{`{ feedbackAggregate(period: {from: "2026-02-30", to: "2026-03-31"}) { nodes { received } } }`, "Date"},
		{`{ feedbackAggregate(period: {from: "2026-03-31", to: "2026-03-01"}) { nodes { received } } }`, "ends on or after"},
		{`{ feedbackAggregate(first: 10001) { nodes { received } } }`, "from 1 to 10000"},
		{`{ feedbackAggregate(after: "x") { nodes { received } } }`, "cursor"},
		{`{ feedbackAggregate { nodes { hoursToReply(p: 1.5) } } }`, "from 0 to 1"},
		{`{ feedbackAggregate(communities: ["atlantis"]) { nodes { received } } }`, "does not know"},
	} {
		a := b.ask(analyst, c.query, nil)
		if len(a.Errors) == 0 || !strings.Contains(a.Errors[0].Message, c.says) || strings.Contains(string(a.Data), "nodes") {
			t.Errorf("%s: %+v %s", c.query, a.Errors, a.Data)
		}
	}
}

// A question that costs too much is refused with its price and with what makes it cheaper.
func TestAggregatesHaveAPrice(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, func(o *app.Options) {
		o.Server.Limits = server.DefaultLimits()
		o.Server.Limits.Cost = 100
	})
	analyst := b.token(authz.Analyst)
	for _, query := range []string{`{ feedbackAggregate(first: %d, groupBy: [COMMUNITY]) { nodes { received community { slug } } } }`,
		`{ metrics(measures: ["Feedback.received"], dimensions: ["COMMUNITY"], first: %d) { nodes { keys values } } }`} {
		a := b.ask(analyst, fmt.Sprintf(query, 9000), nil)
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "COST_EXCEEDED" || a.Errors[0].Extensions["cost"].(float64) < 9000 ||
			a.Errors[0].Extensions["limit"] != 600.0 || !strings.Contains(fmt.Sprint(a.Errors[0].Extensions["hint"]), "first") {
			t.Errorf("%s: %+v", query, a.Errors)
		}
		if a := b.ask(analyst, fmt.Sprintf(query, 90), nil); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", query, a.Errors)
		}
	}
}

// skewed are deliveries of 400 stations in each of eight databases: a few have most of them, not
// the same few in each, and many have equally much.
const skewed = `INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, sessions, station_id)
	SELECT c.owner, (ARRAY['CLEANING', 'CLINIC', 'AFFAIRS', 'REPAIR', 'PATROL'])[1 + (power(random(), 3) * 4.99)::int % 5], date '2026-05-01' - (power(random(), 2) * 600)::int,
		1 + (power(random(), 8) * 900)::int, 1, (SELECT s.id FROM stations s WHERE s.owner = c.owner ORDER BY s.id OFFSET (i * i) % 7 LIMIT 1)
	FROM owners c, generate_series(1, 300) i WHERE c.kind = 'COMMUNITY'`

// TestTopNIsExact: five hundred rankings of skewed rows over eight databases are the beginnings of
// the full order, ties and all.
func TestTopNIsExact(t *testing.T) {
	t.Parallel()
	b := spread(t, 8, 24)
	for _, db := range b.sources {
		execSQL(t, admin(t, db), skewed)
	}
	token := b.token(authz.Analyst)
	rnd := rand.New(rand.NewPCG(5, 8))
	order := func(by, measure, direction string, month, first int, where string) []string {
		var out map[string]struct{ Nodes []json.RawMessage }
		b.must(token, fmt.Sprintf(`{ serviceDeliveryAggregate(groupBy: [%s], bucket: %s, period: {from: "2025-%02d-01", to: "2026-05-31"}%s, orderBy: [{by: "m", direction: %s}], first: %d)
			{ nodes { bucket kind station { id } m: %s } } }`, by, []string{"MONTH", "WEEK", "DAY"}[month%3], month, where, direction, first, measure), nil, &out)
		var rows []string
		for _, n := range out["serviceDeliveryAggregate"].Nodes {
			rows = append(rows, string(n))
		}
		return rows
	}
	wrong, deep := 0, 0
	for range 50 {
		measure := []string{"personTimes", "sessions", "deliveries", "largest"}[rnd.IntN(4)]
		direction, month := []string{"ASC", "DESC"}[rnd.IntN(2)], 1+rnd.IntN(12)
		where := []string{"", ", where: {kinds: [CLEANING, CLINIC]}", `, communities: ["scale-0001", "scale-0009", "scale-0012", "scale-0023"]`}[rnd.IntN(3)]
		full := order("KIND, STATION", measure, direction, month, 10_000, where)
		for range 10 {
			n := 1 + rnd.IntN(60)
			if !slices.Equal(order("KIND, STATION", measure, direction, month, n, where), full[:min(n, len(full))]) {
				wrong++
			}
			deep = max(deep, len(full))
		}
	}
	if wrong > 0 || deep < 5000 {
		t.Errorf("%d of 500 are wrong, of at most %d groups", wrong, deep)
	}
}
