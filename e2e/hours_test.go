package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
)

// alter executes SQL as the owner of the database, as a community's own software does.
func alter(t testing.TB, db *testkit.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Open(t).Exec(sql, args...); err != nil {
		t.Fatal(err)
	}
}

// twoStreets is a directory of two streets with the communities gubei and luxi, each in a
// database of its own; the first street and the district have rows in the first one.
func twoStreets(t testing.TB) (directory *testkit.DB, dbs map[string]*testkit.DB) {
	t.Helper()
	directory = testkit.Database(t, testkit.Directory)
	alter(t, directory, `INSERT INTO divisions (code, name, level, parent_code) VALUES
		('620000000000', '甘肃省', 'PROVINCE', NULL), ('620104000000', '西固区', 'DISTRICT', '620000000000'), ('620104001000', '陈坪街道', 'STREET', '620104000000'), ('620104002000', '福利路街道', 'STREET', '620104000000');
		INSERT INTO communities (slug, name_zh, parent_code) VALUES ('gubei', '古北社区', '620104001000'), ('luxi', '路西社区', '620104002000')`)
	dbs = map[string]*testkit.DB{"one": testkit.Database(t, testkit.Source), "two": testkit.Database(t, testkit.Source)}
	alter(t, dbs["one"], `INSERT INTO owners VALUES ('gubei', 'COMMUNITY'), ('620104001000', 'DIVISION'), ('620104000000', 'DIVISION')`)
	alter(t, dbs["two"], `INSERT INTO owners VALUES ('luxi', 'COMMUNITY')`)
	return directory, dbs
}

// stationsWithHours fills both communities; tests take place on Wednesday 2026-06-10 at noon.
func stationsWithHours(t testing.TB, dbs map[string]*testkit.DB) {
	t.Helper()
	for key, owner := range map[string]string{"one": "gubei", "two": "luxi"} {
		alter(t, dbs[key], `INSERT INTO stations (owner, name_zh, kind)
			SELECT $1, n, 'RED_STATION' FROM unnest(ARRAY['工作日', '夜间', '今日关闭', '灯会', '不识的规则', '只有房间开放']) n`, owner)
		alter(t, dbs[key], `INSERT INTO rooms (owner, station_id, name_zh, kind) SELECT owner, id, '阅览室', 'READING_ROOM' FROM stations WHERE name_zh = '只有房间开放'`)
		alter(t, dbs[key], `INSERT INTO schedules (owner, station_id, room_id, rrule, dtstart, opens_at, closes_at, valid)
			SELECT s.owner, s.id, r.id, v.rrule, '2020-01-01', v.opens::time, v.closes::time, '[2020-01-01,2027-01-01)'
			FROM (VALUES ('工作日', 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', '08:30', '17:00'), ('夜间', 'FREQ=DAILY', '20:00', '02:00'),
				('今日关闭', 'FREQ=DAILY', '00:00', '24:00'), ('不识的规则', 'FREQ=农历', '00:00', '24:00'), ('只有房间开放', 'FREQ=DAILY', '00:00', '24:00')
			) v (name, rrule, opens, closes) JOIN stations s ON s.name_zh = v.name LEFT JOIN rooms r ON r.station_id = s.id`)
		alter(t, dbs[key], `INSERT INTO schedule_exceptions (owner, station_id, on_day, kind)
			SELECT owner, id, d, 'CLOSED' FROM stations, unnest(ARRAY['2026-06-10', '2026-05-01']::date[]) d WHERE name_zh = '今日关闭'`)
		alter(t, dbs[key], `INSERT INTO service_windows (owner, station_id, name_zh, starts_on, ends_on, opens_at, closes_at, pilot, review, follow_up)
			SELECT owner, id, '迎春灯会', '2026-06-09', '2026-06-11', '11:00', '23:00', true, '好评', '常态化' FROM stations WHERE name_zh = '灯会'`)
	}
}

func TestOpeningHours(t *testing.T) {
	t.Parallel()
	directory, dbs := twoStreets(t)
	stationsWithHours(t, dbs)
	b := start(t, directory, dbs, nil)

	const list = `{ stations(communities: ["gubei"]) { nodes { nameZh openNow nextTransition } } }`
	type station struct {
		NameZh         string
		OpenNow        bool
		NextTransition string
	}
	var got struct{ Stations struct{ Nodes []station } }
	b.must("", list, nil, &got)
	want := []station{
		{"不识的规则", false, ""},
		{"今日关闭", false, "2026-06-11T00:00:00+08:00"},
		{"只有房间开放", false, ""},
		{"夜间", false, "2026-06-10T20:00:00+08:00"},
		{"工作日", true, "2026-06-10T17:00:00+08:00"},
		{"灯会", true, "2026-06-10T23:00:00+08:00"},
	}
	if diff := cmp.Diff(want, got.Stations.Nodes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"one": 1}, b.statements("", list)); diff != "" {
		t.Errorf("openNow costs no statement of its own: %s", diff)
	}

	var facts struct {
		Stations struct{ Nodes []map[string]any }
	}
	b.must("", `{ stations(communities: ["gubei"], filter: {nameContains: "今日"}) { nodes {
		schedules { opensAt closesAt validFrom validTo room { nameZh } recurrence { rrule dtstart durationMinutes } }
		scheduleExceptions { onDay kind opensAt } past: scheduleExceptions(range: {from: "2026-05-01", to: "2026-05-31"}) { onDay } serviceWindows { nameZh } } } }`, nil, &facts)
	if diff := cmp.Diff([]map[string]any{{
		"schedules": []any{map[string]any{"opensAt": "00:00", "closesAt": "24:00", "validFrom": "2020-01-01", "validTo": "2026-12-31", "room": nil,
			"recurrence": map[string]any{"rrule": "FREQ=DAILY", "dtstart": "2020-01-01T00:00:00+08:00", "durationMinutes": 1440.0}}},
		"scheduleExceptions": []any{map[string]any{"onDay": "2026-06-10", "kind": "CLOSED", "opensAt": nil}},
		"past":               []any{map[string]any{"onDay": "2026-05-01"}},
		"serviceWindows":     []any{},
	}}, facts.Stations.Nodes); diff != "" {
		t.Error(diff)
	}
	var windows struct {
		Stations struct{ Nodes []map[string]any }
	}
	b.must("", `{ stations(communities: ["gubei"], filter: {nameContains: "灯会"}) { nodes { serviceWindows {
		nameZh startsOn endsOn opensAt closesAt pilot review followUp station { nameZh } community { nameZh } } } } }`, nil, &windows)
	if diff := cmp.Diff([]map[string]any{{"serviceWindows": []any{map[string]any{"nameZh": "迎春灯会", "startsOn": "2026-06-09", "endsOn": "2026-06-11",
		"opensAt": "11:00", "closesAt": "23:00", "pilot": true, "review": "好评", "followUp": "常态化",
		"station": map[string]any{"nameZh": "灯会"}, "community": map[string]any{"nameZh": "古北社区"}}}}}, windows.Stations.Nodes); diff != "" {
		t.Error(diff)
	}
}

func TestOpenStationsNow(t *testing.T) {
	t.Parallel()
	directory, dbs := twoStreets(t)
	stationsWithHours(t, dbs)
	b := start(t, directory, dbs, nil)
	type connection struct {
		TotalCount int
		Nodes      []struct {
			NameZh    string
			Community struct{ Slug string }
		}
		Coverage struct{ Complete bool }
	}
	names := func(c connection) (out []string) {
		for _, n := range c.Nodes {
			out = append(out, n.Community.Slug+" "+n.NameZh)
		}
		return out
	}
	const fields = `{ totalCount nodes { nameZh community { slug } } coverage { complete } }`
	var got struct {
		Now, Night, First, Last connection
		Community               struct{ OpenStationsNow connection }
	}
	b.must("", `{ now: openStationsNow `+fields+` night: openStationsNow(communities: ["luxi"], at: "2026-06-11T01:59:59+08:00") `+fields+`
		first: openStationsNow(first: 1) `+fields+` last: openStationsNow(orderBy: {field: NAME, direction: DESC}, first: 2) `+fields+`
		community(slug: "luxi") { openStationsNow(at: "2026-06-11T02:00:00+08:00") `+fields+` } }`, nil, &got)
	for _, c := range []struct {
		what string
		of   connection
		want []string
	}{
		{"now", got.Now, []string{"gubei 工作日", "luxi 工作日", "gubei 灯会", "luxi 灯会"}},
		{"at night", got.Night, []string{"luxi 今日关闭", "luxi 夜间"}},
		{"at two", got.Community.OpenStationsNow, []string{"luxi 今日关闭"}},
		{"the first", got.First, []string{"gubei 工作日"}},
		{"the last", got.Last, []string{"luxi 灯会", "gubei 灯会"}},
	} {
		if diff := cmp.Diff(c.want, names(c.of)); diff != "" || !c.of.Coverage.Complete {
			t.Errorf("%s, complete %v: %s", c.what, c.of.Coverage.Complete, diff)
		}
	}
	if got.First.TotalCount != 4 || got.Night.TotalCount != 2 {
		t.Errorf("totals: %d and %d", got.First.TotalCount, got.Night.TotalCount)
	}
	if diff := cmp.Diff(map[string]int{"one": 1, "two": 1}, b.statements("", `{ openStationsNow { nodes { nameZh openNow } } }`)); diff != "" {
		t.Error(diff)
	}
}
