package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

type talent struct {
	ID, Visibility, Status string
	Version                int
	Skills                 []string
	Holder                 *struct{ MaskedName string }
}

// talents runs a mutation of profiles; code is that of the rule it broke with its path, "" for none.
func (b *book) talents(token, action string, input map[string]any) (p *talent, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %c%sTalentInput!) { out: %[3]sTalent(input: $in) { profile { id visibility status version skills holder { maskedName } }
		userErrors { code path } } }`, action[0]-32, action[1:], action), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Profile    *talent
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		code = fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.Profile, code
}

// startTalents adds team t of r1, r2 and a child to the book.
func startTalents(t *testing.T) *book {
	t.Helper()
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO residents (owner, id, name, birth_date) VALUES ('a', md5('child')::uuid, '小明', '2016-01-01'), ('a', md5('r3')::uuid, '赵六', '1960-01-01');
		INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('a', md5('t')::uuid, '合唱团', 'ARTS_GROUP');
		INSERT INTO team_memberships (owner, team_id, resident_id, since) VALUES ('a', md5('t')::uuid, md5('r1')::uuid, '2026-01-01'), ('a', md5('t')::uuid, md5('r2')::uuid, '2026-01-01')`)
	return b
}

// A skill is seen as far as its holder says: by nobody, a team, staff, everybody.
func TestTalents(t *testing.T) {
	t.Parallel()
	b := startTalents(t)
	r1, desk := b.resident("a", "r1"), b.token(authz.StationStaff, "a")
	// found counts the profiles that a viewer sees, and the talents that everybody does.
	found := func(token string) int {
		t.Helper()
		var got struct{ TalentProfiles struct{ TotalCount int } }
		b.must(token, `{ talentProfiles(filter: {skill: "琴"}) { totalCount } }`, nil, &got)
		return got.TalentProfiles.TotalCount
	}
	public := func() int {
		t.Helper()
		var got struct {
			Talents struct{ Nodes []map[string]any }
		}
		b.must("", `{ talents(communities: ["a"], filter: {skill: "口琴"}) { nodes { skills holderRole team { nameZh } } } }`, nil, &got)
		return len(got.Talents.Nodes)
	}
	p, code := b.talents(r1, "register", map[string]any{"community": "a", "skills": []string{"口琴", "乐理"}, "idempotencyKey": "1"})
	if p == nil || code != "" || p.Visibility != "PRIVATE" || p.Holder.MaskedName != "李*" {
		t.Fatalf("%+v %s", p, code)
	}
	show := func(visibility string, more ...any) (*talent, string) {
		in := map[string]any{"id": p.ID, "visibility": visibility}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.talents(r1, "show", in)
	}
	team := fixedID("VolunteerTeam", "a", "t")
	for _, tc := range []struct {
		visibility             string
		team                   any
		self, mate, other, all int
		staff                  int
	}{
		{"PRIVATE", nil, 1, 0, 0, 0, 0},
		{"TEAM", team, 1, 1, 0, 0, 1},
		{"STAFF", nil, 1, 0, 0, 0, 1},
		{"PUBLIC", team, 1, 0, 0, 1, 1},
	} {
		if got, code := show(tc.visibility, "team", tc.team); code != "" || got.Visibility != tc.visibility {
			t.Fatalf("%s: %+v %s", tc.visibility, got, code)
		}
		got := []int{found(r1), found(b.resident("a", "r2")), found(b.resident("a", "r3")), public(), found(desk), found(b.token(authz.StationStaff, "b"))}
		if want := []int{tc.self, tc.mate, tc.other, tc.all, tc.staff, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: seen by self, team-mate, another, all, staff, other staff: %v, want %v", tc.visibility, got, want)
		}
	}
	// Staff who hold a private profile of their own see it, and no other.
	show("PRIVATE")
	r := func(name string) func(*authn.Claims) {
		return func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", name) }
	}
	both := b.as("both", authz.StationStaff, r("r1"), "a")
	if found(both) != 1 || found(b.as("both", authz.StationStaff, r("r2"), "a")) != 0 {
		t.Error("staff do not see their own profile, or see another's that is private")
	}
	if _, code := b.talents(desk, "show", map[string]any{"id": p.ID, "visibility": "PUBLIC"}); code != "NOT_FOUND[id]" {
		t.Errorf("shown by staff who do not see it: %s", code)
	}
	if _, code := show("STAFF", "version", 1); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	show("STAFF")
	if _, code := b.talents(desk, "show", map[string]any{"id": p.ID, "visibility": "PUBLIC"}); code != "FORBIDDEN[]" {
		t.Errorf("shown to everybody by staff: %s", code)
	}
	if _, code := b.talents(b.resident("a", "r2"), "withdraw", map[string]any{"id": p.ID}); code != "NOT_FOUND[id]" {
		t.Errorf("withdrawn by another: %s", code)
	}
	if got, code := b.talents(r1, "revise", map[string]any{"id": p.ID, "skills": []string{"手风琴"}}); code != "" || fmt.Sprint(got.Skills) != "[手风琴]" {
		t.Errorf("revised: %+v %s", got, code)
	}
	if got, code := b.talents(r1, "withdraw", map[string]any{"id": p.ID}); code != "" || got.Status != "WITHDRAWN" || found(desk) != 0 {
		t.Errorf("withdrawn: %+v %s", got, code)
	}
	if _, code := show("PUBLIC"); code != "INVALID_TRANSITION[]" {
		t.Errorf("shown after it was withdrawn: %s", code)
	}
	if p, code := b.talents(desk, "register", map[string]any{"community": "a", "holder": fixedID("Resident", "a", "r3"), "skills": []string{"二胡"}, "visibility": "STAFF", "idempotencyKey": "2"}); p == nil || code != "" {
		t.Errorf("recorded by staff: %+v %s", p, code)
	}
}

func TestTalentsAreRefused(t *testing.T) {
	t.Parallel()
	b := startTalents(t)
	r1, desk := b.resident("a", "r1"), b.token(authz.StationStaff, "a")
	execSQL(t, b.one, `INSERT INTO talent_profiles (owner, holder_id, skills) VALUES ('a', md5('r2')::uuid, ARRAY['书法'])`)
	resident := func(id string) string { return fixedID("Resident", "a", id) }
	for _, tc := range []struct {
		name, token string
		change      map[string]any
		code        string
	}{
		{"the public", "", nil, "!UNAUTHENTICATED"},
		{"another community's resident", b.resident("b", "r1"), nil, "FORBIDDEN[]"},
		{"for another", r1, map[string]any{"holder": resident("r3")}, "FORBIDDEN[holder]"},
		{"no skill", r1, map[string]any{"skills": []string{}}, "BAD_USER_INPUT[skills]"},
		{"a telephone number", r1, map[string]any{"skills": []string{"书法 13812345678"}}, "BAD_USER_INPUT[skills]"},
		{"a team that is none", r1, map[string]any{"visibility": "TEAM", "team": fixedID("VolunteerTeam", "a", "none")}, "NOT_FOUND[team]"},
		{"TEAM without a team", r1, map[string]any{"visibility": "TEAM"}, "BAD_USER_INPUT[team]"},
		{"OTHER", r1, map[string]any{"visibility": "OTHER"}, "BAD_USER_INPUT[visibility]"},
		{"a second one", b.resident("a", "r2"), nil, "CONFLICT[holder]"},
		{"staff, of nobody", desk, nil, "BAD_USER_INPUT[holder]"},
		{"staff, shown to everybody", desk, map[string]any{"holder": resident("r3"), "visibility": "PUBLIC"}, "FORBIDDEN[visibility]"},
		{"staff, nobody", desk, map[string]any{"holder": resident("none"), "visibility": "STAFF"}, "NOT_FOUND[holder]"},
		{"a child", desk, map[string]any{"holder": resident("child"), "visibility": "STAFF"}, "BAD_USER_INPUT[holder]"},
	} {
		in := map[string]any{"community": "a", "skills": []string{"书法"}, "idempotencyKey": tc.name}
		for k, v := range tc.change {
			in[k] = v
		}
		if p, code := b.talents(tc.token, "register", in); p != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", tc.name, p, code, tc.code)
		}
	}
	for _, rest := range []string{`NULL, NULL, ARRAY['书法'], 'PUBLIC'`, `md5('r1')::uuid, NULL, '{}', 'PRIVATE'`, `md5('r1')::uuid, NULL, ARRAY['书法'], 'TEAM'`,
		`md5('r1')::uuid, NULL, ARRAY['书法', NULL], 'PRIVATE'`, `md5('r1')::uuid, NULL, ARRAY['书法'], 'FRIENDS'`} {
		if _, err := b.one.Exec(`INSERT INTO talent_profiles (owner, holder_id, holder_role, skills, visibility) VALUES ('a', ` + rest + `)`); err == nil {
			t.Errorf("allowed: %s", rest)
		}
	}
}
