package seed

import (
	"fmt"
	"time"
)

var (
	_ = imports("mediaSeries", named("media_series",
		column{from: "brand", to: "brand_id", refs: []string{"brands"}},
		column{from: "frequency", to: "recurrence", as: recurrence},
		column{from: "contributors", to: "contributor_team_id", refs: []string{"teams"}},
		column{from: "channels", refs: []string{"channels"}}).deriving(mediaSeries, "kind").placing("channels"))
	_ = imports("mediaColumns", inside("media_columns", "series",
		column{from: "series", to: "series_id", refs: []string{"mediaSeries"}, need: true}))
	_ = imports("mediaIssues", section{table: "media_issues", owner: []string{"series"}, standing: true, places: []string{"publishedOn", "columns"}, columns: []column{
		{from: "series", to: "series_id", refs: []string{"mediaSeries"}, need: true},
		{from: "issueNo", to: "issue_no", as: whole(1), need: true},
		{from: "content", to: "summary_zh", as: text},
		{from: "columns", refs: []string{"mediaColumns"}},
	}, derive: mediaIssue, derived: []string{"status", "authored_by", "reviewed_by", "reviewed_at", "published_at", "published_on"}})
	_ = imports("productions", section{table: "productions", owner: []string{"team"}, columns: []column{
		{from: "nameZh", to: "name_zh", as: text, need: true},
		{from: "nameEn", to: "name_en", as: text},
		{from: "titleZh", to: "title_zh", as: text},
		{from: "team", to: "team_id", refs: []string{"teams"}, need: true},
		{from: "channel", to: "channel_id", refs: []string{"channels"}},
		{from: "releasedWithin", to: "released_within", as: matching(`^P\d+[DWM]$`, "a duration such as P7D")},
		{from: "playwrights", to: "playwrights", as: whole(0)},
	}})
	_ = fills(table{name: "media_series_channels", columns: []string{"owner", "id", "series_id", "channel_id"}})
	_ = fills(table{name: "media_segments", standing: true, columns: []string{"owner", "id", "series_id", "issue_id", "ordinal", "column_id", "title_zh", "provenance"}})
	_ = fills(table{name: "channel_approvals", standing: true, columns: []string{"owner", "id", "channel_id", "status", "studied_by_org_id", "submitted_to_org_id", "provenance"}})
	_ = grows("media", grower{after: []string{"residents"}, grow: (*community).broadcast})
)

// approval makes a row of the approval that a report tells of; what the channel's own columns say follows from it.
func approval(f *file, r *record) error {
	given, ok := r.raw["approval"].(map[string]any)
	if !ok || given["approved"] != true {
		return nil
	}
	row := row{"owner": r.owner, "id": r.row["id"], "channel_id": r.row["id"], "status": "APPROVED", "provenance": r.row["provenance"]}
	for from, to := range map[string]string{"studiedBy": "studied_by_org_id", "approvedBy": "submitted_to_org_id"} {
		body := f.find(given[from], []string{"organisations"})
		if body == nil || body.owner != r.owner {
			return r.bad("approval."+from, "the id of a record of organisations of the same community")
		}
		row[to] = body.key()
	}
	f.extra["channel_approvals"] = append(f.extra["channel_approvals"], row)
	return nil
}

// mediaSeries tells the kind by the channels, and puts the series on them.
func mediaSeries(f *file, r *record) error {
	kind := "AUDIO_NEWS"
	channels, _ := r.raw["channels"].([]any)
	for _, id := range channels {
		channel := f.find(id, []string{"channels"})
		switch channel.raw["kind"] {
		case "DOUYIN_ACCOUNT":
			kind = "SHORT_VIDEO"
		case "WECHAT_VIDEO_ACCOUNT":
			kind = "VIDEO"
		}
		f.extra["media_series_channels"] = append(f.extra["media_series_channels"], row{"owner": r.owner, "id": ID(r.owner, r.id+"/on/"+channel.id),
			"series_id": r.row["id"], "channel_id": channel.key()})
	}
	r.row["kind"] = kind
	inferred(r.row["provenance"], "kind")
	return nil
}

// mediaIssue was published, on a day of which the year may not be known, and has a segment in each column that a report
// names. Who was heard in it no report says.
func mediaIssue(f *file, r *record) error {
	issue := r.row
	issue["status"], issue["authored_by"], issue["reviewed_by"], issue["reviewed_at"] = "PUBLISHED", "import", "import-review", f.told(r)
	issue["published_at"], issue["published_on"] = nil, nil
	published, expected := partialDate(r.raw["publishedOn"])
	switch {
	case expected != "":
		return r.bad("publishedOn", expected)
	case published.full != "":
		issue["published_at"] = published.full + "T00:00:00+08:00"
	default:
		issue["published_on"] = published.published
	}
	inferred(issue["provenance"], "status", "segments.titleZh", "segments.status")
	columns, _ := r.raw["columns"].([]any)
	for i, id := range columns {
		column := f.find(id, []string{"mediaColumns"})
		if column.raw["series"] != r.raw["series"] {
			return r.bad("columns", "columns of the issue's series")
		}
		f.extra["media_segments"] = append(f.extra["media_segments"], row{"owner": r.owner, "id": ID(r.owner, fmt.Sprintf("%s/segment/%d", r.id, i)),
			"series_id": issue["series_id"], "issue_id": issue["id"], "ordinal": i + 1, "column_id": column.key(), "title_zh": column.raw["nameZh"],
			"provenance": issue["provenance"]})
	}
	return nil
}

// statisticSeries tells a figure of a media series from one of a series of events.
func statisticSeries(f *file, r *record) error {
	r.row["media_series_id"] = nil
	if s := f.find(r.raw["series"], []string{"mediaSeries"}); s != nil {
		r.row["series_id"], r.row["media_series_id"] = nil, s.key()
	}
	return nil
}

// firstIssue is a Friday. Chosen: before any day that rows are made around.
var firstIssue = time.Date(2020, 1, 3, 0, 0, 0, 0, shanghai)

// broadcast runs a weekly audio review on a channel of its own, with the next issue on the way in every state, and a video
// account that was let, held back and let again, with its productions, announcements and live sessions.
func (c *community) broadcast() {
	radio, video, refused := c.id("channel", "radio"), c.id("channel", "video"), c.id("channel", "refused")
	for _, ch := range []row{
		{"id": radio, "name_zh": "小区广播（演示）", "kind": "ESTATE_BROADCAST", "livestream": false},
		{"id": video, "name_zh": "视频号（演示）", "kind": "WECHAT_VIDEO_ACCOUNT", "livestream": true},
		{"id": refused, "name_zh": "抖音号（演示）", "kind": "DOUYIN_ACCOUNT", "livestream": true},
	} {
		ch["direction"] = "OUTBOUND"
		c.add("channels", ch)
	}
	bodies := row{"studied_by_org_id": c.organizations[0].id, "submitted_to_org_id": c.organizations[len(c.organizations)-1].id, "decided_on": date(c.today.AddDate(0, 0, -200)), "reason": nil}
	with := func(base row, more row) row {
		r := row{}
		for _, values := range []row{base, more} {
			for column, value := range values {
				r[column] = value
			}
		}
		return r
	}
	c.add("channel_approvals", with(bodies, row{"id": c.id("approval", "video"), "channel_id": video, "status": "APPROVED"}))
	c.add("channel_approvals", with(bodies, row{"id": c.id("approval", "refused"), "channel_id": refused, "status": "REFUSED", "reason": "与视频号重复（演示）"}))

	series := c.id("media series", "weekly")
	c.add("media_series", row{"id": series, "name_zh": "一周之声（演示）", "name_en": "voice of the week (demonstration)", "kind": "AUDIO_NEWS",
		"contributor_team_id": c.teams[0].id, "recurrence": map[string]any{"rrule": "FREQ=WEEKLY", "zh": "一周一期", "timeZone": "Asia/Shanghai", "rdates": []any{}, "exdates": []any{}}})
	for _, ch := range []any{radio, video} {
		c.add("media_series_channels", row{"id": c.id("series on", ch), "series_id": series, "channel_id": ch})
	}
	var columns []any
	for _, zh := range []string{"身边好人", "一周要闻"} {
		columns = append(columns, c.id("media column", zh))
		c.add("media_columns", row{"id": columns[len(columns)-1], "series_id": series, "name_zh": zh})
	}
	issue := func(no int, status string, due time.Time, more row) any {
		id := c.id("media issue", no)
		c.add("media_issues", with(row{"id": id, "series_id": series, "issue_no": no, "title_zh": fmt.Sprintf("第%d期（演示）", no), "due_on": date(due), "status": status,
			"authored_by": principal, "recorded_at": nil, "reviewed_by": nil, "reviewed_at": nil, "published_at": nil, "withdrawn_for": nil}, more))
		return id
	}
	segment := func(issue any, order int, status string, more row) {
		c.add("media_segments", with(row{"id": c.id("segment", issue, order), "series_id": series, "issue_id": issue, "ordinal": order, "column_id": columns[order%2], "title_zh": "节目（演示）",
			"status": status, "contributor_id": nil, "contributor_team_id": nil, "released_on": nil, "released_by": nil}, more))
	}
	// An issue keeps its number whenever the rows are made: weeks are counted from a day that does not move.
	for day := range c.days(-70, -1) {
		if day.Weekday() != time.Friday {
			continue
		}
		week := int(day.Sub(firstIssue).Hours()) / (7 * 24)
		d := c.dice("media issue", week)
		at := clock(day.AddDate(0, 0, d.IntN(3)), 18*60)
		if at.After(c.now) {
			continue
		}
		id := issue(week+1, "PUBLISHED", day, row{"recorded_at": at.Add(-48 * time.Hour), "reviewed_by": principal + "-review", "reviewed_at": at.Add(-24 * time.Hour), "published_at": at})
		segment(id, 1, "NOT_NEEDED", nil)
		segment(id, 2, "ON_FILE", row{"contributor_team_id": c.teams[0].id, "contributor_id": c.residents[d.IntN(min(15, len(c.residents)))].id, "released_on": date(at.AddDate(0, 0, -3)), "released_by": "CONTRIBUTOR"})
	}
	recorded := row{"recorded_at": c.today.Add(-20 * time.Hour)}
	reviewed := with(recorded, row{"reviewed_by": principal + "-review", "reviewed_at": c.today.Add(-10 * time.Hour)})
	for i, status := range []string{"DRAFT", "RECORDED", "REVIEWED"} {
		id := issue(100_000+i, status, c.today.AddDate(0, 0, 7*(i+1)), map[string]row{"DRAFT": nil, "RECORDED": recorded, "REVIEWED": reviewed}[status])
		segment(id, 1, "AWAITED", row{"contributor_team_id": c.teams[0].id})
	}
	segment(issue(100_003, "WITHDRAWN", c.today.AddDate(0, 0, -20), with(reviewed, row{"published_at": c.today.AddDate(0, 0, -19), "withdrawn_for": "撤回授权（演示）"})),
		1, "REVOKED", row{"contributor_id": c.residents[0].id})

	for i, zh := range []string{"邻里情景剧", "急救短片"} {
		c.add("productions", row{"id": c.id("production", zh), "team_id": c.teams[i%len(c.teams)].id, "channel_id": video, "name_zh": zh + "（演示）", "title_zh": zh,
			"released_on": date(c.today.AddDate(0, 0, -30*(i+1))), "playwrights": i})
	}
	for day := range c.days(-42, 21) {
		if day.Weekday() == time.Saturday {
			at := clock(day, 19*60)
			c.add("live_sessions", row{"id": c.id("live", date(day)), "channel_id": video, "title_zh": "周末直播（演示）", "starts_at": at, "ends_at": at.Add(90 * time.Minute),
				"status": "SCHEDULED", "cancelled_for": nil})
		}
	}
	called := clock(c.today.AddDate(0, 0, -3), 15*60)
	c.add("live_sessions", row{"id": c.id("live", "called off"), "channel_id": video, "title_zh": "夜市直播（演示）", "starts_at": called, "ends_at": called.Add(time.Hour),
		"status": "CANCELLED", "cancelled_for": "下雨（演示）"})
	for i, a := range []struct{ zh, topic, status string }{
		{"高龄津贴申领办法", "便民政策", "PUBLISHED"}, {"本月活动安排", "活动", "PUBLISHED"}, {"停水通知", "通知", "PUBLISHED"}, {"暑期课程报名", "活动", "DRAFT"}, {"旧版垃圾分类表", "通知", "WITHDRAWN"},
	} {
		r := row{"id": c.id("announcement", a.zh), "title_zh": a.zh + "（演示）", "body_zh": "详情请到站点咨询。", "topic": a.topic, "status": a.status,
			"published_at": c.today.AddDate(0, 0, -6*(i+1)), "withdrawn_for": nil}
		switch a.status {
		case "DRAFT":
			r["published_at"] = nil
		case "WITHDRAWN":
			r["withdrawn_for"] = "内容过期（演示）"
		}
		c.add("announcements", r)
		c.add("announcement_channels", row{"id": c.id("announced on", a.zh), "announcement_id": r["id"], "channel_id": radio})
	}
}
