package main

import "time"

// workload is one question that a client asks again and again, with other variables each
// time, so that nothing below can answer from memory.
type workload struct {
	name  string
	about string
	query string
	// token says that the viewer is staff; the others ask as the public.
	token bool
	// hot says that the answer can stand in Redis: the gateway with one is measured too.
	hot bool
	// variables of the i-th request. Both servers get the same ones.
	variables func(set *dataset, i int) map[string]any
}

// dataset is what workloads choose their variables from.
type dataset struct {
	communities []string // slugs in order
	district    int      // communities a district has
}

// some are n communities that stand side by side: a hundred are a whole district.
func (d *dataset) some(i, n int) []string {
	at := i % (len(d.communities) / n) * n
	return d.communities[at : at+n]
}

const byCategory = `query D($c: [ID!], $p: DateRange) { feedbackAggregate(communities: $c, groupBy: [COMMUNITY, CATEGORY], bucket: MONTH, period: $p, first: 10000) {
	nodes { bucket community { slug } category received resolved } } }`

func (d *dataset) wholeMonths(i int) map[string]any {
	month := benchDay.AddDate(0, 0, 1-benchDay.Day())
	return d.during(i, month.AddDate(0, -10, 0), month.AddDate(0, 0, -1))
}

func (d *dataset) during(i int, from, to time.Time) map[string]any {
	return map[string]any{"c": d.some(i, d.district), "p": map[string]string{"from": from.Format(time.DateOnly), "to": to.Format(time.DateOnly)}}
}

var workloads = []workload{
	{
		name: "a", about: "20 communities: stations, today's events, open feedback, teams", token: true,
		query: `query A($c: [ID!]) { communities(communities: $c, first: 50) { nodes { slug
			stations(first: 50) { nodes { id nameZh kind } }
			todayEvents(first: 50) { nodes { id nameZh start } }
			feedbacks(filter: {status: [RECEIVED, TRIAGED, ASSIGNED, IN_PROGRESS]}) { totalCount }
			teams(first: 50) { nodes { id nameZh kind memberCount } } } } }`,
		variables: func(d *dataset, i int) map[string]any { return map[string]any{"c": d.some(i, 20)} },
	},
	{
		name: "b", about: "10 communities x 30 courses x 5 sessions x enrolment count",
		query: `query B($c: [ID!]) { communities(communities: $c, first: 50) { nodes { slug
			courses(first: 50) { nodes { id nameZh enrolmentCount
				sessions(first: 5) { nodes { id start end } } } } } } }`,
		variables: func(d *dataset, i int) map[string]any { return map[string]any{"c": d.some(i, 10)} },
	},
	{
		name: "c", about: "today's events of one district of 100 communities", hot: true,
		query: `query C($c: [ID!]) { todayEvents(communities: $c, first: 200) {
			nodes { id nameZh kind start end community { slug } } coverage { complete } } }`,
		variables: func(d *dataset, i int) map[string]any { return map[string]any{"c": d.some(i, d.district)} },
	},
	{
		name: "d", about: "a district's feedback of 300 days by community, category and month", token: true,
		query: byCategory,
		variables: func(d *dataset, i int) map[string]any {
			return d.during(i, benchDay.AddDate(0, 0, -300), benchDay.AddDate(0, 0, -1))
		},
	},
	{
		name: "dr", about: "the same of 10 whole months, which kept totals answer", token: true,
		query: byCategory, variables: (*dataset).wholeMonths,
	},
	{
		name: "dt", about: "a district's feedback of 10 months by category and month, from kept totals", token: true,
		query: `query T($c: [ID!], $p: DateRange) { feedbackAggregate(communities: $c, groupBy: [CATEGORY], bucket: MONTH, period: $p, first: 1000) {
			nodes { bucket category received resolved } } }`,
		variables: (*dataset).wholeMonths,
	},
	{
		name: "e", about: "keyset page through a district's open feedback, with reporter", token: true,
		query: `query E($c: [ID!], $after: String) { feedbacks(communities: $c, filter: {status: [RECEIVED, TRIAGED, ASSIGNED, IN_PROGRESS]}, first: 50, after: $after) {
			edges { cursor node { id number status receivedAt title reporter { id maskedName } } } pageInfo { hasNextPage endCursor } } }`,
		variables: func(d *dataset, i int) map[string]any { return map[string]any{"c": d.some(i, d.district)} },
	},
}
