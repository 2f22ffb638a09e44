package e2e

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// ownRows puts a life of r1 and of r2 into community a of a book: feedback with history, a loan, a
// sign-up, a membership, served time. Ids are hashes of "f1", "l1", ... by resident.
func ownRows(t *testing.T) *book {
	t.Helper()
	b := startBook(t)
	for _, r := range []string{"1", "2"} {
		b.done(b.resident("a", "r"+r), "submitFeedback", submission("a", "own"+r))
		execSQL(t, b.one, `UPDATE residents SET phone = '1380000000' || $1, birth_date = '1960-01-01' WHERE owner = 'a' AND id = md5('r' || $1)::uuid`, r)
		execSQL(t, b.one, fmt.Sprintf(`
			INSERT INTO courses (owner, id, name_zh, audience) VALUES ('a', md5('c%[1]s')::uuid, '课%[1]s', 'ELDERLY');
			INSERT INTO enrolments (owner, id, course_id, resident_id, status, age_at_start) VALUES ('a', md5('e%[1]s')::uuid, md5('c%[1]s')::uuid, md5('r%[1]s')::uuid, 'CONFIRMED', 66);
			INSERT INTO lendable_items (owner, id, asset_tag, name_zh, kind, station_id, loan_days) VALUES ('a', md5('u%[1]s')::uuid, 'u%[1]s', '伞', 'UMBRELLA', md5('station')::uuid, 1);
			INSERT INTO loans (owner, id, item_id, borrower_id, lent_at, due_at) VALUES ('a', md5('l%[1]s')::uuid, md5('u%[1]s')::uuid, md5('r%[1]s')::uuid, '2026-06-01Z', '2026-06-11Z');
			INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('a', md5('t%[1]s')::uuid, '队%[1]s', 'ARTS_GROUP');
			INSERT INTO team_memberships (owner, id, team_id, resident_id, since) VALUES ('a', md5('m%[1]s')::uuid, md5('t%[1]s')::uuid, md5('r%[1]s')::uuid, '2026-01-01');
			INSERT INTO service_records (owner, id, volunteer_id, during, content) VALUES ('a', md5('s%[1]s')::uuid, md5('r%[1]s')::uuid, '[2026-06-01 08:00+08,2026-06-01 09:00+08)', '扫雪')`, r))
	}
	return b
}

// What is of a resident themselves they read in full, by every way that leads there, and nothing of
// another's.
func TestResidentsReadRowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := ownRows(t)
	me := b.resident("a", "r1")
	self := fixedID("Resident", "a", "r1")
	const feedback = `title body status updates { totalCount nodes { action toStatus } } reporter { name phone } duplicates { totalCount }`
	const mine = `{"title":"充电桩不充电","body":"第三个桩","status":"RECEIVED","updates":{"totalCount":1,"nodes":[{"action":"submit","toStatus":"RECEIVED"}]},"reporter":{"name":"李四","phone":"13800000001"},"duplicates":{"totalCount":0}}`
	for query, want := range map[string]string{
		`{ feedbacks { totalCount nodes { ` + feedback + ` } } }`:                        `{"feedbacks":{"totalCount":1,"nodes":[` + mine + `]}}`,
		`{ feedback(number: "a-2026-000001") { ` + feedback + ` } }`:                     `{"feedback":` + mine + `}`,
		`{ community(slug: "a") { feedbacks { edges { node { ` + feedback + ` } } } } }`: `{"community":{"feedbacks":{"edges":[{"node":` + mine + `}]}}}`,
		`{ residents { nodes { maskedName name phone birthDate estate { id } teams { nameZh } serviceMinutes(range: {from: "2026-06-01", to: "2026-06-01"}) enrolments { nodes { status course { nameZh } } } loans { nodes { status item { assetTag } } } } } }`: `{"residents":{"nodes":[{"maskedName":"李*","name":"李四","phone":"13800000001","birthDate":"1960-01-01","estate":null,"teams":[{"nameZh":"队1"}],"serviceMinutes":0,"enrolments":{"nodes":[{"status":"CONFIRMED","course":{"nameZh":"课1"}}]},"loans":{"nodes":[{"status":"ACTIVE","item":{"assetTag":"u1"}}]}}]}}`,
		`{ loans { nodes { borrower { name } } } }`:                                                                                      `{"loans":{"nodes":[{"borrower":{"name":"李四"}}]}}`,
		`{ serviceRecords { nodes { minutes content volunteer { name } } } }`:                                                            `{"serviceRecords":{"nodes":[{"minutes":60,"content":"扫雪","volunteer":{"name":"李四"}}]}}`,
		`{ courses(communities: ["a"], first: 5) { nodes { nameZh enrolments(first: 5) { totalCount nodes { resident { name } } } } } }`: `{"courses":{"nodes":[{"nameZh":"课1","enrolments":{"totalCount":1,"nodes":[{"resident":{"name":"李四"}}]}},{"nameZh":"课2","enrolments":{"totalCount":0,"nodes":[]}}]}}`,
		`{ volunteerTeams(communities: ["a"], first: 5) { nodes { memberships(first: 5) { nodes { resident { name } } } } } }`:           `{"volunteerTeams":{"nodes":[{"memberships":{"nodes":[{"resident":{"name":"李四"}}]}},{"memberships":{"nodes":[]}}]}}`,
		`{ residents(filter: {team: "` + fixedID("VolunteerTeam", "a", "t2") + `"}) { totalCount } }`:                                    `{"residents":{"totalCount":0}}`,
		`{ node(id: "` + self + `") { ... on Resident { name } } }`:                                                                      `{"node":{"name":"李四"}}`,
	} {
		if a := b.ask(me, query, nil); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", query, a.Errors)
		} else {
			sameJSON(t, a.Data, want)
		}
	}
	for typ, row := range map[string]string{"Enrolment": "e", "Loan": "l", "Resident": "r", "TeamMembership": "m", "ServiceRecord": "s"} {
		query := fmt.Sprintf(`query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on %s { id } } }`, typ)
		own, other := fixedID(typ, "a", row+"1"), fixedID(typ, "a", row+"2")
		a := b.ask(me, query, map[string]any{"ids": []string{own, other}})
		sameJSON(t, a.Data, fmt.Sprintf(`{"nodes":[{"__typename":%q,"id":%q},null]}`, typ, own))
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "NOT_FOUND" {
			t.Errorf("%s of another: %+v", typ, a.Errors)
		}
	}
	inner := httptest.NewServer(b.gateway.SubgraphHandler())
	defer inner.Close()
	gateway := *b.bundle
	gateway.http = inner
	a := gateway.ask(me, `query($r: [_Any!]!) { _entities(representations: $r) { ... on Resident { name } } }`, map[string]any{"r": []map[string]string{
		{"__typename": "Resident", "id": fixedID("Resident", "a", "r2")}, {"__typename": "Resident", "id": self}}})
	sameJSON(t, a.Data, `{"_entities":[null,{"name":"李四"}]}`)
}

// What staff keep between themselves stays so; who is no resident by token has no rows; a token of
// staff reads as staff, by purpose.
func TestOwnRowsEndWhereStaffsBegin(t *testing.T) {
	t.Parallel()
	b := ownRows(t)
	me := b.resident("a", "r1")
	for _, field := range []string{"escalationLevel", "escalations { level }", "updates { nodes { note } }", "reporter { tags }"} {
		if a := b.ask(me, `{ feedbacks { nodes { `+field+` } } }`, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" {
			t.Errorf("%s: %s %+v", field, a.Data, a.Errors)
		}
	}
	as := func(role authz.Role, communities ...string) string {
		return b.as("both", role, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", "r1") }, communities...)
	}
	const name = `{ residents { nodes { name } } }`
	for who, token := range map[string]string{"an analyst": as(authz.Analyst, "a"), "staff without a purpose": as(authz.CommunityStaff, "a"), "a partner": as(authz.Partner, "a")} {
		if a := b.ask(token, name, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" || !slices.Contains([]string{"", "null"}, string(a.Data)) {
			t.Errorf("%s: %s %+v", who, a.Data, a.Errors)
		}
	}
	for who, token := range map[string]string{"a resident of nowhere": b.as("x", authz.Resident, nil, "a"), "a resident of another community": b.resident("c", "r1"), "a resident of a, for c": as(authz.Resident, "c")} {
		for _, query := range []string{`{ rows: feedbacks { nodes { title } } }`, `{ rows: loans { nodes { id } } }`, `{ rows: serviceRecords { nodes { id } } }`} {
			if a := b.ask(token, query, nil); len(a.Errors) > 0 || string(a.Data) != `{"rows":{"nodes":[]}}` {
				t.Errorf("%s asks %s: %s %+v", who, query, a.Data, a.Errors)
			}
		}
	}
}

// One's own is no reading of others' data: it leaves no audit row, and does not wait for one.
func TestReadingOnesOwnIsNotAudited(t *testing.T) {
	t.Parallel()
	people, directory := people(t)
	b := &book{bundle: people}
	run(t, directory, `ALTER TABLE audit_log RENAME TO audit_log_away`)
	me := b.as("me", authz.Resident, func(c *authn.Claims) {
		c.Resident = nodeID("Resident", "p2", "00000000-0000-7000-8000-000000000001")
	}, "p2")
	const query = `{ residents { nodes { name phone birthDate } } }`
	sameJSON(t, b.ask(me, query, nil).Data, `{"residents":{"nodes":[{"name":"张三","phone":"13812345678","birthDate":"1961-06-10"}]}}`)
	if a := b.ask(b.token(authz.CommunityStaff, "p2"), query, nil, "X-Linhui-Purpose", "visit"); len(a.Errors) != 1 || string(a.Data) != "null" && len(a.Data) > 0 {
		t.Errorf("staff, without an audit row: %s %+v", a.Data, a.Errors)
	}
}
