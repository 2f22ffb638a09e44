package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

type errand struct {
	ID, Status    string
	Version       int
	DocumentsHeld int
	Granted       *bool
	Documents     []struct {
		ID         string
		ReceiptNo  int
		ReturnedAt *string
	}
}

// running runs a mutation of errands; code is that of the rule it broke, "!" before an error's.
func (b *book) running(token, mutation, input string, in map[string]any) (e *errand, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { errand { id status version documentsHeld granted documents { id receiptNo returnedAt } }
		userErrors { code message path } } }`, input, mutation), map[string]any{"in": in})
	var data struct {
		Out *struct {
			Errand     *errand
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
	return data.Out.Errand, code
}

// An elder asks, gives authority and two papers; the authority grants it, and the errand ends once both
// papers went back.
func TestErrands(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	elder, desk := b.resident("a", "r1"), b.token(authz.StationStaff, "a")
	e, code := b.running(elder, "requestErrand", "RequestErrandInput", map[string]any{"community": "a", "matter": "MEDICAL_ASSISTANCE", "reason": "行动不便", "idempotencyKey": "1"})
	if e == nil || code != "" || e.Status != "REQUESTED" {
		t.Fatalf("requested: %+v %s", e, code)
	}
	step := func(token, mutation, input, want string, more ...any) {
		t.Helper()
		in := map[string]any{"id": e.ID}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		got, code := b.running(token, mutation, input, in)
		if got != nil {
			e, code = got, fmt.Sprint(got.Status, " ", got.DocumentsHeld, code)
		}
		if code != want {
			t.Errorf("%s %v: %s, want %s", mutation, more, code, want)
		}
	}
	authorise := []any{"scope", "办理医疗救助", "form", "WITNESSED", "until", "2026-12-31"}
	step(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", "INVALID_TRANSITION[]", "kind", "IDENTITY_CARD")
	step(elder, "authoriseErrand", "AuthoriseErrandInput", "!FORBIDDEN", authorise...)
	step(desk, "authoriseErrand", "AuthoriseErrandInput", "BAD_USER_INPUT[until]", append(authorise[:4:4], "until", "2020-01-01")...)
	step(desk, "authoriseErrand", "AuthoriseErrandInput", "BAD_USER_INPUT[scope]", append(authorise[2:6:6], "scope", " ")...)
	step(desk, "authoriseErrand", "AuthoriseErrandInput", "BAD_USER_INPUT[form]", append(authorise[:2:2], "form", "OTHER", "until", "2026-12-31")...)
	step(desk, "authoriseErrand", "AuthoriseErrandInput", "NOT_FOUND[agent]", append(authorise[:6:6], "agent", fixedID("StaffPost", "a", "nobody"))...)
	step(desk, "authoriseErrand", "AuthoriseErrandInput", "AUTHORISED 0", append(authorise[:6:6], "agent", fixedID("StaffPost", "a", "cadre"))...)
	step(desk, "submitErrand", "SubmitErrandInput", "INVALID_TRANSITION[]", "to", "医保局")
	step(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", "COLLECTING 1", "kind", "IDENTITY_CARD")
	step(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", "CONFLICT[version]", "kind", "INVOICE", "version", 1)
	step(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", "COLLECTING 2", "kind", "INVOICE", "version", e.Version)
	step(desk, "submitErrand", "SubmitErrandInput", "SUBMITTED 2", "to", "医保局")
	step(desk, "decideErrand", "DecideErrandInput", "INVALID_TRANSITION[]", "granted", true)
	step(desk, "awaitErrand", "StepErrandInput", "WAITING 2")
	step(b.token(authz.StationStaff, "b"), "awaitErrand", "StepErrandInput", "NOT_FOUND[id]")
	step(desk, "decideErrand", "DecideErrandInput", "BAD_USER_INPUT[outcome]", "granted", false)
	step(desk, "decideErrand", "DecideErrandInput", "COMPLETED 2", "granted", true)
	step(elder, "cancelErrand", "StepErrandInput", "INVALID_TRANSITION[]")
	step(desk, "closeErrand", "StepErrandInput", "INVALID_TRANSITION[]")
	first, second := e.Documents[0].ID, e.Documents[1].ID
	step(desk, "returnErrandDocument", "ReturnErrandDocumentInput", "BAD_USER_INPUT[to]", "document", first, "to", "")
	step(desk, "returnErrandDocument", "ReturnErrandDocumentInput", "RETURNING_DOCUMENTS 1", "document", first, "to", "本人")
	step(desk, "returnErrandDocument", "ReturnErrandDocumentInput", "NOT_FOUND[document]", "document", first, "to", "本人")
	step(desk, "closeErrand", "StepErrandInput", "INVALID_TRANSITION[]")
	// The rule of the service is the database's too.
	if _, err := b.one.Exec(`UPDATE errand_cases SET status = 'CLOSED', closed_at = now()`); err == nil {
		t.Error("closed in SQL over a document")
	}
	step(desk, "returnErrandDocument", "ReturnErrandDocumentInput", "RETURNING_DOCUMENTS 0", "document", second, "to", "本人")
	step(desk, "closeErrand", "StepErrandInput", "CLOSED 0")
	if e.Version != 10 || e.Granted == nil || !*e.Granted || e.Documents[1].ReceiptNo != 2 || e.Documents[1].ReturnedAt == nil {
		t.Errorf("%+v", e)
	}

	list := func(token, filter string) string {
		var got struct {
			ErrandCases struct {
				TotalCount int
				Nodes      []struct{ Matter, Status string }
			}
		}
		b.must(token, `{ errandCases(`+filter+`) { totalCount nodes { matter status } } }`, nil, &got)
		return fmt.Sprint(got.ErrandCases)
	}
	for _, c := range []struct{ token, filter, want string }{
		{desk, `filter: {holdsDocuments: false, matter: [MEDICAL_ASSISTANCE]}`, "{1 [{MEDICAL_ASSISTANCE CLOSED}]}"},
		{desk, `filter: {holdsDocuments: true}`, "{0 []}"},
		{elder, `first: 5`, "{1 [{MEDICAL_ASSISTANCE CLOSED}]}"},
		{b.resident("a", "r2"), `first: 5`, "{0 []}"},
		{b.token(authz.StationStaff, "b"), `first: 5`, "{0 []}"},
	} {
		if got := list(c.token, c.filter); got != c.want {
			t.Errorf("%s: %s, want %s", c.filter, got, c.want)
		}
	}
}

// What is cancelled gives back what is held first; an authority that is over is of no use.
func TestErrandsAreCancelled(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	elder, desk := b.resident("a", "r1"), b.token(authz.StationStaff, "a")
	begin := func(key string) *errand {
		t.Helper()
		e, code := b.running(desk, "requestErrand", "RequestErrandInput", map[string]any{"community": "a", "matter": "PENSION", "resident": fixedID("Resident", "a", "r1"), "idempotencyKey": key})
		if e == nil || code != "" {
			t.Fatal(code)
		}
		e, code = b.running(desk, "authoriseErrand", "AuthoriseErrandInput", map[string]any{"id": e.ID, "scope": "代办", "form": "SIGNED", "until": "2026-12-31"})
		if e == nil || code != "" {
			t.Fatal(code)
		}
		return e
	}
	e := begin("1")
	if _, code := b.running(b.resident("a", "r2"), "cancelErrand", "StepErrandInput", map[string]any{"id": e.ID}); code != "NOT_FOUND[id]" {
		t.Errorf("another's: %s", code)
	}
	if got, code := b.running(elder, "cancelErrand", "StepErrandInput", map[string]any{"id": e.ID}); code != "" || got.Status != "CANCELLED" {
		t.Errorf("cancelled: %+v %s", got, code)
	}
	e = begin("2")
	e, _ = b.running(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", map[string]any{"id": e.ID, "kind": "HOUSEHOLD_BOOK"})
	if got, code := b.running(elder, "cancelErrand", "StepErrandInput", map[string]any{"id": e.ID}); code != "" || got.Status != "RETURNING_DOCUMENTS" {
		t.Errorf("cancelled while a paper is held: %+v %s", got, code)
	}
	if _, code := b.running(desk, "returnErrandDocument", "ReturnErrandDocumentInput", map[string]any{"id": e.ID, "document": e.Documents[0].ID, "to": "女儿"}); code != "" {
		t.Error(code)
	}
	if got, code := b.running(desk, "closeErrand", "StepErrandInput", map[string]any{"id": e.ID}); code != "" || got.Status != "CANCELLED" {
		t.Errorf("closed: %+v %s", got, code)
	}
	e = begin("no papers")
	execSQL(t, b.one, `UPDATE errand_cases SET status = 'COMPLETED', granted = true, submitted_at = authorised_at, submitted_to = 'x', decided_at = authorised_at WHERE status = 'AUTHORISED'`)
	if got, code := b.running(desk, "closeErrand", "StepErrandInput", map[string]any{"id": e.ID}); code != "" || got.Status != "CLOSED" {
		t.Errorf("without papers to return: %+v %s", got, code)
	}
	e = begin("3")
	execSQL(t, b.one, `UPDATE errand_cases SET authorised_at = '2020-01-01', authorised_until = '2020-02-01' WHERE status = 'AUTHORISED'`)
	if _, code := b.running(desk, "receiveErrandDocument", "ReceiveErrandDocumentInput", map[string]any{"id": e.ID, "kind": "INVOICE"}); code != "INVALID_TRANSITION[]" {
		t.Errorf("on an authority that is over: %s", code)
	}
	for _, tc := range []struct {
		name, token string
		change      map[string]any
		code        string
	}{
		{"the public", "", nil, "!UNAUTHENTICATED"},
		{"an analyst", b.token(authz.Analyst), nil, "!FORBIDDEN"},
		{"for somebody else", elder, map[string]any{"resident": fixedID("Resident", "a", "r2")}, "FORBIDDEN[resident]"},
		{"another community's desk", b.token(authz.StationStaff, "b"), nil, "FORBIDDEN[]"},
		{"no such resident", desk, map[string]any{"resident": fixedID("Resident", "a", "none")}, "NOT_FOUND[resident]"},
		{"no such station", desk, map[string]any{"station": fixedID("Station", "a", "none")}, "NOT_FOUND[station]"},
		{"no such community", desk, map[string]any{"community": "z"}, "NOT_FOUND[community]"},
	} {
		in := map[string]any{"community": "a", "matter": "PENSION", "resident": fixedID("Resident", "a", "r1"), "idempotencyKey": tc.name}
		for k, v := range tc.change {
			in[k] = v
		}
		if got, code := b.running(tc.token, "requestErrand", "RequestErrandInput", in); got != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", tc.name, got, code, tc.code)
		}
	}
}
