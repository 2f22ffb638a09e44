package e2e

import (
	"fmt"
	"testing"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

type mediated struct {
	ID, Status string
	Version    int
	Proposals  int
	Sessions   []struct {
		ID           string
		Participants []struct {
			Role     string
			Attended *bool
		}
	}
}

// mediating runs a mutation of mediations; code is that of the rule it broke, "!" before an error's.
func (b *book) mediating(token, mutation, input string, in map[string]any) (m *mediated, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { mediation { id status version proposals sessions { id participants { role attended } } }
		userErrors { code message path } } }`, input, mutation), map[string]any{"in": in})
	var data struct {
		Out *struct {
			Mediation  *mediated
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
	return data.Out.Mediation, code
}

// dispute opens a case of r1 against r2 and returns a function that takes its steps.
func (b *book) dispute(fourParty bool) (m *mediated, step func(token, mutation, input, want string, more ...any)) {
	b.t.Helper()
	m, code := b.mediating(b.resident("a", "r1"), "openMediation", "OpenMediationInput", map[string]any{"community": "a", "dispute": "UPSTAIRS_NOISE",
		"fourParty": fourParty, "sideB": fixedID("Resident", "a", "r2"), "idempotencyKey": "1"})
	if m == nil || code != "" || m.Status != "REGISTERED" {
		b.t.Fatalf("opened: %+v %s", m, code)
	}
	return m, func(token, mutation, input, want string, more ...any) {
		b.t.Helper()
		in := map[string]any{"id": m.ID}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		got, code := b.mediating(token, mutation, input, in)
		if got != nil {
			*m = *got
			code = got.Status + code
		}
		if code != want {
			b.t.Errorf("%s %v: %s, want %s", mutation, more, code, want)
		}
	}
}

// Both sides take part, the four parties are asked, the second proposal is accepted by both, and after a
// week and a month somebody asks how it goes.
func TestMediation(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	one, two, staff := b.resident("a", "r1"), b.resident("a", "r2"), b.staff("a")
	m, step := b.dispute(true)
	four := []string{"STATIONED_CADRE", "PROPERTY_MANAGEMENT", "OWNERS_COMMITTEE", "BUILDING_HEAD"}
	at := noon.Add(-time.Hour)
	step(staff, "conveneMediation", "ConveneMediationInput", "INVALID_TRANSITION[]", "heldAt", at, "invited", four)
	step(two, "acceptMediation", "MediationSideInput", "FORBIDDEN[side]", "side", "A")
	step(one, "acceptMediation", "MediationSideInput", "REGISTERED", "side", "A")
	step(two, "acceptMediation", "MediationSideInput", "CONFLICT[version]", "side", "B", "version", 1)
	step(two, "acceptMediation", "MediationSideInput", "ACCEPTED", "side", "B")
	step(one, "conveneMediation", "ConveneMediationInput", "!FORBIDDEN", "heldAt", at, "invited", four)
	step(staff, "conveneMediation", "ConveneMediationInput", "BAD_USER_INPUT[invited]", "heldAt", at, "invited", four[:3])
	step(staff, "conveneMediation", "ConveneMediationInput", "BAD_USER_INPUT[invited]", "heldAt", at, "invited", append(four[:4:4], four[0]))
	step(staff, "proposeSettlement", "ProposeSettlementInput", "INVALID_TRANSITION[]", "text", "十点后安静")
	// The parties are asked in SQL too.
	if _, err := b.one.Exec(`UPDATE mediation_cases SET status = 'PROPOSED', proposals = 1, settlement = 'x'`); err == nil {
		t.Error("proposed in SQL before the four were asked")
	}
	step(staff, "conveneMediation", "ConveneMediationInput", "CONVENED", "heldAt", at, "invited", four)
	step(staff, "recordMediationAttendance", "RecordMediationAttendanceInput", "BAD_USER_INPUT[attended]", "session", m.Sessions[0].ID, "attended", []string{"PEOPLES_MEDIATOR"})
	step(staff, "recordMediationAttendance", "RecordMediationAttendanceInput", "CONVENED", "session", m.Sessions[0].ID, "attended", append(four[:3:3], "SIDE_A", "SIDE_B"))
	came := 0
	for _, p := range m.Sessions[0].Participants {
		if p.Attended == nil {
			t.Errorf("%s is not recorded", p.Role)
		} else if *p.Attended {
			came++
		} else if p.Role != "BUILDING_HEAD" {
			t.Errorf("%s did not come", p.Role)
		}
	}
	if came != 5 {
		t.Errorf("%d came", came)
	}
	step(staff, "proposeSettlement", "ProposeSettlementInput", "BAD_USER_INPUT[text]", "text", " ")
	step(staff, "proposeSettlement", "ProposeSettlementInput", "PROPOSED", "text", "十点后安静")
	step(one, "acceptSettlement", "MediationSideInput", "PROPOSED", "side", "A")
	if _, err := b.one.Exec(`UPDATE mediation_cases SET status = 'AGREED', agreed_at = now()`); err == nil {
		t.Error("agreed in SQL by one side")
	}
	step(two, "declineSettlement", "MediationSideInput", "NOT_AGREED", "side", "B")
	step(staff, "proposeSettlement", "ProposeSettlementInput", "PROPOSED", "text", "九点后安静")
	step(two, "acceptSettlement", "MediationSideInput", "PROPOSED", "side", "B")
	step(staff, "acceptSettlement", "MediationSideInput", "AGREED", "side", "A")
	step(one, "withdrawMediation", "MediationSideInput", "INVALID_TRANSITION[]", "side", "A")
	step(staff, "followUpMediation", "StepMediationInput", "INVALID_TRANSITION[]")
	later := func(days int) {
		execSQL(t, b.one, `UPDATE mediation_cases SET agreed_at = $1, opened_at = $1, followed_up_at = CASE WHEN status = 'FOLLOW_UP' THEN $1::timestamptz + interval '7 days' END`, noon.AddDate(0, 0, -days))
	}
	later(8)
	step(staff, "followUpMediation", "StepMediationInput", "FOLLOW_UP")
	step(staff, "closeMediation", "StepMediationInput", "INVALID_TRANSITION[]")
	step(staff, "followUpMediation", "StepMediationInput", "INVALID_TRANSITION[]")
	later(31)
	step(staff, "followUpMediation", "StepMediationInput", "FOLLOW_UP")
	step(staff, "followUpMediation", "StepMediationInput", "INVALID_TRANSITION[]")
	step(staff, "closeMediation", "StepMediationInput", "CLOSED")

	list := func(token, query string) string {
		var got struct {
			MediationCases struct {
				Nodes []struct {
					Status     string
					Settlement *string
				}
			}
		}
		a := b.ask(token, query, nil, "X-Linhui-Purpose", "回访")
		if len(a.Errors) > 0 {
			return fmt.Sprint(a.Errors[0].Extensions["code"])
		}
		decode(t, a.Data, &got)
		out := ""
		for _, n := range got.MediationCases.Nodes {
			out += n.Status
			if n.Settlement != nil {
				out += " " + *n.Settlement
			}
		}
		return out
	}
	const text = `{ mediationCases(filter: {dispute: [UPSTAIRS_NOISE], fourParty: true}) { nodes { status settlement } } }`
	for _, c := range []struct{ name, token, want string }{
		{"staff", staff, "CLOSED 九点后安静"}, {"a side", two, "CLOSED 九点后安静"}, {"another community's staff", b.staff("b"), ""},
		{"the desk of a station", b.token(authz.StationStaff, "a"), "FORBIDDEN"},
	} {
		if got := list(c.token, text); got != c.want {
			t.Errorf("%s sees %s, want %s", c.name, got, c.want)
		}
	}
}

// Staff write down what a side told them, but do not speak for the other side where they are one.
func TestMediationOfStaff(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	neighbour := b.as("neighbour", authz.CommunityStaff, func(c *authn.Claims) { c.Resident = fixedID("Resident", "a", "r2") }, "a")
	_, step := b.dispute(false)
	step(neighbour, "acceptMediation", "MediationSideInput", "FORBIDDEN[side]", "side", "A")
	step(neighbour, "acceptMediation", "MediationSideInput", "REGISTERED", "side", "B")
	step(b.staff("a"), "acceptMediation", "MediationSideInput", "ACCEPTED", "side", "A")
}

// After three proposals a case is referred; a side may leave at any time before it agrees.
func TestMediationFails(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	one, staff := b.resident("a", "r1"), b.staff("a")
	_, step := b.dispute(false)
	for _, side := range []string{"A", "B"} {
		want := map[string]string{"A": "REGISTERED", "B": "ACCEPTED"}[side]
		step(staff, "acceptMediation", "MediationSideInput", want, "side", side)
	}
	step(staff, "conveneMediation", "ConveneMediationInput", "CONVENED", "heldAt", noon, "invited", []string{})
	for range 3 {
		step(staff, "proposeSettlement", "ProposeSettlementInput", "PROPOSED", "text", "各让一步")
		step(one, "declineSettlement", "MediationSideInput", "NOT_AGREED", "side", "A")
	}
	step(staff, "proposeSettlement", "ProposeSettlementInput", "INVALID_TRANSITION[]", "text", "各让一步")
	step(staff, "referMediation", "ReferMediationInput", "BAD_USER_INPUT[to]", "to", "")
	step(staff, "referMediation", "ReferMediationInput", "REFERRED", "to", "人民调解委员会")
	step(one, "withdrawMediation", "MediationSideInput", "INVALID_TRANSITION[]", "side", "A")
	for _, tc := range []struct {
		name, token string
		change      map[string]any
		code        string
	}{
		{"the public", "", nil, "!UNAUTHENTICATED"},
		{"a resident for somebody else", b.resident("a", "r2"), nil, "FORBIDDEN[sideA]"},
		{"another community's staff", b.staff("b"), nil, "FORBIDDEN[]"},
		{"against oneself", staff, map[string]any{"sideB": fixedID("Resident", "a", "r1")}, "BAD_USER_INPUT[sideB]"},
		{"no such resident", staff, map[string]any{"sideB": fixedID("Resident", "a", "none")}, "NOT_FOUND[sideB]"},
		{"no such room", staff, map[string]any{"room": fixedID("Room", "a", "none")}, "NOT_FOUND[room]"},
	} {
		in := map[string]any{"community": "a", "dispute": "PETS", "sideA": fixedID("Resident", "a", "r1"), "idempotencyKey": tc.name}
		for k, v := range tc.change {
			in[k] = v
		}
		if got, code := b.mediating(tc.token, "openMediation", "OpenMediationInput", in); got != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", tc.name, got, code, tc.code)
		}
	}
	m, code := b.mediating(staff, "openMediation", "OpenMediationInput", map[string]any{"community": "a", "dispute": "PETS", "sideA": fixedID("Resident", "a", "r1"), "idempotencyKey": "2"})
	if code != "" {
		t.Fatal(code)
	}
	if got, code := b.mediating(one, "withdrawMediation", "MediationSideInput", map[string]any{"id": m.ID, "side": "A"}); code != "" || got.Status != "WITHDRAWN" {
		t.Errorf("withdrawn: %+v %s", got, code)
	}
}
