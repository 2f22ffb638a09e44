package e2e

import (
	"fmt"
	"strings"
	"testing"

	"linhui/internal/authz"
)

// post is what tests read of an echo.
type post struct {
	ID, Status, TitleZh string
	Version             int
	LearnedFromID       *string
}

var echoInputs = map[string]string{"draftEcho": "DraftEchoInput", "reviseEcho": "ReviseEchoInput", "reviewEcho": "StepEchoInput",
	"publishEcho": "StepEchoInput", "withdrawEcho": "WithdrawEchoInput"}

// echo runs one mutation of the wall; code is that of the rule it broke, "" for none.
func (b *book) echo(token, mutation string, input map[string]any) (p *post, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { post { id status version titleZh learnedFromId } userErrors { code } } }`,
		echoInputs[mutation], mutation), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Post       *post
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case len(a.Errors) > 0:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		return nil, data.Out.UserErrors[0].Code
	}
	return data.Out.Post, ""
}

func change(p *post, more map[string]any) map[string]any {
	return on(&entry{ID: p.ID, Version: p.Version}, more)
}

// wall is what the public reads on it.
func (b *book) wall() string {
	b.t.Helper()
	var got struct {
		EchoWall  struct{ Nodes []post }
		Community struct{ EchoWall struct{ Nodes []post } }
	}
	b.must("", `{ echoWall(communities: ["a"]) { nodes { titleZh } } community(slug: "a") { echoWall { nodes { titleZh } } } }`, nil, &got)
	if fmt.Sprint(got.EchoWall) != fmt.Sprint(got.Community.EchoWall) {
		b.t.Errorf("two walls: %+v", got)
	}
	var titles []string
	for _, p := range got.EchoWall.Nodes {
		titles = append(titles, p.TitleZh)
	}
	return strings.Join(titles, " ")
}

// A post goes on the wall when another than its author has reviewed it, and comes off by itself
// when its feedback is opened again.
func TestEchoWall(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	clerk, boss := b.staff("a"), b.admin("a")
	e := b.put("a", "REPLIED")
	text := map[string]any{"feedback": e.ID, "titleZh": "充电桩修好了", "outcomeZh": "物业更换", "idempotencyKey": "1", "learnedFrom": fixedID("EchoWallPost", "b", "model")}
	p, _ := b.echo(clerk, "draftEcho", text)
	if p == nil || p.Status != "DRAFT" || p.LearnedFromID == nil || *p.LearnedFromID != text["learnedFrom"] {
		t.Fatalf("%+v", p)
	}
	text["idempotencyKey"] = "2"
	for _, tc := range []struct {
		name, token, mutation string
		input                 map[string]any
		code                  string
	}{
		{"a second post", clerk, "draftEcho", text, "CONFLICT"},
		{"a post of what is not answered", clerk, "draftEcho", with(text, "feedback", b.put("a", "RECEIVED").ID), "INVALID_TRANSITION"},
		{"a post of nothing", clerk, "draftEcho", with(text, "feedback", fixedID("Feedback", "a", "none")), "NOT_FOUND"},
		{"a post of another community", clerk, "draftEcho", with(text, "feedback", b.put("c", "CLOSED").ID), "FORBIDDEN"},
		{"a post with a telephone number", clerk, "reviseEcho", change(p, map[string]any{"titleZh": "好", "outcomeZh": "找13812345678"}), "BAD_USER_INPUT"},
		{"the author reviews", clerk, "reviewEcho", change(p, nil), "FORBIDDEN"},
		{"published before review", boss, "publishEcho", change(p, nil), "INVALID_TRANSITION"},
		{"staff publishes", clerk, "publishEcho", change(p, nil), "!FORBIDDEN"},
		{"a resident drafts", b.resident("a", "r1"), "draftEcho", text, "!FORBIDDEN"},
		{"staff of another community", b.staff("b"), "reviewEcho", change(p, nil), "NOT_FOUND"},
	} {
		if got, code := b.echo(tc.token, tc.mutation, tc.input); got != nil || code != tc.code {
			t.Errorf("%s: %q, not %q", tc.name, code, tc.code)
		}
	}
	// A draft is for staff in scope; for all others it is not there.
	const find = `query($id: ID!) { node(id: $id) { ... on EchoWallPost { titleZh } } }`
	for _, other := range []string{"", b.resident("a", "r1"), b.staff("b")} {
		if a := b.ask(other, find, map[string]any{"id": p.ID}); strings.Contains(string(a.Data), "充电桩") {
			t.Errorf("draft shown: %s", a.Data)
		}
	}
	if a := b.ask(clerk, find, map[string]any{"id": p.ID}); !strings.Contains(string(a.Data), "充电桩") {
		t.Errorf("draft not shown to staff: %s %+v", a.Data, a.Errors)
	}
	if got := b.wall(); got != "" {
		t.Errorf("draft on the wall: %s", got)
	}

	p, _ = b.echo(boss, "reviewEcho", change(p, nil))
	p, _ = b.echo(boss, "publishEcho", change(p, nil))
	if p == nil || p.Status != "PUBLISHED" || b.wall() != "充电桩修好了" {
		t.Fatalf("%+v %s", p, b.wall())
	}
	b.done(b.resident("a", "r1"), "reopenFeedback", on(e, map[string]any{"reason": "又坏了"}))
	if got := b.wall(); got != "" {
		t.Errorf("still on the wall: %s", got)
	}

	// By hand it comes off with a reason, and may be written anew.
	q, _ := b.echo(boss, "draftEcho", with(with(text, "feedback", b.put("a", "CLOSED").ID), "idempotencyKey", "3"))
	q, _ = b.echo(b.as("other", authz.CommunityStaff, nil, "a"), "reviewEcho", change(q, nil))
	q, _ = b.echo(boss, "publishEcho", change(q, nil))
	if _, code := b.echo(boss, "withdrawEcho", change(q, map[string]any{"reason": " "})); code != "BAD_USER_INPUT" {
		t.Error(code)
	}
	if q, _ = b.echo(boss, "withdrawEcho", change(q, map[string]any{"reason": "有误"})); q == nil || q.Status != "WITHDRAWN" || b.wall() != "" {
		t.Errorf("%+v %s", q, b.wall())
	}
	// Private feedback gets no draft when it is closed.
	private := b.put("a", "RESOLVED")
	execSQL(t, b.one, `UPDATE feedbacks SET private = true WHERE status = 'RESOLVED'`)
	private.Version = 2
	before := b.footprint()
	b.done(clerk, "closeFeedback", on(private, nil))
	if after := b.footprint(); strings.Fields(after)[4] != strings.Fields(before)[4] {
		t.Errorf("%s, then %s", before, after)
	}
	var audited, events int
	scanRow(t, b.one, `SELECT (SELECT count(*) FROM audit_log WHERE entity_type = 'EchoWallPost'), (SELECT count(*) FROM outbox_events WHERE topic = 'echo')`, &audited, &events)
	if audited != 7 || events != 7 {
		t.Errorf("%d audited, %d events", audited, events)
	}
}

func with(in map[string]any, key string, v any) map[string]any {
	out := map[string]any{}
	for k, x := range in {
		out[k] = x
	}
	out[key] = v
	return out
}

// The list of feedback costs as many statements as it has links, and its count one a source.
func TestFeedbackStatements(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	for _, status := range feedbackStatuses {
		b.put("a", status)
		b.put("b", "ASSIGNED")
	}
	staff := b.token(authz.CommunityStaff)
	for _, tc := range []struct {
		query string
		most  int
	}{
		{`{ communities { nodes { feedbacks { totalCount } } } }`, 1},
		{`{ communities { nodes { feedbacks(filter: {overdue: true}) { totalCount } } } }`, 1},
		{`{ feedbacks(first: 20) { nodes { number title overdue category { nameZh } } } }`, 2},
		{`{ feedbacks(first: 20) { nodes { number assignee { labelZh } responsible { nameZh } category { nameZh rule { dueInHours } } updates(first: 3) { totalCount nodes { action byPost { labelZh } } } echo { titleZh } duplicateOf { number } duplicates { totalCount } } } }`, 10},
	} {
		for source, n := range b.statements(staff, tc.query) {
			if source != "directory" && n > tc.most {
				t.Errorf("%d statements to %s, not %d: %s", n, source, tc.most, tc.query)
			}
		}
	}
	var got struct{ Late, All, Others struct{ TotalCount int } }
	b.must(staff, `{ late: feedbacks(filter: {overdue: true}) { totalCount } all: feedbacks { totalCount } others: feedbacks(filter: {overdue: false}) { totalCount } }`, nil, &got)
	if got.Late.TotalCount != 0 || got.All.TotalCount != 26 || got.Others.TotalCount != 26 {
		t.Errorf("%+v", got)
	}
	execSQL(t, b.one, `UPDATE feedbacks SET due_at = due_at - interval '2 days'`)
	b.must(staff, `{ late: feedbacks(filter: {overdue: true}) { totalCount } all: feedbacks { totalCount } others: feedbacks(filter: {overdue: false}) { totalCount } }`, nil, &got)
	if got.Late.TotalCount != 6 || got.Others.TotalCount != 20 {
		t.Errorf("%+v", got)
	}
}
