package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

// What lies outside the viewer's communities is refused by name, in lists and in links alike, and
// never answered as if there were none.
func TestRestrictedRowsOfForeignOwners(t *testing.T) {
	t.Parallel()
	b := ownRows(t)
	b.done(b.resident("b", "r1"), "submitFeedback", submission("b", "foreign"))
	execSQL(t, b.two, `INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('b', md5('t1')::uuid, '队', 'ARTS_GROUP')`)
	execSQL(t, b.one, `UPDATE staff_posts SET holder_name = '刘'`)
	execSQL(t, b.two, `UPDATE staff_posts SET holder_name = '刘'`)
	staff := b.staff("a", "c")
	for _, c := range []struct {
		query, want string
		refused     []string // paths
	}{
		// Nobody named a community: the list is about the viewer's.
		{`{ feedbacks { totalCount coverage { requested complete } } }`, `{"feedbacks":{"totalCount":2,"coverage":{"requested":2,"complete":true}}}`, nil},
		{`{ feedbacks(communities: ["a", "b"]) { totalCount coverage { requested answered complete sources { state errorCode communities } } } }`,
			`{"feedbacks":{"totalCount":null,"coverage":{"requested":2,"answered":1,"complete":false,"sources":[{"state":"OK","errorCode":null,"communities":["a"]},{"state":"FORBIDDEN","errorCode":"FORBIDDEN","communities":["b"]}]}}}`,
			[]string{"[feedbacks]"}},
		{`{ communities { nodes { slug feedbacks { totalCount coverage { complete } } } } }`,
			`{"communities":{"nodes":[{"slug":"a","feedbacks":{"totalCount":2,"coverage":{"complete":true}}},{"slug":"b","feedbacks":null},{"slug":"c","feedbacks":{"totalCount":0,"coverage":{"complete":true}}}]}}`,
			[]string{"[communities nodes 1 feedbacks]"}},
		{`{ volunteerTeams(orderBy: {field: NAME}) { nodes { nameZh memberships { totalCount } serviceHours(range: {from: "2026-06-01", to: "2026-06-30"}) } } }`,
			`{"volunteerTeams":{"nodes":[{"nameZh":"队","memberships":null,"serviceHours":null},{"nameZh":"队1","memberships":{"totalCount":1},"serviceHours":"0.0"},{"nameZh":"队2","memberships":{"totalCount":1},"serviceHours":"0.0"}]}}`,
			[]string{"[volunteerTeams nodes 0 memberships]", "[volunteerTeams nodes 0 serviceHours]"}},
		// What only staff read of an object that everybody sees.
		{`{ communities { nodes { posts(code: [STATIONED_CADRE]) { labelZh holderName } } } }`,
			`{"communities":{"nodes":[{"posts":[{"labelZh":"驻守干部","holderName":"刘"}]},{"posts":[{"labelZh":"驻守干部","holderName":null}]},{"posts":[{"labelZh":"驻守干部","holderName":"刘"}]}]}}`, nil},
	} {
		a := b.ask(staff, c.query, nil)
		sameJSON(t, a.Data, c.want)
		var refused []string
		for _, e := range a.Errors {
			refused = append(refused, fmt.Sprint(e.Path))
			if e.Extensions["code"] != "FORBIDDEN" || fmt.Sprint(e.Extensions["communities"]) != "[b]" {
				t.Errorf("%s: %+v", c.query, e)
			}
		}
		if fmt.Sprint(refused) != fmt.Sprint(c.refused) {
			t.Errorf("%s: refused at %v, not %v", c.query, refused, c.refused)
		}
	}
	if a := b.ask(b.token(authz.DistrictViewer), `{ communities { nodes { feedbacks { totalCount } } } }`, nil); len(a.Errors) > 0 {
		t.Errorf("all in scope: %+v", a.Errors)
	}
}
