package e2e

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
	"linhui/page"

	"github.com/google/uuid"
)

// eventDays are events around Wednesday 2026-06-10 in both communities and a street.
const eventDays = `INSERT INTO events (owner, name_zh, kind, status, starts_at, ends_at, all_day)
	SELECT $1, n, 'TALK', s, f::timestamp AT TIME ZONE 'Asia/Shanghai', u::timestamp AT TIME ZONE 'Asia/Shanghai', d FROM (VALUES
		('昨天', 'ENDED', '2026-06-09 10:00', '2026-06-09 12:00', false),
		('到零点为止', 'ENDED', '2026-06-09 20:00', '2026-06-10 00:00', false),
		('跨夜', 'ENDED', '2026-06-09 22:00', '2026-06-10 02:00', false),
		('全天', 'PUBLISHED', '2026-06-10 00:00', NULL, true),
		('今天', 'OPEN', '2026-06-10 08:00', '2026-06-10 11:00', false),
		('不知何时结束', 'PUBLISHED', '2026-06-10 23:59', NULL, false),
		('取消', 'CANCELLED', '2026-06-10 09:00', '2026-06-10 11:00', false),
		('延期', 'POSTPONED', '2026-06-10 09:30', NULL, false),
		('草稿', 'DRAFT', '2026-06-10 09:00', NULL, false),
		('整周', 'ONGOING', '2026-06-08 00:00', '2026-06-15 00:00', true),
		('明天零点', 'PUBLISHED', '2026-06-11 00:00', '2026-06-11 01:00', false),
		('无日期', 'ENDED', NULL, NULL, false)
	) v (n, s, f, u, d)`

func withEventDays(t testing.TB) (*testkit.DB, map[string]*testkit.DB) {
	directory, dbs := twoStreets(t)
	alter(t, dbs["one"], eventDays, "gubei")
	alter(t, dbs["two"], eventDays, "luxi")
	alter(t, dbs["one"], `INSERT INTO events (owner, name_zh, kind, scope, starts_at) VALUES ('620104001000', '街道会议', 'MEETING', 'STREET', '2026-06-10 15:00+08')`)
	return directory, dbs
}

type eventList struct {
	TotalCount *int
	Nodes      []struct {
		NameZh    string
		Community *struct{ Slug string }
		Division  *struct{ Name string }
	}
	Coverage struct {
		Complete bool
		Stale    int
		Sources  []struct{ Key, State string }
	}
}

// names are the events' names, in order, each once.
func (l eventList) names() []string {
	var out []string
	for _, n := range l.Nodes {
		if !slices.Contains(out, n.NameZh) {
			out = append(out, n.NameZh)
		}
	}
	return out
}

const eventFields = ` { totalCount nodes { nameZh community { slug } division { name } } coverage { complete stale sources { key state } } } `

func TestTodayIsTheDayInShanghai(t *testing.T) {
	t.Parallel()
	directory, dbs := withEventDays(t)
	b := start(t, directory, dbs, nil)
	var got struct {
		Today, Yesterday, Tomorrow, Street, Page eventList
		Community                                struct{ Today, Tomorrow eventList }
	}
	b.must("", `{ today: todayEvents`+eventFields+`yesterday: todayEvents(date: "2026-06-09", communities: ["luxi"])`+eventFields+`
		tomorrow: todayEvents(date: "2026-06-11", communities: ["luxi"])`+eventFields+`street: todayEvents(communities: ["620104001000"])`+eventFields+`
		page: todayEvents(communities: ["gubei"], orderBy: {field: NAME, direction: DESC}, last: 2)`+eventFields+`
		community(slug: "gubei") { today: todayEvents`+eventFields+`tomorrow: todayEvents(date: "2026-06-11")`+eventFields+`} }`, nil, &got)
	today := []string{"整周", "跨夜", "全天", "今天", "街道会议", "不知何时结束"}
	own := []string{"整周", "跨夜", "全天", "今天", "不知何时结束"}
	for _, c := range []struct {
		what string
		got  eventList
		want []string
		n    int
	}{
		{"today", got.Today, today, 11}, {"today of a community", got.Community.Today, own, 5}, {"of a street", got.Street, []string{"街道会议"}, 1},
		{"yesterday", got.Yesterday, []string{"整周", "昨天", "到零点为止", "跨夜"}, 4},
		{"tomorrow", got.Tomorrow, []string{"整周", "明天零点"}, 2}, {"tomorrow of a community", got.Community.Tomorrow, []string{"整周", "明天零点"}, 2},
		{"the last two by name", got.Page, []string{"今天", "不知何时结束"}, 5},
	} {
		if diff := cmp.Diff(c.want, c.got.names()); diff != "" || !c.got.Coverage.Complete {
			t.Errorf("%s, complete %v: %s", c.what, c.got.Coverage.Complete, diff)
		}
		if c.got.TotalCount == nil || *c.got.TotalCount != c.n {
			t.Errorf("%s: total %v, want %d", c.what, c.got.TotalCount, c.n)
		}
	}
	if n := got.Street.Nodes[0]; n.Community != nil || n.Division == nil || n.Division.Name != "陈坪街道" {
		t.Errorf("an event of a street is of %+v", n)
	}
}

func TestEventsAreFiltered(t *testing.T) {
	t.Parallel()
	directory, dbs := withEventDays(t)
	b := start(t, directory, dbs, nil)
	for filter, want := range map[string][]string{
		`{}`: {"整周", "昨天", "到零点为止", "跨夜", "全天", "今天", "取消", "延期", "街道会议", "不知何时结束", "明天零点", "无日期"},
		`{range: {from: "2026-06-10", to: "2026-06-10"}}`:                         {"整周", "跨夜", "全天", "今天", "取消", "延期", "街道会议", "不知何时结束"},
		`{range: {from: "2026-06-11", to: "2026-06-30"}}`:                         {"整周", "明天零点"},
		`{kinds: [MEETING]}`:                                                      {"街道会议"},
		`{status: [ENDED, DRAFT], range: {from: "2026-06-09", to: "2026-06-10"}}`: {"昨天", "到零点为止", "跨夜"},
		`{nameContains: "天", status: [PUBLISHED]}`:                                {"全天", "明天零点"},
	} {
		var got struct{ Events eventList }
		b.must("", `{ events(filter: `+filter+`)`+eventFields+`}`, nil, &got)
		if diff := cmp.Diff(want, got.Events.names()); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
	for _, filter := range []string{`{range: {from: "2026-06-11", to: "2026-06-10"}}`, `{series: "abc"}`,
		`{campaign: "` + page.ID{Type: "Event", Owner: "gubei", UUID: uuid.Nil}.String() + `"}`} {
		a := b.ask("", `{ events(filter: `+filter+`) { totalCount } }`, nil)
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
			t.Errorf("%s: %+v", filter, a.Errors)
		}
	}
}

// One festival with everything that an event can have; a campaign of the district in the
// first source, with an event of a community in the second.
func TestAnEventWithAllThatHangsOnIt(t *testing.T) {
	t.Parallel()
	directory, dbs := twoStreets(t)
	const series, campaign, event, gala = "00000000-0000-7000-8000-000000000002",
		"00000000-0000-7000-8000-000000000003", "00000000-0000-7000-8000-000000000004", "00000000-0000-7000-8000-000000000005"
	alter(t, dbs["one"], `INSERT INTO event_series (owner, id, name_zh, kind, edition_count) VALUES
		('gubei', '`+series+`', '邻里节', 'FESTIVAL', '{"value": "1", "qualifier": "EXACT", "unit": "届", "zh": "首届"}')`)
	alter(t, dbs["one"], `INSERT INTO campaigns (owner, id, name_zh, year, forms) VALUES ('620104000000', '`+campaign+`', '庆新春', 2026, '{团聚活动,贴心服务}')`)
	alter(t, dbs["one"], `INSERT INTO campaign_communities VALUES ('620104000000', '`+campaign+`', 'luxi'), ('620104000000', '`+campaign+`', 'gubei')`)
	alter(t, dbs["one"], `INSERT INTO stations (owner, name_zh, kind) VALUES ('gubei', '驿站', 'RED_STATION')`)
	alter(t, dbs["one"], `INSERT INTO events (owner, id, name_zh, kind, series_id, edition, station_id, campaign_owner, district_campaign_id, starts_at, capacity, registered_count, served_by, attendance)
		SELECT owner, '`+event+`', '你好·邻居', 'FESTIVAL', '`+series+`', 1, id, '620104000000', '`+campaign+`', '2026-06-10 09:00+08', 30, 12, '{luxi,unknown}',
			'{"value": "50", "qualifier": "MORE_THAN", "unit": "人", "zh": "50余人"}' FROM stations`)
	alter(t, dbs["one"], `INSERT INTO event_parts (owner, event_id, ordinal, name_zh) VALUES ('gubei', '`+event+`', 2, '邻里展'), ('gubei', '`+event+`', 1, '邻里秀')`)
	alter(t, dbs["one"], `INSERT INTO event_activities (owner, event_id, part_id, name_zh, kind, guardian_required) SELECT owner, event_id, id, '跳蚤市场', 'FLEA_MARKET', true FROM event_parts WHERE ordinal = 2`)
	alter(t, dbs["one"], `INSERT INTO programme_items (owner, event_id, ordinal, title_zh, kind) VALUES ('gubei', '`+event+`', 2, '大合唱', 'CHORUS'), ('gubei', '`+event+`', 1, '开场舞', 'DANCE')`)
	alter(t, dbs["one"], `INSERT INTO stalls (owner, event_id, name_zh, kind, price) VALUES ('gubei', '`+event+`', '义卖', 'CHARITY', 4), ('gubei', '`+event+`', '磨刀', 'REPAIR', 0)`)
	alter(t, dbs["one"], `INSERT INTO contest_entries (owner, event_id, title_zh, rank) VALUES ('gubei', '`+event+`', '未评', NULL), ('gubei', '`+event+`', '二等', 2), ('gubei', '`+event+`', '一等', 1)`)
	alter(t, dbs["one"], `INSERT INTO service_windows (owner, station_id, event_id, name_zh) SELECT owner, id, '`+event+`', '夜间服务' FROM stations`)
	alter(t, dbs["two"], `INSERT INTO events (owner, id, name_zh, kind, campaign_owner, district_campaign_id, held_on) VALUES
		('luxi', '`+gala+`', '联欢会', 'GALA', '620104000000', '`+campaign+`', '{"year": null, "month": 6, "day": 1, "part": "上午"}')`)
	b := start(t, directory, dbs, nil)

	a := b.ask("", `{ events(first: 2) { nodes { nameZh edition series { nameZh kind editionCount { zh } events { nodes { nameZh } } }
		campaign { nameZh year forms division { name } communities { nameZh } } station { nameZh events { totalCount } } capacity registeredCount seatsLeft
		servedBy { slug } attendance { qualifier value } heldOn { year month day part } parts { order nameZh } activities { nameZh kind part { nameZh } guardianRequired }
		programme { order titleZh } stalls { nameZh price { amount currency } free } entries { titleZh rank } serviceWindows { nameZh event { nameZh } } } } }`, nil)
	if len(a.Errors) > 0 {
		t.Fatal(a.Errors)
	}
	sameJSON(t, a.Data, `{"events": {"nodes": [
		{"nameZh": "你好·邻居", "edition": 1, "series": {"nameZh": "邻里节", "kind": "FESTIVAL", "editionCount": {"zh": "首届"}, "events": {"nodes": [{"nameZh": "你好·邻居"}]}},
		 "campaign": {"nameZh": "庆新春", "year": 2026, "forms": ["团聚活动", "贴心服务"], "division": {"name": "西固区"}, "communities": [{"nameZh": "古北社区"}, {"nameZh": "路西社区"}]},
		 "station": {"nameZh": "驿站", "events": {"totalCount": 1}}, "capacity": 30, "registeredCount": 12, "seatsLeft": 18, "servedBy": [{"slug": "luxi"}],
		 "attendance": {"qualifier": "MORE_THAN", "value": "50"}, "heldOn": null, "parts": [{"order": 1, "nameZh": "邻里秀"}, {"order": 2, "nameZh": "邻里展"}],
		 "activities": [{"nameZh": "跳蚤市场", "kind": "FLEA_MARKET", "part": {"nameZh": "邻里展"}, "guardianRequired": true}],
		 "programme": [{"order": 1, "titleZh": "开场舞"}, {"order": 2, "titleZh": "大合唱"}],
		 "stalls": [{"nameZh": "义卖", "price": {"amount": "4.00", "currency": "CNY"}, "free": false}, {"nameZh": "磨刀", "price": {"amount": "0.00", "currency": "CNY"}, "free": true}],
		 "entries": [{"titleZh": "一等", "rank": 1}, {"titleZh": "二等", "rank": 2}, {"titleZh": "未评", "rank": null}],
		 "serviceWindows": [{"nameZh": "夜间服务", "event": {"nameZh": "你好·邻居"}}]},
		{"nameZh": "联欢会", "edition": null, "series": null,
		 "campaign": {"nameZh": "庆新春", "year": 2026, "forms": ["团聚活动", "贴心服务"], "division": {"name": "西固区"}, "communities": [{"nameZh": "古北社区"}, {"nameZh": "路西社区"}]},
		 "station": null, "capacity": null, "registeredCount": 0, "seatsLeft": null, "servedBy": [], "attendance": null,
		 "heldOn": {"year": null, "month": 6, "day": 1, "part": "上午"}, "parts": [], "activities": [], "programme": [], "stalls": [], "entries": [], "serviceWindows": []}]}}`)

	got := b.statements("", `{ events { nodes { nameZh campaign { nameZh } parts { nameZh } } } }`)
	if diff := cmp.Diff(map[string]int{"one": 3, "two": 2}, got); diff != "" {
		t.Errorf("the campaign is one statement, where it lies: %s", diff)
	}
	var of struct{ Events eventList }
	b.must("", `query($id: ID!) { events(filter: {campaign: $id}, orderBy: {field: NAME})`+eventFields+`}`,
		map[string]any{"id": page.ID{Type: "Campaign", Owner: "620104000000", UUID: uuid.MustParse(campaign)}.String()}, &of)
	if diff := cmp.Diff([]string{"你好·邻居", "联欢会"}, of.Events.names()); diff != "" {
		t.Errorf("the campaign's events: %s", diff)
	}
}

func TestWhenASeriesComesNext(t *testing.T) {
	t.Parallel()
	directory, dbs := twoStreets(t)
	alter(t, directory, `INSERT INTO festival_days (festival, year, day) VALUES ('元宵节', 2026, '2026-03-03'), ('元宵节', 2027, '2027-02-20'), ('元宵节', 2028, '2028-02-09')`)
	alter(t, dbs["one"], `INSERT INTO event_series (owner, name_zh, festival, recurrence) VALUES
		('gubei', '一 免费餐', NULL, '{"rrule": "FREQ=MONTHLY;BYMONTHDAY=8", "dtstart": "2020-01-08T11:30:00+08:00"}'),
		('gubei', '二 十二次', NULL, '{"rrule": "FREQ=MONTHLY;BYMONTHDAY=10;COUNT=12", "dtstart": "2025-08-10T09:00:00+08:00"}'),
		('gubei', '三 加减', NULL, '{"rrule": "FREQ=WEEKLY;BYDAY=SA", "dtstart": "2026-01-03T19:00:00+08:00", "rdates": ["2026-06-14"], "exdates": ["2026-06-20"]}'),
		('gubei', '四 定期', NULL, '{"zh": "定期"}'),
		('gubei', '五 每周某日', NULL, '{"rrule": "FREQ=WEEKLY"}'),
		('gubei', '六 今天', NULL, '{"rrule": "FREQ=WEEKLY;BYDAY=WE"}'),
		('gubei', '七 灯会', '元宵节', '{"rrule": "RSCALE=CHINESE;FREQ=YEARLY"}'),
		('gubei', '八 闰日', NULL, '{"rrule": "FREQ=YEARLY", "dtstart": "2024-02-29T00:00:00+08:00"}')`)
	b := start(t, directory, dbs, nil)
	var got struct {
		EventSeries struct {
			Nodes []struct {
				NameZh string
				Next   []string
			}
		}
	}
	b.must("", `{ eventSeries { nodes { nameZh next(limit: 3) } } }`, nil, &got)
	at := func(days ...string) []string {
		for i := range days {
			days[i] += ":00+08:00"
		}
		return append([]string{}, days...)
	}
	want := map[string][]string{
		"一 免费餐": at("2026-07-08T11:30", "2026-08-08T11:30", "2026-09-08T11:30"), // 8 August is a Saturday
		"二 十二次": at("2026-07-10T09:00"),                                         // the one of today was at nine
		"三 加减":  at("2026-06-13T19:00", "2026-06-14T19:00", "2026-06-27T19:00"),
		"四 定期":  at(), "五 每周某日": at(),
		"六 今天": at("2026-06-10T00:00", "2026-06-17T00:00", "2026-06-24T00:00"),
		"七 灯会": at("2027-02-20T00:00", "2028-02-09T00:00"),
		"八 闰日": at("2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"),
	}
	next := map[string][]string{}
	for _, n := range got.EventSeries.Nodes {
		next[n.NameZh] = n.Next
	}
	if diff := cmp.Diff(want, next); diff != "" {
		t.Error(diff)
	}
	if a := b.ask("", `{ eventSeries { nodes { next(limit: 101) } } }`, nil); len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
		t.Errorf("%+v", a.Errors)
	}
}
