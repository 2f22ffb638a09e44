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

// TestAreasArePlaced: the keeper tells a source which of its communities lie in one street,
// district or city, and adds up what is kept of them; then there is no more to do.
func TestAreasArePlaced(t *testing.T) {
	t.Parallel()
	b := demonstration(t, func(string) string { return "all" }, nil)
	for _, want := range []bool{true, false} {
		done, err := b.gateway.Sources.Keep(t.Context(), noon)
		if err != nil {
			t.Fatal(err)
		}
		if placed := done["areas"] > 0; placed != want {
			t.Errorf("%d areas placed", done["areas"])
		}
	}
	db := admin(t, b.sources["all"])
	var placed, table, off string
	if err := db.QueryRow(`SELECT string_agg(area || ' ' || array_to_string(members, ' '), '; ' ORDER BY area),
		(SELECT name FROM linhui_rollups WHERE name LIKE 'service_deliveries_by_month%') FROM linhui_areas`).Scan(&placed, &table); err != nil {
		t.Fatal(err)
	}
	if want := "620100000000 lanxin wenhua yanbin; 620104000000 lanxin wenhua"; placed != want {
		t.Errorf("placed %q, want %q", placed, want)
	}
	if err := db.QueryRow(`SELECT coalesce(string_agg(area, ' '), '') FROM linhui_areas WHERE
		(SELECT sum(person_times) FROM service_deliveries WHERE owner = ANY (members) AND superseded_at IS NULL) IS DISTINCT FROM
		(SELECT sum(rollup_m1) FROM ` + table + `_areas WHERE owner = area)`).Scan(&off); err != nil || off != "" {
		t.Errorf("person-times of areas %s are not those of their members (%v)", off, err)
	}
}
