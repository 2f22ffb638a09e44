package e2e

import (
	"fmt"
	"testing"

	"linhui/internal/authz"
)

// medium is what tests read of anything that a mutation of media answers.
type medium struct {
	ID, Status   string
	Version      int
	IssueNo      int
	WithdrawnFor *string
	Segments     []struct {
		ID, TitleZh string
		Status      *string
	}
	Channel *struct{ NeedsApproval, Approved bool }
}

// startMedia adds to community a of the book a group that needs no approval, a video account that has a live stream, and a
// weekly series on both.
func startMedia(t *testing.T) *book {
	t.Helper()
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO residents (owner, id, name, birth_date) VALUES ('a', md5('child')::uuid, '小明', '2012-01-01');
		INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('a', md5('t')::uuid, '朗读队', 'ARTS_GROUP');
		INSERT INTO channels (owner, id, name_zh, kind, direction, livestream) VALUES ('a', md5('group')::uuid, '微信群', 'WECHAT_GROUP', 'TWO_WAY', false),
			('a', md5('video')::uuid, '视频号', 'WECHAT_VIDEO_ACCOUNT', 'OUTBOUND', true);
		INSERT INTO media_series (owner, id, name_zh, kind) VALUES ('a', md5('weekly')::uuid, '有声新闻', 'AUDIO_NEWS');
		INSERT INTO media_series_channels (owner, series_id, channel_id) SELECT 'a', md5('weekly')::uuid, md5(n)::uuid FROM unnest(ARRAY['group', 'video']) n;
		INSERT INTO media_columns (owner, id, series_id, name_zh) VALUES ('a', md5('news')::uuid, md5('weekly')::uuid, '社区新鲜事')`)
	return b
}

// mediate runs a mutation of media whose payload shows its row as what; code is that of the rule it broke with its path, "" for none.
func (b *book) mediate(token, mutation, kind, what, fields string, input map[string]any) (m *medium, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { row: %s { id status version %s } userErrors { code path } } }`, kind, mutation, what, fields), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Row        *medium
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
	return data.Out.Row, code
}

func (b *book) issue(token, mutation string, input map[string]any) (*medium, string) {
	b.t.Helper()
	kind := map[string]string{"reworkMediaIssue": "StepMediaIssueInput", "reviewMediaIssue": "StepMediaIssueInput", "publishMediaIssue": "StepMediaIssueInput"}[mutation]
	if kind == "" {
		kind = fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:])
	}
	return b.mediate(token, mutation, kind, "issue", "issueNo withdrawnFor segments { id titleZh status }", input)
}

func (b *book) release(token, mutation string, input map[string]any) (*medium, string) {
	b.t.Helper()
	return b.mediate(token, mutation, fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:]), "segment", "", input)
}

func (b *book) approve(token, mutation string, input map[string]any) (*medium, string) {
	b.t.Helper()
	kind := map[string]string{"approveChannel": "StepChannelApprovalInput", "refuseChannel": "HoldChannelInput", "suspendChannel": "HoldChannelInput"}[mutation]
	if kind == "" {
		kind = fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:])
	}
	return b.mediate(token, mutation, kind, "approval", "channel { needsApproval approved }", input)
}

// An issue is drafted, recorded, reviewed by another and published, once every contributor's release is on file; a release
// that is revoked takes it back.
func TestMediaIssues(t *testing.T) {
	t.Parallel()
	b := startMedia(t)
	desk, clerk, admin := b.as("desk", authz.CommunityStaff, nil, "a"), b.as("clerk", authz.CommunityStaff, nil, "a"), b.token(authz.CommunityAdmin, "a")
	drafts := 0
	draft := func(token string, segments []any, more ...any) (*medium, string) {
		drafts++
		in := map[string]any{"series": fixedID("MediaSeries", "a", "weekly"), "dueOn": "2026-06-08", "segments": segments, "idempotencyKey": fmt.Sprint(drafts)}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return b.issue(token, "draftMediaIssue", in)
	}
	segment := func(title string, more ...any) map[string]any {
		in := map[string]any{"titleZh": title, "column": fixedID("MediaColumn", "a", "news")}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	latest := func(token string) string {
		var got struct {
			LatestMediaIssues struct{ Nodes []struct{ IssueNo int } }
			MediaSeries       struct {
				Nodes []struct{ LatestIssue *struct{ IssueNo int } }
			}
		}
		b.must(token, `{ latestMediaIssues(communities: ["a"]) { nodes { issueNo } } mediaSeries(communities: ["a"]) { nodes { latestIssue { issueNo } } } }`, nil, &got)
		series := 0
		if l := got.MediaSeries.Nodes[0].LatestIssue; l != nil {
			series = l.IssueNo
		}
		return fmt.Sprint(got.LatestMediaIssues.Nodes, series)
	}
	i, code := draft(desk, []any{segment("开场"), segment("朗读", "contributor", fixedID("Resident", "a", "child"), "contributorTeam", fixedID("VolunteerTeam", "a", "t"))})
	if i == nil || code != "" || i.Status != "DRAFT" || i.IssueNo != 1 || len(i.Segments) != 2 || *i.Segments[0].Status != "NOT_NEEDED" || *i.Segments[1].Status != "AWAITED" {
		t.Fatalf("%+v %s", i, code)
	}
	if got, code := b.issue(desk, "addMediaSegment", map[string]any{"id": i.ID, "segment": segment("结尾")}); code != "" || len(got.Segments) != 3 {
		t.Errorf("a third segment: %+v %s", got, code)
	}
	step := func(token, mutation string, more ...any) (*medium, string) {
		in := map[string]any{"id": i.ID}
		for j := 0; j < len(more); j += 2 {
			in[more[j].(string)] = more[j+1]
		}
		return b.issue(token, mutation, in)
	}
	if _, code := step(admin, "publishMediaIssue"); code != "INVALID_TRANSITION[]" {
		t.Errorf("a draft is published: %s", code)
	}
	if _, code := step(desk, "recordMediaIssue", "mediaUrl", "http://example.org/1.mp3"); code != "BAD_USER_INPUT[mediaUrl]" {
		t.Errorf("a recording that is not https: %s", code)
	}
	if got, code := step(desk, "recordMediaIssue", "mediaUrl", "https://example.org/1.mp3"); code != "" || got.Status != "RECORDED" {
		t.Errorf("recorded: %+v %s", got, code)
	}
	if _, code := step(desk, "addMediaSegment", "segment", segment("晚了")); code != "INVALID_TRANSITION[]" {
		t.Errorf("a segment after the recording: %s", code)
	}
	if _, code := step(desk, "reviewMediaIssue"); code != "FORBIDDEN[]" {
		t.Errorf("reviewed by its author: %s", code)
	}
	if _, code := step(clerk, "reviewMediaIssue", "version", 1); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	if got, code := step(clerk, "reviewMediaIssue"); code != "" || got.Status != "REVIEWED" {
		t.Errorf("reviewed: %+v %s", got, code)
	}
	if _, code := step(clerk, "publishMediaIssue"); code != "INVALID_TRANSITION[segments]" {
		t.Errorf("published without a release: %s", code)
	}
	heard := map[string]any{"id": i.Segments[1].ID, "by": "CONTRIBUTOR"}
	if _, code := b.release(desk, "releaseMediaSegment", heard); code != "BAD_USER_INPUT[by]" {
		t.Errorf("released by a child: %s", code)
	}
	heard["by"] = "GUARDIAN"
	if got, code := b.release(desk, "releaseMediaSegment", heard); code != "" || got.Status != "ON_FILE" {
		t.Errorf("released: %+v %s", got, code)
	}
	if latest("") != "[] 0" {
		t.Errorf("before anything is published: %s", latest(""))
	}
	if got, code := step(clerk, "publishMediaIssue"); code != "" || got.Status != "PUBLISHED" {
		t.Fatalf("published: %+v %s", got, code)
	}
	if latest("") != "[{1}] 1" {
		t.Errorf("the latest: %s", latest(""))
	}
	sameJSON(t, b.ask("", `{ mediaIssues(communities: ["a"]) { nodes { issueNo publishedAt segments { order titleZh contributorTeam { nameZh } column { nameZh } } } }
		mediaColumns(communities: ["a"]) { nodes { segments { totalCount } } }
		mediaIssueAggregate(communities: ["a"], groupBy: [SERIES]) { nodes { series { nameZh } issues meanLagDays onTimeShare } } }`, nil).Data,
		`{"mediaIssues":{"nodes":[{"issueNo":1,"publishedAt":"2026-06-10T12:00:00+08:00","segments":[{"order":1,"titleZh":"开场","contributorTeam":null,"column":{"nameZh":"社区新鲜事"}},
			{"order":2,"titleZh":"朗读","contributorTeam":{"nameZh":"朗读队"},"column":{"nameZh":"社区新鲜事"}},{"order":3,"titleZh":"结尾","contributorTeam":null,"column":{"nameZh":"社区新鲜事"}}]}]},
			"mediaColumns":{"nodes":[{"segments":{"totalCount":3}}]},
			"mediaIssueAggregate":{"nodes":[{"series":{"nameZh":"有声新闻"},"issues":1,"meanLagDays":"2","onTimeShare":"0"}]}}`)
	if a := b.ask("", `{ mediaColumns(communities: ["a"]) { nodes { segments { nodes { status } } } } }`, nil); len(a.Errors) == 0 {
		t.Errorf("the public reads whose release is on file: %s", a.Data)
	}
	second, _ := draft(clerk, []any{segment("二")})
	if second == nil || second.IssueNo != 2 || latest("") != "[{1}] 1" {
		t.Errorf("the next draft: %+v, the latest %s", second, latest(""))
	}
	if _, code := draft(clerk, []any{segment("三")}, "issueNo", 2); code != "CONFLICT[issueNo]" {
		t.Errorf("a number twice: %s", code)
	}
	if got, code := b.release(desk, "revokeMediaRelease", map[string]any{"id": i.Segments[1].ID}); code != "" || got.Status != "REVOKED" || latest("") != "[] 0" {
		t.Errorf("revoked: %+v %s, the latest %s", got, code, latest(""))
	}
	if _, code := step(admin, "publishMediaIssue"); code != "INVALID_TRANSITION[]" {
		t.Errorf("published again: %s", code)
	}
	if got, code := b.issue(clerk, "withdrawMediaIssue", map[string]any{"id": second.ID, "reason": "停刊"}); code != "" || *got.WithdrawnFor != "停刊" {
		t.Errorf("withdrawn: %+v %s", got, code)
	}
	for name, tc := range map[string]struct {
		token    string
		segments []any
		code     string
	}{
		"the public":                    {"", []any{}, "!UNAUTHENTICATED"},
		"a resident":                    {b.resident("a", "r1"), []any{}, "!FORBIDDEN"},
		"another community's staff":     {b.staff("b"), []any{}, "FORBIDDEN[]"},
		"a segment that says a number":  {desk, []any{segment("打13812345678")}, "BAD_USER_INPUT[titleZh]"},
		"a column of no series":         {desk, []any{segment("四", "column", fixedID("MediaColumn", "a", "none"))}, "NOT_FOUND[column]"},
		"somebody whom nobody knows of": {desk, []any{segment("四", "contributor", fixedID("Resident", "a", "none"))}, "NOT_FOUND[contributor]"},
	} {
		if _, code := draft(tc.token, tc.segments, "titleZh", name); code != tc.code {
			t.Errorf("%s: %s, want %s", name, code, tc.code)
		}
	}
	execSQL(t, b.one, `INSERT INTO media_issues (owner, id, series_id, issue_no, authored_by, recorded_at, reviewed_by, reviewed_at, published_at, status)
		VALUES ('a', md5('i')::uuid, md5('weekly')::uuid, 90, 'x', now(), 'y', now(), now(), 'PUBLISHED')`)
	for _, statement := range []string{
		`INSERT INTO media_segments (owner, series_id, issue_id, ordinal, title_zh, contributor_team_id, status) VALUES ('a', md5('weekly')::uuid, md5('i')::uuid, 1, '一', md5('t')::uuid, 'AWAITED')`,
		`INSERT INTO media_segments (owner, series_id, issue_id, ordinal, title_zh, contributor_team_id) VALUES ('a', md5('weekly')::uuid, md5('i')::uuid, 1, '一', md5('t')::uuid)`,
		`UPDATE media_issues SET reviewed_by = 'x' WHERE issue_no = 90`, `UPDATE media_issues SET published_at = NULL WHERE issue_no = 90`,
		`UPDATE media_issues SET media_url = 'ftp://x' WHERE issue_no = 90`,
	} {
		if _, err := b.one.Exec(statement); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}

// A channel that needs an approval publishes nothing before it is given and nothing while it is suspended (I24).
func TestChannelsPublishWithApproval(t *testing.T) {
	t.Parallel()
	b := startMedia(t)
	staff, admin, street := b.staff("a"), b.admin("a"), b.as("street", authz.StreetStaff, nil, "a")
	video, org := fixedID("Channel", "a", "video"), fixedID("Organization", "a", "org")
	key := 0
	announce := func() (code string) {
		t.Helper()
		key++
		a, code := b.mediate(staff, "draftAnnouncement", "DraftAnnouncementInput", "announcement", "", map[string]any{"community": "a", "titleZh": "便民政策", "channels": []string{video, fixedID("Channel", "a", "group")}, "idempotencyKey": fmt.Sprint(key)})
		if a == nil || code != "" {
			t.Fatalf("%+v %s", a, code)
		}
		_, code = b.mediate(staff, "publishAnnouncement", "PublishAnnouncementInput", "announcement", "", map[string]any{"id": a.ID})
		return code
	}
	stream := func(start, end string) (*medium, string) {
		key++
		return b.mediate(staff, "scheduleLiveSession", "ScheduleLiveSessionInput", "session", "", map[string]any{"channel": video, "titleZh": "直播", "start": start, "end": end, "idempotencyKey": fmt.Sprint(key)})
	}
	produce := func() (code string) {
		key++
		a := b.ask(staff, `mutation($in: RecordProductionInput!) { recordProduction(input: $in) { userErrors { code path } } }`,
			map[string]any{"in": map[string]any{"team": fixedID("VolunteerTeam", "a", "t"), "channel": video, "nameZh": "情景剧", "releasedOn": "2026-06-10", "idempotencyKey": fmt.Sprint(key)}})
		var data struct {
			RecordProduction struct{ UserErrors []userError }
		}
		decode(t, a.Data, &data)
		if e := data.RecordProduction.UserErrors; len(e) > 0 {
			return fmt.Sprint(e[0].Code, e[0].Path)
		}
		return ""
	}
	publishes := func(what, want string) {
		t.Helper()
		if code := announce(); code != want {
			t.Errorf("%s: an announcement: %q, want %q", what, code, want)
		}
		if code := produce(); code != want {
			t.Errorf("%s: a production: %q, want %q", what, code, want)
		}
	}
	const barred = "INVALID_TRANSITION[channel]"
	publishes("nobody asks for an approval", "")
	a, code := b.approve(staff, "studyChannel", map[string]any{"channel": video, "studiedBy": org, "idempotencyKey": "study"})
	if a == nil || code != "" || a.Status != "STUDIED" || !a.Channel.NeedsApproval || a.Channel.Approved {
		t.Fatalf("%+v %s", a, code)
	}
	publishes("studied", barred)
	if _, code := b.approve(staff, "studyChannel", map[string]any{"channel": video, "studiedBy": org, "idempotencyKey": "again"}); code != "CONFLICT[channel]" {
		t.Errorf("studied twice: %s", code)
	}
	if _, code := b.approve(street, "approveChannel", map[string]any{"id": a.ID}); code != "INVALID_TRANSITION[]" {
		t.Errorf("approved before it was submitted: %s", code)
	}
	if got, code := b.approve(admin, "submitChannel", map[string]any{"id": a.ID, "submittedTo": org, "version": 1}); code != "" || got.Status != "SUBMITTED" {
		t.Errorf("submitted: %+v %s", got, code)
	}
	if _, code := b.approve(admin, "approveChannel", map[string]any{"id": a.ID}); code != "!FORBIDDEN" {
		t.Errorf("approved by the community itself: %s", code)
	}
	if got, code := b.approve(street, "refuseChannel", map[string]any{"id": a.ID, "reason": "材料不全"}); code != "" || got.Status != "REFUSED" || !got.Channel.NeedsApproval {
		t.Errorf("refused: %+v %s", got, code)
	}
	publishes("refused", barred)
	a, _ = b.approve(staff, "studyChannel", map[string]any{"channel": video, "studiedBy": org, "idempotencyKey": "once more"})
	b.approve(admin, "submitChannel", map[string]any{"id": a.ID, "submittedTo": org})
	if got, code := b.approve(street, "approveChannel", map[string]any{"id": a.ID}); code != "" || !got.Channel.Approved {
		t.Errorf("approved: %+v %s", got, code)
	}
	publishes("approved", "")
	sameJSON(t, b.ask("", `{ channels(communities: ["a"], filter: {needsApproval: true}) { nodes { nameZh approved approvedOn approvedBy { nameZh } approval { status } approvals { status } announcements { titleZh } } } }`, nil).Data,
		`{"channels":{"nodes":[{"nameZh":"视频号","approved":true,"approvedOn":"2026-06-10","approvedBy":{"nameZh":"物业"},"approval":{"status":"APPROVED"},"approvals":[{"status":"REFUSED"},{"status":"APPROVED"}],"announcements":[{"titleZh":"便民政策"},{"titleZh":"便民政策"}]}]}}`)

	s, code := stream("2026-12-10T19:00:00+08:00", "2026-12-10T20:00:00+08:00")
	if s == nil || code != "" || s.Status != "SCHEDULED" {
		t.Fatalf("%+v %s", s, code)
	}
	for name, tc := range map[string][3]string{
		"beside another":     {"2026-12-10T19:30:00+08:00", "2026-12-10T20:30:00+08:00", "CONFLICT[start]"},
		"begun already":      {"2026-06-10T11:00:00+08:00", "2026-06-10T13:00:00+08:00", "BAD_USER_INPUT[start]"},
		"ends before":        {"2026-12-11T11:00:00+08:00", "2026-12-11T10:00:00+08:00", "BAD_USER_INPUT[end]"},
		"longer than a day":  {"2026-12-11T11:00:00+08:00", "2026-12-13T10:00:00+08:00", "BAD_USER_INPUT[end]"},
		"right after it":     {"2026-12-10T20:00:00+08:00", "2026-12-10T21:00:00+08:00", ""},
		"on another evening": {"2026-12-12T19:00:00+08:00", "2026-12-12T20:00:00+08:00", ""},
	} {
		if _, code := stream(tc[0], tc[1]); code != tc[2] {
			t.Errorf("%s: %q, want %q", name, code, tc[2])
		}
	}
	if _, code := b.mediate(staff, "cancelLiveSession", "CancelLiveSessionInput", "session", "", map[string]any{"id": s.ID, "reason": "下雨", "version": 3}); code != "CONFLICT[version]" {
		t.Errorf("a stale version: %s", code)
	}
	if got, code := b.approve(admin, "suspendChannel", map[string]any{"id": a.ID, "reason": "整改"}); code != "" || got.Status != "SUSPENDED" || got.Channel.Approved {
		t.Errorf("suspended: %+v %s", got, code)
	}
	publishes("suspended", barred)
	var left int
	scanRow(t, b.one, `SELECT count(*) FROM live_sessions WHERE status = 'SCHEDULED'`, &left)
	if left != 0 {
		t.Errorf("%d sessions are to be streamed on a suspended channel", left)
	}
	if got, code := b.approve(street, "approveChannel", map[string]any{"id": a.ID}); code != "" || got.Status != "APPROVED" {
		t.Errorf("approved again: %+v %s", got, code)
	}
	publishes("approved again", "")
	for _, tc := range []struct{ name, token, code string }{
		{"the public", "", "!UNAUTHENTICATED"},
		{"a resident", b.resident("a", "r1"), "!FORBIDDEN"},
		{"another community's staff", b.staff("b"), "FORBIDDEN[]"},
	} {
		if _, code := b.approve(tc.token, "studyChannel", map[string]any{"channel": fixedID("Channel", "a", "group"), "studiedBy": org, "idempotencyKey": tc.name}); code != tc.code {
			t.Errorf("%s: %s, want %s", tc.name, code, tc.code)
		}
	}
}
