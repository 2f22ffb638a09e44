package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"linhui/internal/authz"
	"linhui/internal/testkit"
)

// people starts a gateway over two sources whose communities p0 and p1 (source one) and p2
// (source two) have residents and teams. In each, five people served an hour and a half in
// May 2026, two of them an hour in April, and a sixth says so but is not confirmed.
func people(t *testing.T) (b *bundle, directory *testkit.DB) {
	t.Helper()
	directory = testkit.Database(t, testkit.Directory)
	dbs := map[string]*testkit.DB{"one": testkit.Database(t, testkit.Source), "two": testkit.Database(t, testkit.Source)}
	run(t, directory, `
		INSERT INTO divisions (code, name, level) VALUES ('370000000000', '山东省', 'PROVINCE');
		INSERT INTO communities (slug, name_zh, parent_code) SELECT 'p' || i, '社区' || i, '370000000000' FROM generate_series(0, 2) i`)
	for key, owners := range map[string]string{"one": `('p0', 'COMMUNITY'), ('p1', 'COMMUNITY')`, "two": `('p2', 'COMMUNITY')`} {
		run(t, dbs[key], `
			INSERT INTO owners VALUES `+owners+`;
			INSERT INTO estates (owner, name_zh) SELECT owner, '文化小区' FROM owners;
			INSERT INTO stations (owner, name_zh, kind) SELECT owner, '驿站', 'VOLUNTEER_POST' FROM owners;
			INSERT INTO brands (owner, name_zh, kind) SELECT owner, '睦邻', 'COMMUNITY_BRAND' FROM owners;
			INSERT INTO organizations (owner, name_zh, kind) SELECT owner, '文明办', 'GOVERNMENT_UNIT' FROM owners;
			INSERT INTO residents (owner, id, name, phone, birth_date, estate_id)
				SELECT e.owner, ('00000000-0000-7000-8000-00000000000' || r.i)::uuid, r.name, r.phone, r.born::date, CASE WHEN r.i < 3 THEN e.id END
				FROM estates e, (VALUES (1, '张三', '13812345678', '1961-06-10'), (2, '欧阳三', '0931-1234567', '2013-01-01'),
					(3, '艾力·某某', NULL, '1961-06-11'), (4, '王五', NULL, NULL), (5, '赵六', NULL, NULL), (6, '钱七', NULL, NULL)) r (i, name, phone, born);
			INSERT INTO resident_tags (owner, resident_id, tag, valid, basis, recorded_by)
				SELECT owner, id, tag, valid::daterange, '走访', 'test' FROM residents,
					(VALUES ('LIVES_ALONE', '[2026-01-01,)'), ('EMPTY_NEST', '[2025-01-01,2026-06-10)'), ('A_NEW_TAG', '[2026-06-10,2026-06-11)')) g (tag, valid)
				WHERE name = '张三';
			INSERT INTO volunteer_teams (owner, name_zh, kind, reported_team_count, volunteer_growth)
				SELECT owner, '志愿者队伍', 'VOLUNTEER_TEAM_GROUP', '{"value": 8, "qualifier": "EXACT", "unit": "支", "zh": "8支"}', '人数倍增' FROM owners;
			INSERT INTO volunteer_teams (owner, name_zh, kind, parent_id, member_groups, brand_id, home_station_id, founded_on)
				SELECT v.owner, '党员志愿者队伍', 'VOLUNTEER_TEAM', v.id, '{PARTY_MEMBER_VOLUNTEER,VETERAN}', b.id, s.id, '2019-06-06'
				FROM volunteer_teams v JOIN brands b USING (owner) JOIN stations s USING (owner);
			INSERT INTO volunteer_teams (owner, name_zh, kind, self_formed, founded_on_zh) SELECT owner, '合唱团', 'ARTS_GROUP', true, '6月6日' FROM owners;
			INSERT INTO team_memberships (owner, team_id, resident_id, role, since, until)
				SELECT v.owner, v.id, r.id, CASE r.name WHEN '张三' THEN '队长' END, date '2024-01-01' + right(r.id::text, 1)::int,
					CASE r.name WHEN '钱七' THEN date '2025-01-01' END
				FROM volunteer_teams v JOIN residents r USING (owner) WHERE v.name_zh = '党员志愿者队伍' OR v.name_zh = '合唱团' AND r.name = '张三';
			INSERT INTO team_honours (owner, team_id, kind, awarded_on, by_org_id)
				SELECT v.owner, v.id, 'FLAG', '2019-12-18', o.id FROM volunteer_teams v JOIN organizations o USING (owner) WHERE v.name_zh = '志愿者队伍';
			INSERT INTO service_projects (owner, name_zh, team_id) SELECT owner, '老伙伴', id FROM volunteer_teams WHERE name_zh = '党员志愿者队伍';
			INSERT INTO service_records (owner, volunteer_id, team_id, project_id, during, content, status, confirmed_by, confirmed_at)
				SELECT r.owner, r.id, p.team_id, p.id, tstzrange(s, s + m * interval '1 minute'), '陪' || r.name,
					CASE r.name WHEN '钱七' THEN 'SUBMITTED' ELSE 'CONFIRMED' END, 'test', '2026-06-01'
				FROM residents r JOIN service_projects p USING (owner),
					(VALUES (timestamptz '2026-05-01 00:00+08', 90, 6), ('2026-04-30 23:00+08', 60, 2)) d (s, m, people)
				WHERE right(r.id::text, 1)::int <= d.people`)
	}
	return start(t, directory, dbs, unhurried(t, dbs)), directory
}

// ofSlug returns name and community of the rows, as "name slug".
func ofSlug(rows []walked, field string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = fmt.Sprintf("%v %v", r[field], r["community"].(walked)["slug"])
	}
	return out
}

// everywhere repeats each name for the communities, in the order of both.
func everywhere(names ...string) []string {
	var out []string
	for _, n := range names {
		for i := range 3 {
			out = append(out, fmt.Sprintf("%s p%d", n, i))
		}
	}
	return out
}

func TestResidentsAreMaskedByDefault(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	const pick = `community { slug } maskedName maskedPhone ageBand estate { nameZh } teams { nameZh } enrolments { totalCount }
		serviceMinutes(range: {from: "2026-05-01", to: "2026-05-31"})`
	rows := b.bothWays(b.token(authz.StationStaff), "residents", "", pick, 5)
	if len(rows) != 18 {
		t.Fatalf("%d residents of three communities with six each", len(rows))
	}
	got, err := json.Marshal(rows[12:])
	if err != nil {
		t.Fatal(err)
	}
	resident := func(name, phone, band, estate, teams string, minutes int) string {
		return fmt.Sprintf(`{"community":{"slug":"p2"},"maskedName":%q,"maskedPhone":%s,"ageBand":%s,"estate":%s,"teams":[%s],"enrolments":{"totalCount":0},"serviceMinutes":%d}`,
			name, phone, band, estate, teams, minutes)
	}
	const estate, party = `{"nameZh":"文化小区"}`, `{"nameZh":"党员志愿者队伍"}`
	sameJSON(t, got, `[`+
		resident("张*", `"138****5678"`, `"65–69"`, estate, party+`,{"nameZh":"合唱团"}`, 90)+`,`+
		resident("欧阳*", `"0931-****67"`, `"<14"`, estate, party, 90)+`,`+
		resident("艾***", `null`, `"60–64"`, `null`, party, 90)+`,`+
		resident("王*", `null`, `null`, `null`, party, 90)+`,`+
		resident("赵*", `null`, `null`, `null`, party, 90)+`,`+
		resident("钱*", `null`, `null`, `null`, ``, 0)+`]`)
	var ids struct {
		Community struct{ Estates, Brands []struct{ ID string } }
		Teams     struct{ Nodes []struct{ ID string } }
	}
	b.must("", `{ community(slug: "p1") { estates { id } } teams: volunteerTeams(communities: ["p1"], filter: {nameContains: "合唱"}) { nodes { id } } }`, nil, &ids)
	for filter, want := range map[string][]string{
		`estate: "` + ids.Community.Estates[0].ID + `"`: {"张* p1", "欧阳* p1"},
		`team: "` + ids.Teams.Nodes[0].ID + `"`:         {"张* p1"},
	} {
		if got := ofSlug(b.bothWays(b.token(authz.CommunityStaff), "residents", `filter: {`+filter+`}`, `maskedName community { slug }`, 1), "maskedName"); !slices.Equal(got, want) {
			t.Errorf("residents(%s): %v, want %v", filter, got, want)
		}
	}
}

func TestFullValuesNeedAPurposeAndAnAuditRowFirst(t *testing.T) {
	t.Parallel()
	b, directory := people(t)
	const query = `{ residents(communities: ["p2"], first: 1) { nodes { maskedName name phone birthDate tags } } }`
	staff := b.token(authz.CommunityStaff, "p2")
	purpose := []string{"X-Linhui-Purpose", "home visit"}
	for name, a := range map[string]answer{
		"without a purpose":       b.ask(staff, query, nil),
		"of too little a role":    b.ask(b.token(authz.StationStaff, "p2"), query, nil, purpose...),
		"of an analyst":           b.ask(b.token(authz.Analyst), query, nil, purpose...),
		"of the district's desks": b.ask(b.token(authz.DistrictViewer), query, nil, purpose...),
	} {
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" || len(a.Data) > 0 && string(a.Data) != "null" {
			t.Errorf("full values %s: %s %+v", name, a.Data, a.Errors)
		}
	}
	db := directory.Open(t)
	audited := func() (n int) {
		t.Helper()
		if err := db.QueryRow(`SELECT count(*) FROM audit_log WHERE action = 'READ_PERSONAL'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := audited(); n != 0 {
		t.Errorf("%d audit rows after refused reads", n)
	}
	a := b.ask(staff, query, nil, purpose...)
	if len(a.Errors) > 0 {
		t.Fatalf("%+v", a.Errors)
	}
	sameJSON(t, a.Data, `{"residents":{"nodes":[{"maskedName":"张*","name":"张三","phone":"13812345678","birthDate":"1961-06-10","tags":["OTHER","LIVES_ALONE"]}]}}`)
	var principal, why, detail string
	if err := db.QueryRow(`SELECT principal, purpose, detail FROM audit_log WHERE action = 'READ_PERSONAL'`).Scan(&principal, &why, &detail); err != nil {
		t.Fatal(err)
	}
	if principal != "test-COMMUNITY_STAFF" || why != "home visit" {
		t.Errorf("audit row of %q for %q", principal, why)
	}
	sameJSON(t, json.RawMessage(detail), `{"fields":["Resident.birthDate","Resident.name","Resident.phone","Resident.tags"]}`)
	if a := b.ask(b.token(authz.StationStaff, "p2"), `{ residents { nodes { maskedName } } }`, nil); len(a.Errors) > 0 || audited() != 1 {
		t.Errorf("masked fields: %+v, %d audit rows", a.Errors, audited())
	}
	run(t, directory, `ALTER TABLE audit_log RENAME TO audit_log_away`)
	if a := b.ask(staff, query, nil, purpose...); len(a.Errors) != 1 || len(a.Data) > 0 && string(a.Data) != "null" {
		t.Errorf("full values without an audit row: %s %+v", a.Data, a.Errors)
	}
}

func TestPersonalListsAreForStaffInScope(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	for _, q := range []struct {
		query string
		least authz.Role
	}{
		{`{ residents { nodes { maskedName } } }`, authz.StationStaff},
		{`{ community(slug: "p2") { residents { nodes { ageBand } } } }`, authz.StationStaff},
		{`{ serviceRecords { nodes { minutes } } }`, authz.StationStaff},
		{`{ serviceRecords { nodes { volunteer { maskedName } } } }`, authz.CommunityStaff},
		{`{ volunteerTeams(communities: ["p2"]) { nodes { memberships { nodes { since } } } } }`, authz.CommunityStaff},
	} {
		for _, role := range authz.Roles() {
			if (&authz.Viewer{Roles: []authz.Role{role}}).Person() {
				continue // they ask for rows of their own
			}
			a := b.ask(b.token(role, "p2"), q.query, nil)
			if allowed := role.Includes(q.least); allowed != (len(a.Errors) == 0) {
				t.Errorf("%s asks %s: %s %+v", role, q.query, a.Data, a.Errors)
			}
		}
		if a := b.ask("", q.query, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UNAUTHENTICATED" {
			t.Errorf("the public asks %s: %s %+v", q.query, a.Data, a.Errors)
		}
	}
	staff := b.token(authz.CommunityStaff, "p2")
	for _, list := range []string{`residents(communities: ["p0", "p2"])`, `serviceRecords(communities: ["p0", "p2"])`} {
		a := b.ask(staff, `{ l: `+list+` { nodes { community { slug } } coverage { complete sources { state communities } } } }`, nil)
		var got struct {
			L struct {
				Nodes    []struct{ Community struct{ Slug string } }
				Coverage struct {
					Complete bool
					Sources  []struct {
						State       string
						Communities []string
					}
				}
			}
		}
		if err := json.Unmarshal(a.Data, &got); err != nil {
			t.Fatal(err)
		}
		last := got.L.Coverage.Sources[len(got.L.Coverage.Sources)-1]
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" || got.L.Coverage.Complete || last.State != "FORBIDDEN" || !slices.Equal(last.Communities, []string{"p0"}) {
			t.Errorf("%s: %s %+v", list, a.Data, a.Errors)
		}
		if len(got.L.Nodes) == 0 || slices.ContainsFunc(got.L.Nodes, func(n struct{ Community struct{ Slug string } }) bool { return n.Community.Slug != "p2" }) {
			t.Errorf("%s shows others: %s", list, a.Data)
		}
	}
	var ids struct {
		Residents struct{ Nodes []struct{ ID string } }
	}
	b.must(b.token(authz.StationStaff, "p1"), `{ residents { nodes { id } } }`, nil, &ids)
	for _, token := range []string{"", staff} {
		if a := b.ask(token, fmt.Sprintf(`{ node(id: %q) { id } }`, ids.Residents.Nodes[0].ID), nil); len(a.Errors) != 1 || string(a.Data) != `{"node":null}` {
			t.Errorf("a resident by id, out of scope: %s %+v", a.Data, a.Errors)
		}
	}
}

// TestPeopleNeedOneStatementALink counts: residents 1, their estates, teams, minutes and
// sign-ups 4; records 1, their volunteers and teams 2.
func TestPeopleNeedOneStatementALink(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	got := b.underLoad(b.token(authz.CommunityStaff), `{
		residents(first: 20) { nodes { maskedName estate { nameZh } teams { nameZh } serviceMinutes(range: {from: "2026-05-01", to: "2026-05-31"}) enrolments(first: 2) { nodes { status } } } }
		serviceRecords(first: 24) { nodes { minutes volunteer { maskedName } team { nameZh } } } }`)
	if want := map[string]int{"one": 8, "two": 8}; !maps.Equal(got, want) {
		t.Errorf("residents and records: %v statements, want %v", got, want)
	}
	got = b.underLoad(b.token(authz.CommunityStaff), `{ volunteerTeams(first: 10) { nodes { nameZh parent { nameZh } children { nameZh } honours { kind by { nameZh } } projects { nameZh }
		homeStation { nameZh } brand { nameZh } serviceHours(range: {from: "2026-05-01", to: "2026-05-31"}) memberships(first: 5) { nodes { since resident { maskedName } } } } } }`)
	if want := map[string]int{"one": 11, "two": 11}; !maps.Equal(got, want) {
		t.Errorf("teams: %v statements, want %v", got, want)
	}
}

func TestEnrolmentNamesItsResidentMasked(t *testing.T) {
	t.Parallel()
	b := learning(t)
	var got any
	b.must(b.token(authz.StationStaff, "s6"), `{ courses(communities: ["s6"], filter: {nameContains: "课04"}) { nodes { enrolments(filter: {status: [CONFIRMED]}) { nodes {
		resident { maskedName enrolments { nodes { course { nameZh } } } } } } } } }`, nil, &got)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, raw, `{"courses":{"nodes":[{"enrolments":{"nodes":[{"resident":{"maskedName":"张***","enrolments":{"nodes":[{"course":{"nameZh":"课02"}},{"course":{"nameZh":"课04"}}]}}}]}}]}}`)
}

func TestTeamsAreFilteredAndOrderedOverSources(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	var ids struct {
		Community struct{ Brands []struct{ ID string } }
	}
	b.must("", `{ community(slug: "p1") { brands { id } } }`, nil, &ids)
	const group, party, choir = "志愿者队伍", "党员志愿者队伍", "合唱团" // by code point: 党, 合, 志
	for args, want := range map[string][]string{
		``:                             everywhere(party, choir, group),
		`orderBy: {field: KIND}`:       everywhere(choir, party, group),
		`orderBy: {field: FOUNDED_ON}`: nil, // ties are by community
		`communities: ["p2"]`:          {party + " p2", choir + " p2", group + " p2"},
		`filter: {kinds: [ARTS_GROUP, DRAMA_CLUB]}`:             everywhere(choir),
		`filter: {memberGroups: [VETERAN, PARENT]}`:             everywhere(party),
		`filter: {selfFormed: true}`:                            everywhere(choir),
		`filter: {nameContains: "志愿者"}`:                         everywhere(party, group),
		`filter: {brand: "` + ids.Community.Brands[0].ID + `"}`: {party + " p1"},
	} {
		got := ofSlug(b.bothWays("", "volunteerTeams", args, `nameZh community { slug }`, 2), "nameZh")
		if want == nil {
			if len(got) != 9 || !slices.Equal(got[:3], everywhere(party)) {
				t.Errorf("volunteerTeams(%s): %v", args, got)
			}
		} else if !slices.Equal(got, want) {
			t.Errorf("volunteerTeams(%s): %v, want %v", args, got, want)
		}
	}
}

func TestTeamShowsItsPlaceAndPeople(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	a := b.ask(b.token(authz.CommunityStaff, "p2"), `{ community(slug: "p2") { teams(filter: {nameContains: "志愿者"}) { nodes {
		nameZh kind memberGroups memberCount reportedTeamCount { value zh } volunteerGrowth selfFormed foundedOn
		parent { nameZh } children { nameZh } brand { teams { nameZh } } homeStation { nameZh } honours { kind awardedOn by { nameZh } } projects { nameZh team { nameZh } }
		memberships(filter: {current: true}, first: 2) { totalCount nodes { role since until resident { maskedName } } }
		former: memberships(filter: {current: false}) { nodes { until resident { maskedName } } } } } } }`, nil)
	if len(a.Errors) > 0 {
		t.Fatalf("%+v", a.Errors)
	}
	sameJSON(t, a.Data, `{"community":{"teams":{"nodes":[
		{"nameZh":"党员志愿者队伍","kind":"VOLUNTEER_TEAM","memberGroups":["PARTY_MEMBER_VOLUNTEER","VETERAN"],"memberCount":5,"reportedTeamCount":null,"volunteerGrowth":null,"selfFormed":false,"foundedOn":"2019-06-06",
			"parent":{"nameZh":"志愿者队伍"},"children":[],"brand":{"teams":[{"nameZh":"党员志愿者队伍"}]},"homeStation":{"nameZh":"驿站"},"honours":[],"projects":[{"nameZh":"老伙伴","team":{"nameZh":"党员志愿者队伍"}}],
			"memberships":{"totalCount":5,"nodes":[{"role":"队长","since":"2024-01-02","until":null,"resident":{"maskedName":"张*"}},{"role":null,"since":"2024-01-03","until":null,"resident":{"maskedName":"欧阳*"}}]},
			"former":{"nodes":[{"until":"2025-01-01","resident":{"maskedName":"钱*"}}]}},
		{"nameZh":"志愿者队伍","kind":"VOLUNTEER_TEAM_GROUP","memberGroups":[],"memberCount":null,"reportedTeamCount":{"value":"8","zh":"8支"},"volunteerGrowth":"人数倍增","selfFormed":false,"foundedOn":null,
			"parent":null,"children":[{"nameZh":"党员志愿者队伍"}],"brand":null,"homeStation":null,"honours":[{"kind":"FLAG","awardedOn":"2019-12-18","by":{"nameZh":"文明办"}}],"projects":[],
			"memberships":{"totalCount":0,"nodes":[]},"former":{"nodes":[]}}]}}}`)
}

func TestServiceRecordsAreFilteredAndOrderedOverSources(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	staff := b.token(authz.StationStaff)
	for args, want := range map[string]int{
		``:                              24,
		`filter: {status: [SUBMITTED]}`: 3,
		`filter: {range: {from: "2026-04-01", to: "2026-04-30"}}`:     6,
		`filter: {range: {from: "2026-05-01", to: "2026-05-01"}}`:     18,
		`communities: ["p1"] orderBy: {field: START, direction: ASC}`: 8,
		`orderBy: {field: MINUTES, direction: ASC}`:                   24,
	} {
		rows := b.bothWays(staff, "serviceRecords", args, `start minutes community { slug }`, 5)
		if len(rows) != want {
			t.Errorf("serviceRecords(%s): %d rows, want %d", args, len(rows), want)
		}
		starts := column[string](rows, "start")
		if args == `` {
			slices.Reverse(starts)
		}
		minutes := column[float64](rows, "minutes")
		switch {
		case args == `orderBy: {field: MINUTES, direction: ASC}` && !slices.IsSorted(minutes), args != `orderBy: {field: MINUTES, direction: ASC}` && !slices.IsSorted(starts):
			t.Errorf("serviceRecords(%s) are out of order: %v", args, rows)
		}
	}
}

func TestServiceHoursAreKeptFromSinglingPeopleOut(t *testing.T) {
	t.Parallel()
	b, _ := people(t)
	hours := func(token, from, to string) answer {
		return b.ask(token, `query($range: DateRange!) { volunteerTeams(communities: ["p2"], filter: {kinds: [VOLUNTEER_TEAM]}) { nodes { serviceHours(range: $range) } } }`,
			map[string]any{"range": map[string]string{"from": from, "to": to}})
	}
	staff, analyst := b.token(authz.StationStaff, "p2"), b.token(authz.Analyst, "p2")
	for _, c := range []struct{ token, from, to, want string }{
		{staff, "2026-05-01", "2026-05-31", `"7.5"`},
		{staff, "2026-04-30", "2026-05-01", `"9.5"`},
		{staff, "2026-04-30", "2026-04-30", `"2.0"`},
		{staff, "2026-06-01", "2026-06-03", `"0.0"`},
		{analyst, "2026-05-01", "2026-05-31", `"7.5"`},
		{analyst, "2026-05-01", "2026-06-30", `"7.5"`},
		{analyst, "2026-06-01", "2026-06-30", `"0.0"`},
		{analyst, "2026-04-01", "2026-04-30", `null`},
		{analyst, "2026-04-01", "2026-05-31", `null`},
	} {
		a := hours(c.token, c.from, c.to)
		if len(a.Errors) > 0 {
			t.Errorf("%s to %s: %+v", c.from, c.to, a.Errors)
			continue
		}
		sameJSON(t, a.Data, `{"volunteerTeams":{"nodes":[{"serviceHours":`+c.want+`}]}}`)
	}
	for _, c := range [][3]string{{analyst, "2026-05-01", "2026-05-30"}, {analyst, "2026-05-02", "2026-05-31"}, {staff, "2026-05-02", "2026-05-01"}} {
		if a := hours(c[0], c[1], c[2]); len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
			t.Errorf("%s to %s: %s %+v", c[1], c[2], a.Data, a.Errors)
		}
	}
	if a := hours("", "2026-05-01", "2026-05-31"); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("the public: %s %+v", a.Data, a.Errors)
	}
	if !reflect.DeepEqual(hours(staff, "2026-05-01", "2026-05-31").Data, hours(staff, "2026-05-01", "2026-05-31").Data) {
		t.Error("two equal queries differ")
	}
}
