package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/schema/scalar"
	"linhui/store"
)

// metricsTable is an answer of metrics.
type metricsTable struct {
	Columns []struct {
		Name, Role, Type string
		Unit             *string
	}
	Nodes []struct {
		Bucket                         *string
		Keys, Labels, Values, Compared []*string
		Suppressed                     bool
	}
	TotalCount   *int
	Total, Other []*string
	Suppressed   int
	Coverage     struct{ Complete bool }
	Accuracy     []struct {
		Of              string
		Exact, Additive bool
	}
	Cost     struct{ Sources, Groups int }
	PageInfo struct {
		HasNextPage bool
		EndCursor   *string
	}
}

const metricsTableFields = `{ columns { name role type unit } nodes { bucket keys labels values compared suppressed } totalCount total other suppressed
	coverage { complete } accuracy { of exact additive } cost { sources groups } pageInfo { hasNextPage endCursor } }`

func (b *bundle) table(token, args string, headers ...string) metricsTable {
	b.t.Helper()
	var out struct{ Metrics metricsTable }
	a := b.ask(token, "{ metrics("+args+") "+metricsTableFields+" }", nil, headers...)
	if len(a.Errors) > 0 {
		b.t.Fatalf("%s: %+v", args, a.Errors)
	}
	if err := json.Unmarshal(a.Data, &out); err != nil {
		b.t.Fatal(err)
	}
	return out.Metrics
}

func texts(list []*string) string {
	var b strings.Builder
	for _, s := range list {
		if s == nil {
			b.WriteString("-|")
		} else {
			b.WriteString(*s + "|")
		}
	}
	return b.String()
}

// quotedList is a list of texts in GraphQL.
func quotedList(list []string) string { return `["` + strings.Join(list, `", "`) + `"]` }

// TestMetricsAreTheTypedFigures: measures of several types in one table are what each type's own
// field says of the same groups, seen through a guard or not.
func TestMetricsAreTheTypedFigures(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, generous)
	for name, viewer := range map[string]struct {
		authz.Viewer
		headers []string
	}{
		"staff":   {authz.Viewer{Principal: "test-STREET_STAFF", Roles: []authz.Role{authz.StreetStaff}, All: true, Purpose: "statistics"}, []string{"X-Linhui-Purpose", "statistics"}},
		"analyst": {authz.Viewer{Principal: "test-ANALYST", Roles: []authz.Role{authz.Analyst}, All: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			token, compared := b.token(viewer.Roles[0]), 0
			for i := range 60 {
				rnd := rand.New(rand.NewPCG(11, uint64(i)))
				cubes := slices.Clone(store.Cubes())
				rnd.Shuffle(len(cubes), func(i, j int) { cubes[i], cubes[j] = cubes[j], cubes[i] })
				cubes = cubes[:1+rnd.IntN(3)]
				compared += b.sameAsTyped(rnd, token, cubes, &viewer.Viewer, viewer.headers)
			}
			if compared < 300 {
				t.Errorf("only %d figures were compared", compared)
			}
		})
	}
}

// on is the bundle for a test below its own.
func (b *bundle) on(t *testing.T) *bundle {
	own := *b
	own.t = t
	return &own
}

// sameAsTyped asks for figures of the cubes together and one by one, and returns how many it compared.
func (b *bundle) sameAsTyped(rnd *rand.Rand, token string, cubes []*store.Cube, v *authz.Viewer, headers []string) (compared int) {
	b.t.Helper()
	var by, fields []string
	for _, d := range store.Common(v, cubes) {
		if len(by) == 2 || rnd.IntN(2) == 0 {
			continue
		}
		by = append(by, d.Name)
		field := d.Field()
		switch {
		case d.Name == "COMMUNITY":
			field += " { id: slug }"
		case d.Type == "Division":
			field += " { id: code }"
		case store.Tables()[d.Type] != nil:
			field += " { id }"
		}
		fields = append(fields, field)
	}
	time := !slices.ContainsFunc(cubes, func(c *store.Cube) bool { return c.Time == "" }) && rnd.IntN(2) == 0
	args := "first: 10000"
	if time {
		args += ", bucket: MONTH"
		fields = append(fields, "bucket")
	}
	typed := map[string][]*string{} // by keys, then of each measure in turn
	var names []string
	at := 0
	for _, c := range cubes {
		var measures []string
		for i := range c.Measures {
			if m := &c.Measures[i]; !m.IsPercentile() && !strings.HasPrefix(m.Name, "largest") && len(measures) < 3 {
				measures = append(measures, m.Name)
				names = append(names, c.Of.TypeName()+"."+m.Name)
			}
		}
		grouped := ""
		if by != nil {
			grouped = ", groupBy: [" + strings.Join(by, ", ") + "]"
		}
		var out map[string]struct{ Nodes []map[string]any }
		b.must(token, fmt.Sprintf("{ %s(%s%s) { nodes { suppressed %s %s } } }", c.RootField(), args, grouped, strings.Join(fields, " "), strings.Join(measures, " ")), nil, &out, headers...)
		for _, n := range out[c.RootField()].Nodes {
			var keys []*string
			for _, name := range by {
				keys = append(keys, keyText(n[c.Named(scalar.Enum(name)).Field()]))
			}
			key := fmt.Sprint(texts(append(keys, keyText(n["bucket"]))), n["suppressed"])
			values := typed[key]
			for len(values) < at {
				values = append(values, nil)
			}
			for _, m := range measures {
				values = append(values, keyText(n[m]))
				compared++
			}
			typed[key] = values
		}
		at += len(measures)
	}
	table := args + ", measures: " + quotedList(names)
	if by != nil {
		table += ", dimensions: " + quotedList(by)
	}
	together := map[string][]*string{}
	for _, n := range b.table(token, table, headers...).Nodes {
		together[fmt.Sprint(texts(append(n.Keys, n.Bucket)), n.Suppressed)] = n.Values
	}
	for _, key := range slices.Sorted(maps.Keys(typed)) {
		for len(typed[key]) < at {
			typed[key] = append(typed[key], nil)
		}
		if texts(typed[key]) != texts(together[key]) {
			b.t.Errorf("%s\n%s: typed %s, metrics %s", table, key, texts(typed[key]), texts(together[key]))
		}
	}
	if len(together) != len(typed) {
		b.t.Errorf("%s: %d groups, typed %d", table, len(together), len(typed))
	}
	return compared
}

// keyText is a key or a figure of a typed answer as metrics show it.
func keyText(v any) *string {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		return keyText(v["id"])
	}
	text := fmt.Sprint(v)
	return &text
}

func TestMetricsStandInOneTable(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	analyst := b.token(authz.Analyst)
	m := b.table(analyst, `measures: ["Feedback.received", "Feedback.onTimeShare", "ServiceRecord.hours", "Feedback.hoursToReply@0.9"], dimensions: ["COMMUNITY"],
		period: {from: "2026-04-01", to: "2026-05-31"}, compareTo: PREVIOUS, having: [{of: "Feedback.received", gte: "1"}], orderBy: [{by: "Feedback.received", direction: DESC}], first: 3`)
	if len(m.Nodes) != 3 || len(m.Columns) != 5 || m.Columns[0].Role != "DIMENSION" || m.Columns[1].Name != "Feedback.received" || *m.Columns[1].Unit != "件" ||
		!m.Coverage.Complete || m.Cost.Sources != 6 || !m.PageInfo.HasNextPage || len(m.Total) != 4 || len(m.Other) != 4 || !m.Accuracy[0].Additive || m.Accuracy[1].Additive {
		t.Fatalf("%+v", m)
	}
	for i, n := range m.Nodes {
		if !strings.HasSuffix(*n.Labels[0], "社区") || !page.IsOwner(*n.Keys[0]) || len(n.Compared) != 4 || n.Compared[0] == nil || n.Values[2] == nil {
			t.Errorf("row %d: keys %s labels %s values %s compared %s", i, texts(n.Keys), texts(n.Labels), texts(n.Values), texts(n.Compared))
		}
	}
	rest := b.table(analyst, `measures: ["Feedback.received", "Feedback.onTimeShare", "ServiceRecord.hours", "Feedback.hoursToReply@0.9"], dimensions: ["COMMUNITY"],
		period: {from: "2026-04-01", to: "2026-05-31"}, compareTo: PREVIOUS, having: [{of: "Feedback.received", gte: "1"}], orderBy: [{by: "Feedback.received", direction: DESC}], first: 30, after: "`+*m.PageInfo.EndCursor+`"`)
	if len(rest.Nodes) != *m.TotalCount-3 || len(rest.Nodes) == 0 {
		t.Errorf("the rest: %d of %d", len(rest.Nodes), *m.TotalCount)
	}
	// A condition keeps what grouping would show, also over a join and of rows.
	kinds := b.table(analyst, `measures: ["CourseSession.held"], dimensions: ["AUDIENCE"]`)
	some := b.table(analyst, `measures: ["CourseSession.held"], where: [{of: "AUDIENCE", in: ["`+*kinds.Nodes[0].Keys[0]+`"]}]`)
	if texts(some.Nodes[0].Values) != texts(kinds.Nodes[0].Values) {
		t.Errorf("%s, not %s", texts(some.Nodes[0].Values), texts(kinds.Nodes[0].Values))
	}
	bodies := b.table(analyst, `measures: ["Feedback.received"], dimensions: ["RESPONSIBLE"], where: [{of: "RESPONSIBLE", isNull: false}], orderBy: [{by: "Feedback.received", direction: DESC}]`)
	one := b.table(analyst, `measures: ["Feedback.received"], dimensions: ["RESPONSIBLE"], where: [{of: "RESPONSIBLE", in: ["`+*bodies.Nodes[0].Keys[0]+`"]}]`)
	if len(one.Nodes) != 1 || one.Nodes[0].Labels[0] == nil || *one.Nodes[0].Labels[0] == "" || texts(one.Nodes[0].Values) != texts(bodies.Nodes[0].Values) {
		t.Errorf("%+v of %+v", one.Nodes, bodies.Nodes)
	}
}

// A source that is down costs its groups: the others stand as they were, and the totals are marked as lacking it.
func TestMetricsWithoutASource(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	const args = `measures: ["Feedback.received", "ServiceRecord.hours"], dimensions: ["COMMUNITY"], orderBy: [{by: "Feedback.received", direction: DESC}]`
	viewer := b.token(authz.DistrictViewer)
	whole := b.table(viewer, args)
	lost := *whole.Nodes[0].Keys[0]
	b.proxies[b.home[lost]].Set(testkit.Refuse)
	a := b.ask(viewer, "{ metrics("+args+") "+metricsTableFields+" }", nil)
	var out struct{ Metrics metricsTable }
	decode(t, a.Data, &out)
	part := out.Metrics
	if len(a.Errors) == 0 || part.Coverage.Complete || part.TotalCount != nil || len(part.Nodes) != len(whole.Nodes)-1 || len(part.Nodes) == 0 {
		t.Fatalf("%+v %+v", a.Errors, part)
	}
	for _, e := range a.Errors {
		if e.Extensions["code"] != "SOURCE_UNAVAILABLE" || e.Extensions["source"] != b.home[lost] || fmt.Sprint(e.Path) != "[metrics]" {
			t.Errorf("%+v", e)
		}
	}
	var sums [2]float64
	for i, n := range part.Nodes {
		if was := whole.Nodes[i+1]; texts(n.Keys) != texts(was.Keys) || texts(n.Values) != texts(was.Values) {
			t.Errorf("%s: %s, was %s", texts(n.Keys), texts(n.Values), texts(was.Values))
		}
		for j, v := range n.Values {
			if v != nil {
				sums[j] += figure(t, *v)
			}
		}
	}
	for j, sum := range sums {
		if got := figure(t, *part.Total[j]); math.Abs(got-sum) > 1e-6 || got >= figure(t, *whole.Total[j]) {
			t.Errorf("measure %d: the total is %v, the groups add up to %v", j, got, sum)
		}
	}
	b.proxies[b.home[lost]].Set(testkit.Pass)
	if again := b.table(viewer, args); !again.Coverage.Complete || texts(again.Total) != texts(whole.Total) || len(again.Nodes) != len(whole.Nodes) {
		t.Errorf("after the repair: %+v", again)
	}
}

func figure(t *testing.T, text string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMetricsSayWhatIsLegal(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	analyst := b.token(authz.Analyst)
	for _, c := range []struct{ token, args, code, says string }{
		{analyst, `measures: ["Feedback.colour"]`, "BAD_USER_INPUT", "Feedback.onTimeShare"},
		{analyst, `measures: ["Fedback.received"]`, "BAD_USER_INPUT", "Feedback, FundEntry"},
		{analyst, `measures: []`, "BAD_USER_INPUT", "metricCatalogue"},
		{analyst, `measures: ["Feedback.received@0.5"]`, "BAD_USER_INPUT", "from 0 to 1"},
		{analyst, `measures: ["Feedback.hoursToReply@1.5"]`, "BAD_USER_INPUT", "from 0 to 1"},
		{analyst, `measures: ["Feedback.received", "Feedback.received"]`, "BAD_USER_INPUT", "twice"},
		{analyst, `measures: ["Feedback.received"], dimensions: ["AUDIENCE"]`, "BAD_USER_INPUT", "COMMUNITY, STREET, DISTRICT, KIND"},
		{analyst, `measures: ["Feedback.received", "Event.events"], dimensions: ["KIND"]`, "BAD_USER_INPUT", "COMMUNITY, STREET, DISTRICT, STATION, WEEKDAY"},
		{analyst, `measures: ["Resident.residents"], dimensions: ["KIND"]`, "BAD_USER_INPUT", "ESTATE, AGE_BAND"},
		{analyst, `measures: ["Station.stations"], bucket: MONTH`, "BAD_USER_INPUT", "Station rows have no time"},
		{analyst, `measures: ["Feedback.received", "Room.area"], period: {from: "2026-01-01", to: "2026-01-31"}`, "BAD_USER_INPUT", "Room rows have no time"},
		{analyst, `measures: ["Feedback.received"], compareTo: PREVIOUS`, "BAD_USER_INPUT", "needs a period or a bucket"},
		{analyst, `measures: ["Feedback.received"], period: {from: "2026-02-30", to: "2026-03-31"}`, "", "Date"},
		{analyst, `measures: ["Feedback.received"], having: [{of: "Feedback.overdue", gt: "1"}]`, "BAD_USER_INPUT", "there are: Feedback.received"},
		{analyst, `measures: ["Feedback.received"], having: [{of: "Feedback.received", gt: "many"}]`, "", "Decimal"},
		{analyst, `measures: ["Feedback.received"], orderBy: [{by: "compared.Feedback.received"}]`, "BAD_USER_INPUT", "no measure"},
		{analyst, `measures: ["Feedback.received"], where: [{of: "KIND", in: ["LAMP"]}]`, "BAD_USER_INPUT", "PROBLEM"},
		{analyst, `measures: ["Feedback.received"], where: [{of: "COMMUNITY", in: ["wenhua"]}]`, "BAD_USER_INPUT", "by communities"},
		{analyst, `measures: ["Feedback.received"], where: [{of: "STATION", in: ["x"]}]`, "BAD_USER_INPUT", "ids of a Station"},
		{analyst, `measures: ["ServiceRecord.hours"], where: [{of: "TEAM", isNull: false}]`, "FORBIDDEN", "group by the dimension instead"},
		{analyst, `measures: ["ServiceRecord.hours"], bucket: WEEK`, "FORBIDDEN", "whole months"},
		{analyst, `measures: ["ServiceRecord.minutes"]`, "FORBIDDEN", "single people"},
		{"", `measures: ["Feedback.received"]`, "UNAUTHENTICATED", "token"},
		{b.token(authz.Resident), `measures: ["Feedback.received"]`, "FORBIDDEN", "roles"},
	} {
		a := b.ask(c.token, "{ metrics("+c.args+") { totalCount nodes { values } } }", nil)
		if len(a.Errors) != 1 || c.code != "" && a.Errors[0].Extensions["code"] != c.code || !strings.Contains(a.Errors[0].Message, c.says) {
			t.Errorf("%s: %+v %s", c.args, a.Errors, a.Data)
		}
	}
}

// TestTheCatalogueHoldsWhatItSays: every measure that it says is the viewer's answers along every
// dimension and bucket that it says.
func TestTheCatalogueHoldsWhatItSays(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, generous)
	for _, role := range []authz.Role{authz.Public, authz.Analyst} {
		token := ""
		if role != authz.Public {
			token = b.token(role)
		}
		var out struct {
			MetricCatalogue []struct {
				Name, Formula, Type, Kind, Of, Field string
				Mine                                 bool
				Roles, Dimensions, Buckets           []string
				LeastPeople                          *int
				Error                                *string
				DimensionDefinitions                 []struct{ Name, Type string }
			}
		}
		b.must(token, `{ metricCatalogue { name formula unit type kind additive error of field roles mine leastPeople dimensions buckets dimensionDefinitions { name description type values overlaps } } }`, nil, &out)
		named := 0
		for _, c := range store.Cubes() {
			named += len(c.Measures)
		}
		if len(out.MetricCatalogue) != named {
			t.Errorf("%d measures, not %d", len(out.MetricCatalogue), named)
		}
		mine := 0
		asks := map[string][]string{} // the measures of one type that are cut alike are asked together
		for _, d := range out.MetricCatalogue {
			if d.Formula == "" || len(d.DimensionDefinitions) != len(d.Dimensions) {
				t.Errorf("%+v", d)
			}
			if !d.Mine {
				continue
			}
			mine++
			if role == authz.Public && d.LeastPeople != nil && *d.LeastPeople < 10 {
				t.Errorf("the public sees %s of %d people", d.Name, *d.LeastPeople)
			}
			for _, dim := range d.Dimensions {
				ask := fmt.Sprintf("%s dimensions: [%q]", d.Of, dim)
				asks[ask] = append(asks[ask], strconv.Quote(d.Name))
			}
			for _, bucket := range d.Buckets {
				ask := d.Of + " bucket: " + bucket
				asks[ask] = append(asks[ask], strconv.Quote(d.Name))
			}
		}
		for ask, measures := range asks {
			_, cut, _ := strings.Cut(ask, " ")
			if a := b.ask(token, fmt.Sprintf(`{ metrics(measures: [%s], %s, first: 5) { nodes { keys values } } }`, strings.Join(measures, ", "), cut), nil); len(a.Errors) > 0 {
				t.Errorf("%s %s %s: %+v", role, measures, cut, a.Errors)
			}
		}
		if mine < 20 {
			t.Errorf("%s may ask for %d measures only", role, mine)
		}
	}
}

// In a file every key, name and figure is a column of its own, by the name that it was asked for by.
func TestMetricsAreATable(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	analyst := b.token(authz.Analyst)
	const query = `query Monthly($from: Date!, $to: Date!, $of: [String!]! = ["Feedback.received", "Feedback.hoursToReply@0.9"]) {
		metrics(measures: $of, dimensions: ["COMMUNITY"], period: {from: $from, to: $to}, bucket: MONTH) { nodes { bucket keys labels values suppressed } total } }`
	if saved := b.save(analyst, map[string]any{"name": "figures", "document": query}); saved.Out.SavedQuery == nil {
		t.Fatalf("%+v", saved.Out)
	}
	resp, body := b.run(analyst, "/q/figures.csv?from=2026-04-01&to=2026-05-31")
	lines := strings.Split(strings.TrimPrefix(body, "\ufeff"), "\r\n")
	if resp.StatusCode != 200 || lines[0] != "bucket,keys.COMMUNITY,labels.COMMUNITY,values.Feedback.received,values.Feedback.hoursToReply@0.9,suppressed" || len(lines) != 14 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	all := b.table(analyst, `measures: ["Feedback.received", "Feedback.hoursToReply@0.9"], dimensions: ["COMMUNITY"], period: {from: "2026-04-01", to: "2026-05-31"}, bucket: MONTH`)
	for i, n := range all.Nodes {
		if want := strings.Join([]string{*n.Bucket, *n.Keys[0], *n.Labels[0], *n.Values[0], *n.Values[1], "false"}, ","); lines[1+i] != want {
			t.Errorf("line %d: %s, not %s", 1+i, lines[1+i], want)
		}
	}
	if _, body := b.run(analyst, "/q/figures.csv?from=2026-04-01&to=2026-05-31&of=Feedback.overdue"); !strings.Contains(body, "values.Feedback.overdue,suppressed\r\n") {
		t.Errorf("other measures: %s", body)
	}
}
