package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"linhui/cmd/linhui/app"
	"linhui/graph"
	"linhui/internal/authz"
	"linhui/seed"
	"linhui/server"
	"linhui/store"
)

// aggregates draws aggregate queries.
type aggregates struct {
	*operations
	guarded bool // for a viewer who sees rows of people through the guard
}

// query draws a query of some cube, which every viewer of its kind may ask.
func (a *aggregates) query() string {
	if a.IntN(5) == 0 {
		return a.metrics()
	}
	cubes := store.Cubes()
	c := cubes[a.IntN(len(cubes))]
	guarded := a.guarded && c.Guard != nil
	var by, fields []string
	for i := range c.Dimensions {
		d := &c.Dimensions[i]
		if a.IntN(len(c.Dimensions)) > 1 || len(by) == 3 || guarded && i > 2 && !slices.Contains(c.Guard.Lattice, d.Name) {
			continue
		}
		by = append(by, d.Name)
		if def := a.schema.Types[d.Type]; def.IsLeafType() {
			fields = append(fields, d.Field())
		} else if def.Fields.ForName("id") != nil {
			fields = append(fields, d.Field()+" { id }")
		} else {
			fields = append(fields, d.Field()+" { __typename code }")
		}
	}
	args := []string{}
	if len(by) > 0 {
		args = append(args, "groupBy: ["+strings.Join(by, ", ")+"]")
	}
	if c.Time != "" && a.IntN(2) == 0 {
		buckets := []string{"MONTH", "QUARTER", "YEAR"}
		if !guarded {
			buckets = append(buckets, "DAY", "WEEK")
		}
		args = append(args, "bucket: "+buckets[a.IntN(len(buckets))])
		fields = append(fields, "bucket")
	}
	if c.Time != "" && a.IntN(2) == 0 {
		from := 1 + a.IntN(5)
		args = append(args, fmt.Sprintf(`period: {from: "202%d-%02d-01", to: "2026-0%d-31"}`, 5+a.IntN(2), from, []int{1, 3, 3, 5, 5}[from-1]))
		if a.IntN(2) == 0 {
			args = append(args, "compareTo: "+[]string{"PREVIOUS", "YEAR_AGO"}[a.IntN(2)])
			fields = append(fields, "compared { "+c.Measures[0].Name+" }")
		}
	}
	if c.Where != "" && !guarded && a.IntN(2) == 0 {
		args = append(args, "where: "+a.value("where", a.schema.Types["Query"].Fields.ForName(c.RootField()).Arguments.ForName("where").Type))
	}
	var measures, totals []string
	for i := range c.Measures {
		m := &c.Measures[i]
		if a.IntN(2) == 0 || guarded && (m.IsPercentile() || strings.HasPrefix(m.Name, "largest")) {
			continue
		}
		var margs []string
		if def := a.schema.Types[c.GroupType()].Fields.ForName(m.Name).Arguments.ForName("where"); def != nil && !guarded && a.IntN(3) == 0 {
			margs = append(margs, "where: "+a.value("where", def.Type))
		}
		if m.IsPercentile() {
			margs = append(margs, fmt.Sprintf("p: 0.%d", 1+a.IntN(9)))
		}
		text := m.Name
		if margs != nil {
			text += "(" + strings.Join(margs, ", ") + ")"
		}
		measures = append(measures, fmt.Sprintf("m%d: %s", i, text))
		totals = append(totals, text)
		if a.IntN(3) == 0 {
			args = slices.DeleteFunc(args, func(s string) bool { return strings.HasPrefix(s, "orderBy") })
			args = append(args, fmt.Sprintf(`orderBy: [{by: "m%d", direction: %s}]`, i, []string{"ASC", "DESC"}[a.IntN(2)]))
		}
		if a.IntN(6) == 0 {
			args = slices.DeleteFunc(args, func(s string) bool { return strings.HasPrefix(s, "having") })
			args = append(args, fmt.Sprintf(`having: [{of: "m%d", gte: "%d"}]`, i, a.IntN(20)))
		}
	}
	if a.IntN(3) > 0 {
		args = append(args, fmt.Sprintf("first: %d", 1+a.IntN(20)))
	}
	list := ""
	if len(args) > 0 {
		list = "(" + strings.Join(args, ", ") + ")"
	}
	total := ""
	if len(totals) > 0 && a.IntN(2) == 0 {
		total = fmt.Sprintf("total { t: %s } other { t: %[1]s }", totals[0])
	}
	return fmt.Sprintf("{ %s%s { totalCount suppressed nodes { suppressed %s %s } %s pageInfo { hasNextPage endCursor } } }",
		c.RootField(), list, strings.Join(fields, " "), strings.Join(measures, " "), total)
}

// metrics draws figures of up to three cubes in one table.
func (a *aggregates) metrics() string {
	role := authz.StreetStaff
	if a.guarded {
		role = authz.Analyst
	}
	v := &authz.Viewer{Roles: []authz.Role{role}, All: true}
	if !a.guarded {
		v.Purpose = "statistics"
	}
	defs := store.MetricCatalogue(v, nil)
	a.Shuffle(len(defs), func(i, j int) { defs[i], defs[j] = defs[j], defs[i] })
	var names, by []string
	var cubes []*store.Cube
	timed := true
	for _, d := range defs[:1+a.IntN(3)] {
		if d.Mine {
			names = append(names, d.Name)
			cubes = append(cubes, store.CubeAt(d.Field))
			timed = timed && len(d.Buckets) > 0
		}
	}
	if names == nil {
		return a.query()
	}
	for _, d := range store.Common(v, cubes) {
		if len(by) < 3 && a.IntN(3) == 0 {
			by = append(by, d.Name)
		}
	}
	args := "measures: " + quotedList(names)
	if by != nil {
		args += ", dimensions: " + quotedList(by)
	}
	if timed && a.IntN(2) == 0 {
		args += ", bucket: " + []string{"MONTH", "QUARTER", "YEAR"}[a.IntN(3)]
		if a.IntN(2) == 0 {
			args += ", compareTo: YEAR_AGO"
		}
	}
	if a.IntN(2) == 0 {
		args += fmt.Sprintf(", first: %d, orderBy: [{by: %q, direction: DESC}]", 1+a.IntN(20), names[0])
	}
	return "{ metrics(" + args + ") { totalCount suppressed nodes { bucket keys labels values compared suppressed } total other pageInfo { hasNextPage endCursor } } }"
}

// generous lets a test ask more than a client may.
func generous(o *app.Options) {
	o.Server.Limits = server.DefaultLimits()
	o.Server.Limits.Cost = 1 << 30
	o.Server.Limits.PerMinute = 1 << 40
}

// eightCommunities are the facts with two communities more, each of which shares a street with one
// that is there, and has what grows around a community without facts.
func eightCommunities(t *testing.T) []byte {
	t.Helper()
	var facts map[string]any
	if err := json.Unmarshal(seed.Facts, &facts); err != nil {
		t.Fatal(err)
	}
	there := facts["communities"].([]any)
	for _, c := range there[1:3] {
		other := maps.Clone(c.(map[string]any))
		other["id"] = other["id"].(string) + "-east"
		delete(other, "divisionCode12")
		facts["communities"] = append(facts["communities"].([]any), other)
	}
	text, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAggregatesAreTransparent: random aggregates answer the same whether the rows lie in one
// database, which keeps no totals, or in eight that do, seen through the guard or not.
// LINHUI_AGGREGATES sets how many are drawn of each kind; 10,000 of them take about ten minutes.
func TestAggregatesAreTransparent(t *testing.T) {
	t.Parallel()
	n := 400
	if set, err := strconv.Atoi(os.Getenv("LINHUI_AGGREGATES")); err == nil {
		n = set
	}
	facts := eightCommunities(t)
	one := demonstrationOf(t, facts, func(string, string) string { return "all" }, generous)
	eight := demonstrationOf(t, facts, func(owner, street string) string {
		if len(owner) == len(street) { // the district of a street
			return "lanxin"
		}
		return owner
	}, generous)
	if len(eight.sources) != 8 {
		t.Fatalf("%d databases", len(eight.sources))
	}
	withoutRollups(t, one)
	full := graph.NewExecutableSchema(graph.Config{}).Schema()
	var groups, people atomic.Int64 // people: groups seen through a guard
	for name, guarded := range map[string]bool{"staff": false, "analyst": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role, headers := authz.StreetStaff, []string{"X-Linhui-Purpose", "statistics"}
			if guarded {
				role, headers = authz.Analyst, nil
			}
			tokens := map[*bundle]string{one: one.token(role), eight: eight.token(role)}
			for i := range n {
				a := &aggregates{&operations{Rand: rand.New(rand.NewPCG(7, uint64(i))), schema: full}, guarded}
				query := a.query()
				x, y := one.ask(tokens[one], query, nil, headers...), eight.ask(tokens[eight], query, nil, headers...)
				if len(x.Errors) > 0 || len(y.Errors) > 0 {
					t.Fatalf("errors: one database %+v, eight %+v\n%s", x.Errors, y.Errors, query)
				}
				if string(x.Data) != string(y.Data) {
					t.Fatalf("one database and eight differ\n%s\n%s\n%s", query, x.Data, y.Data)
				}
				shown := int64(strings.Count(string(x.Data), `"suppressed":`)) - 1
				groups.Add(shown)
				root, _, _ := strings.Cut(strings.TrimPrefix(query, "{ "), "(")
				if c := store.CubeAt(strings.Split(root, " ")[0]); guarded && c != nil && c.Guard != nil {
					people.Add(shown)
				}
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("%d queries compared, %d groups, %d through a guard", 2*n, groups.Load(), people.Load())
		if !t.Failed() && (groups.Load() < int64(n) || people.Load() < int64(n)) {
			t.Errorf("too little was compared: %d groups, %d through a guard", groups.Load(), people.Load())
		}
	})
}

// TestAggregatesAreWhatTheRowsAre: figures equal those of SQL over one database.
func TestAggregatesAreWhatTheRowsAre(t *testing.T) {
	t.Parallel()
	b := demonstration(t, func(string) string { return "all" }, nil)
	staff := b.token(authz.StreetStaff)
	db := admin(t, b.sources["all"])
	var out struct {
		FeedbackAggregate struct{ Nodes []group }
	}
	b.must(staff, `{ feedbackAggregate(groupBy: [STATUS], bucket: MONTH, first: 10000) { nodes { bucket status received late: received(where: {overdue: true})
		onTime: onTimeShare median: hoursToReply satisfied: meanSatisfaction } } }`, nil, &out)
	rows, err := db.Query(`SELECT date_trunc('month', received_at AT TIME ZONE 'Asia/Shanghai')::date::text, status, count(*),
		count(*) FILTER (WHERE due_at < $1 AND status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'REFERRED', 'REOPENED')),
		trim_scale(round(count(*) FILTER (WHERE resolved_at <= due_at)::numeric / nullif(count(*) FILTER (WHERE resolved_at IS NOT NULL OR due_at < $1), 0), 6))::text,
		trim_scale(round((percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM replied_at - received_at) / 3600))::numeric, 6))::text,
		trim_scale(round(avg(satisfaction), 6))::text
		FROM feedbacks GROUP BY 1, status ORDER BY 1, status COLLATE "C"`, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	i := 0
	for ; rows.Next(); i++ {
		var want group
		if err := rows.Scan(&want.Bucket, &want.Status, &want.Received, &want.Late, &want.OnTime, &want.Median, &want.Satisfied); err != nil {
			t.Fatal(err)
		}
		if i >= len(out.FeedbackAggregate.Nodes) {
			break
		}
		got := out.FeedbackAggregate.Nodes[i]
		if got.String() != want.String() {
			t.Errorf("group %d: %s, not %s", i, got, want)
		}
	}
	if i != len(out.FeedbackAggregate.Nodes) || i < 20 {
		t.Errorf("%d groups, SQL has at least %d", len(out.FeedbackAggregate.Nodes), i)
	}
}

// group is a group of TestAggregatesAreWhatTheRowsAre.
type group struct {
	Bucket                    *string
	Status                    string
	Received, Late            int
	OnTime, Median, Satisfied *string
}

func (g group) String() string {
	text := fmt.Sprint(g.Status, " ", g.Received, " ", g.Late)
	for _, s := range []*string{g.Bucket, g.OnTime, g.Median, g.Satisfied} {
		if s == nil {
			text += " -"
		} else {
			text += " " + *s
		}
	}
	return text
}
