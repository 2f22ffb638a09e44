package e2e

import (
	"testing"

	"linhui/internal/authz"
)

func TestAggregates(t *testing.T) {
	t.Parallel()
	b := spread(t, 2, 4)
	token := b.token(authz.Analyst)
	for _, q := range []string{
		`{ feedbackAggregate(groupBy: [COMMUNITY], orderBy: {by: "received", direction: DESC}) { totalCount nodes { community { slug } received late: received(where: {overdue: true}) unanswered onTimeShare hoursToReply p95: hoursToResolve(p: 0.95) meanSatisfaction satisfactionDeviation } total { received onTimeShare hoursToReply } accuracy { of exact error additive } cost { sources groups rollup } coverage { complete } asOf suppressed } }`,
		`{ feedbackAggregate(groupBy: [STATUS, KIND], bucket: QUARTER, first: 4, having: {of: "received", gte: "2"}, compareTo: PREVIOUS) { pageInfo { hasNextPage endCursor } nodes { bucket status kind received compared { received } } other { received } total { received } } }`,
		`{ feedbackAggregate(groupBy: [STATION, WEEKDAY], first: 3) { nodes { station { nameZh community { nameZh } } weekday received } } }`,
		`{ serviceDeliveryAggregate(groupBy: [KIND_ROLLED_UP, DISTRICT], first: 5) { nodes { kindRolledUp district { name } personTimes largest } total { personTimes } } }`,
		`{ feedbackAggregate(groupBy: [CATEGORY, CHANNEL], dryRun: true) { nodes { received } cost { sources groups rows } } }`,
	} {
		a := b.ask(token, q, nil)
		t.Logf("%s\n%s %+v", q, a.Data, a.Errors)
	}
}
