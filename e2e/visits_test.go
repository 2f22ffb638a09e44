package e2e

import (
	"fmt"
	"testing"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// A drive is opened, homes and shops are visited, what they need is followed up, and the drive says what came of it.
func TestVisits(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO programmes (owner, id, name_zh) VALUES ('a', md5('p')::uuid, '睦邻课堂')`)
	desk, staff := b.token(authz.StationStaff, "a"), b.staff("a")
	run := func(token, mutation, what string, input map[string]any) (*medium, string) {
		t.Helper()
		return b.mediate(token, mutation, fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:]), what, "", input)
	}
	drive, code := run(staff, "openOpinionDrive", "drive", map[string]any{"community": "a", "nameZh": "大走访", "targets": []string{"居民家中"}, "by": fixedID("Organization", "a", "org"), "idempotencyKey": "1"})
	if drive == nil || code != "" || drive.Status != "OPEN" {
		t.Fatalf("%+v %s", drive, code)
	}
	visits := 0
	visit := func(token string, more ...any) (*medium, string) {
		visits++
		in := map[string]any{"community": "a", "drive": drive.ID, "target": "HOUSEHOLD", "topic": "照明", "needZh": "楼道要灯", "idempotencyKey": fmt.Sprint(visits)}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return run(token, "recordHomeVisit", "visit", in)
	}
	r1 := fixedID("Resident", "a", "r1")
	v, code := visit(desk, "resident", r1, "findings", "老人独居")
	if v == nil || code != "" || v.Status != "RECORDED" {
		t.Fatalf("%+v %s", v, code)
	}
	for _, tc := range []struct {
		name, token string
		more        []any
		code        string
	}{
		{"the public", "", nil, "!UNAUTHENTICATED"},
		{"a resident", b.resident("a", "r1"), nil, "!FORBIDDEN"},
		{"another community's desk", b.token(authz.StationStaff, "b"), nil, "FORBIDDEN[]"},
		{"a shop with a resident", desk, []any{"target", "SHOP", "resident", r1}, "BAD_USER_INPUT[target]"},
		{"a home with a shop's name", desk, []any{"shopName", "小卖部"}, "BAD_USER_INPUT[target]"},
		{"OTHER", desk, []any{"target", "OTHER"}, "BAD_USER_INPUT[target]"},
		{"tomorrow", desk, []any{"visitedOn", "2026-06-11"}, "BAD_USER_INPUT[visitedOn]"},
		{"a need that names somebody", desk, []any{"needZh", "请打13812345678"}, "BAD_USER_INPUT[needZh]"},
		{"nobody", desk, []any{"resident", fixedID("Resident", "a", "none")}, "NOT_FOUND[resident]"},
	} {
		if got, code := visit(tc.token, tc.more...); got != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", tc.name, got, code, tc.code)
		}
	}
	follow := func(more ...any) (*medium, string) {
		in := map[string]any{"id": v.ID}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return run(desk, "followUpHomeVisit", "visit", in)
	}
	if _, code := follow(); code != "BAD_USER_INPUT[followUp]" {
		t.Errorf("followed up by nothing: %s", code)
	}
	if _, code := follow("followUp", "装灯", "version", 5); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	entry, _, _ := b.write(b.resident("a", "r1"), "submitFeedback", submission("a", "need"))
	if got, code := follow("feedback", entry.ID); code != "" || got.Status != "FOLLOWED_UP" {
		t.Errorf("followed up: %+v %s", got, code)
	}
	if _, code := follow("followUp", "装灯"); code != "" { // and what was said before stays
		t.Error(code)
	}
	if _, code := visit(desk, "target", "SHOP", "shopName", "小卖部"); code != "" {
		t.Error(code)
	}
	count := func(token string) string {
		t.Helper()
		var got struct{ HomeVisits struct{ TotalCount int } }
		b.must(token, `{ homeVisits(filter: {topic: "照明"}) { totalCount } }`, nil, &got)
		return fmt.Sprint(got.HomeVisits.TotalCount)
	}
	if got := count(desk) + count(b.resident("a", "r1")) + count(b.resident("a", "r2")) + count(b.token(authz.StationStaff, "b")); got != "2100" {
		t.Errorf("seen by the desk, the visited, another resident, another desk: %s", got)
	}
	sameJSON(t, b.ask(b.resident("a", "r1"), `{ homeVisits { nodes { findings needZh feedback { title } } } residents { nodes { lastVisitedOn } } }`, nil).Data,
		`{"homeVisits":{"nodes":[{"findings":"老人独居","needZh":"楼道要灯","feedback":{"title":"充电桩不充电"}}]},"residents":{"nodes":[{"lastVisitedOn":"2026-06-10"}]}}`)
	if a := b.ask(desk, `{ homeVisits { nodes { findings } } }`, nil); len(a.Errors) == 0 {
		t.Errorf("findings without a purpose: %s", a.Data)
	}
	if _, code := run(desk, "closeOpinionDrive", "drive", map[string]any{"id": drive.ID, "outcome": "创办课堂"}); code != "!FORBIDDEN" {
		t.Errorf("closed at the desk: %s", code)
	}
	if got, code := run(staff, "closeOpinionDrive", "drive", map[string]any{"id": drive.ID, "outcome": "创办课堂", "ledTo": fixedID("Programme", "a", "p")}); code != "" || got.Status != "CLOSED" {
		t.Errorf("closed: %+v %s", got, code)
	}
	sameJSON(t, b.ask("", `{ opinionDrives(communities: ["a"]) { nodes { nameZh outcome ledTo { nameZh } by { nameZh } } } }`, nil).Data,
		`{"opinionDrives":{"nodes":[{"nameZh":"大走访","outcome":"创办课堂","ledTo":{"nameZh":"睦邻课堂"},"by":{"nameZh":"物业"}}]}}`)
	// An analyst is told of no fewer than five people.
	analyst := b.token(authz.Analyst, "a")
	const byTopic = `{ homeVisitAggregate(groupBy: [TOPIC]) { nodes { topic visits } } }`
	if a := b.ask(analyst, byTopic, nil); string(a.Data) != `{"homeVisitAggregate":{"nodes":[]}}` && len(a.Errors) == 0 {
		var got struct {
			HomeVisitAggregate struct {
				Nodes []struct {
					Topic  *string
					Visits *int
				}
			}
		}
		decode(t, a.Data, &got)
		for _, n := range got.HomeVisitAggregate.Nodes {
			if n.Topic != nil && n.Visits != nil {
				t.Errorf("two people are told: %s", a.Data)
			}
		}
	}
}

type survey struct {
	ID, Status    string
	Version       int
	ResponseCount int
	Questions     []struct {
		ID, TextZh string
		Options    []struct{ ID, LabelZh string }
	}
}

func (b *book) surveying(token, mutation string, input map[string]any) (s *survey, code string) {
	b.t.Helper()
	kind := map[string]string{"openSurvey": "StepSurveyInput", "closeSurvey": "StepSurveyInput"}[mutation]
	if kind == "" {
		kind = fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:])
	}
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { survey { id status version responseCount questions { id textZh options { id labelZh } } }
		userErrors { code path } } }`, kind, mutation), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Survey     *survey
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
	return data.Out.Survey, code
}

// A survey is answered once by each resident, nothing is kept of who chose what, and what few chose is not told.
func TestSurveys(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	const people = 40
	execSQL(t, b.one, `INSERT INTO residents (owner, id, name) SELECT 'a', md5('n' || n)::uuid, '赵六' FROM generate_series(1, $1::int) n`, people)
	staff := b.staff("a")
	drafts := 0
	draft := func(token string, more ...any) (*survey, string) {
		drafts++
		in := map[string]any{"community": "a", "titleZh": "食堂问卷", "opensOn": "2026-06-01", "closesOn": "2026-06-30", "idempotencyKey": fmt.Sprint(drafts), "questions": []any{
			map[string]any{"textZh": "满意吗", "kind": "SINGLE", "options": []string{"满意", "一般", "不满意"}},
			map[string]any{"textZh": "关心什么", "kind": "MULTIPLE", "options": []string{"价格", "口味", "卫生"}},
			map[string]any{"textZh": "建议", "kind": "TEXT"}}}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.surveying(token, "draftSurvey", in)
	}
	s, code := draft(staff)
	if s == nil || code != "" || s.Status != "DRAFT" || len(s.Questions) != 3 || len(s.Questions[0].Options) != 3 {
		t.Fatalf("%+v %s", s, code)
	}
	// n picks answers: the n-th option of the first question, these of the second.
	answers := func(first int, second []int, text any) []any {
		out := []any{map[string]any{"question": s.Questions[0].ID, "options": []string{s.Questions[0].Options[first].ID}}}
		if second != nil {
			var chosen []string
			for _, o := range second {
				chosen = append(chosen, s.Questions[1].Options[o].ID)
			}
			out = append(out, map[string]any{"question": s.Questions[1].ID, "options": chosen})
		}
		if text != nil {
			out = append(out, map[string]any{"question": s.Questions[2].ID, "text": text})
		}
		return out
	}
	answer := func(token, key string, answers []any) (*survey, string) {
		return b.surveying(token, "answerSurvey", map[string]any{"id": s.ID, "answers": answers, "idempotencyKey": key})
	}
	r1 := b.resident("a", "r1")
	if _, code := answer(r1, "early", answers(0, nil, nil)); code != "INVALID_TRANSITION[id]" {
		t.Errorf("answered before it opened: %s", code)
	}
	if _, code := b.surveying(b.token(authz.StationStaff, "a"), "openSurvey", map[string]any{"id": s.ID}); code != "!FORBIDDEN" {
		t.Errorf("opened at the desk: %s", code)
	}
	if _, code := b.surveying(staff, "openSurvey", map[string]any{"id": s.ID, "version": 4}); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	if got, code := b.surveying(staff, "openSurvey", map[string]any{"id": s.ID, "version": 1}); code != "" || got.Status != "OPEN" {
		t.Fatalf("%+v %s", got, code)
	}
	for name, tc := range map[string]struct {
		token   string
		answers []any
		code    string
	}{
		"the public":                   {"", answers(0, nil, nil), "!UNAUTHENTICATED"},
		"staff who are no residents":   {staff, answers(0, nil, nil), "FORBIDDEN[]"},
		"another community's resident": {b.resident("b", "r1"), answers(0, nil, nil), "NOT_FOUND[id]"},
		"nothing":                      {r1, []any{}, "BAD_USER_INPUT[answers]"},
		"two of one":                   {r1, []any{map[string]any{"question": s.Questions[0].ID, "options": []string{s.Questions[0].Options[0].ID, s.Questions[0].Options[1].ID}}}, "BAD_USER_INPUT[answers options]"},
		"an option of another":         {r1, []any{map[string]any{"question": s.Questions[0].ID, "options": []string{s.Questions[1].Options[0].ID}}}, "BAD_USER_INPUT[answers options]"},
		"a question twice":             {r1, append(answers(0, nil, nil), answers(1, nil, nil)...), "BAD_USER_INPUT[answers question]"},
	} {
		if got, code := answer(tc.token, name, tc.answers); got != nil || code != tc.code {
			t.Errorf("%s: %+v %s, want %s", name, got, code, tc.code)
		}
	}
	// 25 are content, 12 are not sure, 3 are not content; 38 care for the taste, 20 for the price.
	for n := 1; n <= people; n++ {
		first, second := 0, []int{1}
		switch {
		case n > 37:
			first = 2
		case n > 25:
			first = 1
		}
		if n <= 20 {
			second = []int{0, 1}
		}
		if n > 38 {
			second = nil
		}
		if got, code := answer(b.resident("a", fmt.Sprint("n", n)), "k", answers(first, second, fmt.Sprint("建议", n))); code != "" || got.ResponseCount != n {
			t.Fatalf("%d: %+v %s", n, got, code)
		}
	}
	n1 := b.resident("a", "n1")
	if got, code := answer(n1, "k", answers(2, nil, nil)); code != "" || got.ResponseCount != people {
		t.Errorf("the same key: %+v %s", got, code)
	}
	if _, code := answer(n1, "another", answers(2, nil, nil)); code != "CONFLICT[id]" {
		t.Errorf("answered twice: %s", code)
	}
	const shown = `{ surveys(communities: ["a"]) { nodes { status responseCount results { questionZh answerZh count suppressed } } } }`
	sameJSON(t, b.ask("", shown, nil).Data, `{"surveys":{"nodes":[{"status":"OPEN","responseCount":40,"results":[]}]}}`)
	if got, code := b.surveying(staff, "closeSurvey", map[string]any{"id": s.ID}); code != "" || got.Status != "CLOSED" {
		t.Errorf("%+v %s", got, code)
	}
	// The 3 are not told, nor the 12, from which they could be worked out; nor the 38 of 40, nor the 20 beside nobody.
	sameJSON(t, b.ask("", shown, nil).Data, `{"surveys":{"nodes":[{"status":"CLOSED","responseCount":40,"results":[
		{"questionZh":"满意吗","answerZh":"满意","count":25,"suppressed":false},{"questionZh":"满意吗","answerZh":"一般","count":null,"suppressed":true},{"questionZh":"满意吗","answerZh":"不满意","count":null,"suppressed":true},
		{"questionZh":"关心什么","answerZh":"价格","count":null,"suppressed":true},{"questionZh":"关心什么","answerZh":"口味","count":null,"suppressed":true},{"questionZh":"关心什么","answerZh":"卫生","count":null,"suppressed":true}]}]}}`)
	if _, code := answer(r1, "late", answers(0, nil, nil)); code != "INVALID_TRANSITION[id]" {
		t.Errorf("answered after it closed: %s", code)
	}
	const texts = `{ surveys(communities: ["a"], first: 1) { nodes { questions { texts(first: 2) { totalCount nodes { text } } } } } }`
	if a := b.ask(staff, texts, nil); len(a.Errors) == 0 {
		t.Errorf("texts without a purpose: %s", a.Data)
	}
	var got struct {
		Surveys struct {
			Nodes []struct {
				Questions []struct{ Texts struct{ TotalCount int } }
			}
		}
	}
	b.must(b.as("clerk", authz.CommunityStaff, func(c *authn.Claims) { c.Purpose = "survey" }, "a"), texts, nil, &got)
	if n := got.Surveys.Nodes[0].Questions[2].Texts.TotalCount; n != people {
		t.Errorf("%d texts", n)
	}
	// What the databases hold of it tells nobody's choice: no row, log, event or key has it.
	var kept int
	scanRow(t, b.one, `SELECT (SELECT count(*) FROM audit_log WHERE action LIKE '%nswer%') + (SELECT count(*) FROM outbox_events WHERE payload::text LIKE '%nswer%')
		+ (SELECT count(*) - 1 FROM (SELECT DISTINCT fingerprint FROM idempotency_keys WHERE operation = 'answerSurvey') f)`, &kept)
	if kept != 0 {
		t.Errorf("%d traces of answers", kept)
	}
	for name, tc := range map[string]struct {
		more []any
		code string
	}{
		"no question":       {[]any{"questions", []any{}}, "BAD_USER_INPUT[questions]"},
		"one option":        {[]any{"questions", []any{map[string]any{"textZh": "一", "kind": "SINGLE", "options": []string{"是"}}}}, "BAD_USER_INPUT[questions options]"},
		"the same twice":    {[]any{"questions", []any{map[string]any{"textZh": "一", "kind": "SINGLE", "options": []string{"是", "是"}}}}, "BAD_USER_INPUT[questions options]"},
		"groups of five":    {[]any{"minGroupSize", 5}, "BAD_USER_INPUT[minGroupSize]"},
		"closes before":     {[]any{"closesOn", "2026-05-01"}, "BAD_USER_INPUT[closesOn]"},
		"of no drive":       {[]any{"drive", fixedID("OpinionDrive", "a", "none")}, "NOT_FOUND[drive]"},
		"options of a text": {[]any{"questions", []any{map[string]any{"textZh": "一", "kind": "TEXT", "options": []string{"是"}}}}, "BAD_USER_INPUT[questions options]"},
	} {
		if _, code := draft(staff, tc.more...); code != tc.code {
			t.Errorf("%s: %s, want %s", name, code, tc.code)
		}
	}
	// What nobody closes closes by itself after its last day.
	last, _ := draft(staff)
	b.surveying(staff, "openSurvey", map[string]any{"id": last.ID})
	for i, day := range []time.Time{noon.AddDate(0, 0, 20), noon.AddDate(0, 0, 21)} {
		if done, err := b.gateway.Sources.Keep(t.Context(), day); err != nil || done["surveys"] != i {
			t.Errorf("%d closed at %v: %v", done["surveys"], day, err)
		}
	}
	// No gateway can read who took part, or how often an option was chosen before the view tells it.
	for _, statement := range []string{"SELECT chosen FROM survey_options", "SELECT resident_id FROM survey_participants"} {
		if _, err := b.one.Exec("SET LOCAL ROLE linhui_scoped; " + statement); err == nil {
			t.Errorf("linhui_scoped may: %s", statement)
		}
	}
}
