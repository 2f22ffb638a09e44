package e2e

import (
	"encoding/json"
	"testing"

	"linhui/internal/authz"
)

// withoutRollups makes sources such as have not been migrated yet.
func withoutRollups(t *testing.T, b *bundle) {
	t.Helper()
	for _, db := range b.sources {
		execSQL(t, db.Open(t), `CALL linhui_unroll('feedbacks'); CALL linhui_unroll('service_deliveries')`)
	}
}

// TestRollupsAnswerWhereTheyCan: an answer says whether kept totals gave it, is the same without
// them, and shows a write at once.
func TestRollupsAnswerWhereTheyCan(t *testing.T) {
	t.Parallel()
	kept := demonstration(t, func(street string) string { return street }, nil)
	rows := demonstration(t, func(street string) string { return street }, nil)
	withoutRollups(t, rows)

	ask := func(b *bundle, query string) (text string, rolled bool) {
		t.Helper()
		var a map[string]map[string]any
		b.must(b.token(authz.Analyst), query, nil, &a)
		for _, field := range a {
			rolled = field["cost"].(map[string]any)["rollup"].(bool)
			delete(field, "cost")
		}
		shown, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		return string(shown), rolled
	}
	for query, rolled := range map[string]bool{
		`{ feedbackAggregate(groupBy: [CATEGORY, COMMUNITY], bucket: MONTH, first: 1000) { nodes { bucket category community { slug } received resolved meanSatisfaction } total { received } cost { rollup } } }`:  true,
		`{ feedbackAggregate(groupBy: [RESPONSIBLE], bucket: YEAR, compareTo: PREVIOUS) { nodes { responsible { id } bucket unanswered compared { received } } cost { rollup } } }`:                                 true,
		`{ feedbackAggregate(groupBy: [CATEGORY], where: {status: [CLOSED]}) { nodes { category received } cost { rollup } } }`:                                                                                     false,
		`{ feedbackAggregate(groupBy: [DISTRICT, STATUS], period: {from: "2025-07-01", to: "2026-03-31"}) { nodes { district { code } status received } cost { rollup } } }`:                                        true,
		`{ feedbackAggregate(groupBy: [STATUS], period: {from: "2025-07-02", to: "2026-03-31"}) { nodes { status received } cost { rollup } } }`:                                                                    false,
		`{ feedbackAggregate(bucket: MONTH) { nodes { bucket onTimeShare } cost { rollup } } }`:                                                                                                                     false,
		`{ serviceDeliveryAggregate(groupBy: [KIND_ROLLED_UP], bucket: WEEK, period: {from: "2026-01-05", to: "2026-05-30"}) { nodes { bucket kindRolledUp personTimes } total { personTimes } cost { rollup } } }`: true,
		`{ serviceDeliveryAggregate(groupBy: [KIND], where: {includeSuperseded: true}) { nodes { kind personTimes } cost { rollup } } }`:                                                                            false,
	} {
		got, by := ask(kept, query)
		want, _ := ask(rows, query)
		if got != want {
			t.Errorf("%s\nby totals %s\nby rows   %s", query, got, want)
		}
		if by != rolled {
			t.Errorf("%s\nanswered by totals: %t, want %t", query, by, rolled)
		}
	}

	const written = `{ serviceDeliveryAggregate(communities: ["yanbin"], groupBy: [KIND], bucket: MONTH, first: 1000) { total { deliveries } cost { rollup } } }`
	before, _ := ask(kept, written)
	execSQL(t, kept.sources[kept.home["yanbin"]].Open(t), `INSERT INTO service_deliveries (owner, kind, occurred_on, person_times) VALUES ('yanbin', 'COMFORT_VISIT', '2026-06-01', 5)`)
	if after, rolled := ask(kept, written); after == before || !rolled {
		t.Errorf("a record was written and the totals are %s as before", after)
	}
}
