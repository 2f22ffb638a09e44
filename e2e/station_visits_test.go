package e2e

import (
	"testing"
	"time"

	"linhui/internal/authz"
)

// How many came is counted by hour and weekday; a wrong count is voided and counted anew (I21).
func TestStationVisits(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO stations (owner, id, name_zh, kind) VALUES ('a', md5('other')::uuid, '别处', 'RED_STATION');
		INSERT INTO rooms (owner, id, station_id, name_zh, kind) VALUES ('a', md5('hall')::uuid, md5('station')::uuid, '大厅', 'MULTI_FUNCTION_HALL'), ('a', md5('away')::uuid, md5('other')::uuid, '别室', 'ACTIVITY_ROOM')`)
	desk, s := b.token(authz.StationStaff, "a"), steps{b, "visit", "id status version at count voidedFor"}
	count := func(key string, n int, more ...any) []any {
		return append([]any{"station", fixedID("Station", "a", "station"), "purpose", "READING", "count", n, "idempotencyKey", key}, more...)
	}
	const record, recordInput, void, voidInput = "recordVisits", "RecordVisitsInput", "voidVisits", "VoidVisitsInput"
	now := s.must(desk, record, recordInput, nil, count("1", 3, "room", fixedID("Room", "a", "hall"), "audience", "ELDERS")...)
	if now["at"] != noon.Format(time.RFC3339) || now["status"] != "RECORDED" {
		t.Errorf("%v", now)
	}
	s.must(desk, record, recordInput, nil, count("2", 5, "at", noon.Add(-50*time.Hour).Format(time.RFC3339))...)
	wrong := s.must(desk, record, recordInput, nil, count("3", 500, "purpose", "RECREATION")...)
	for _, c := range []struct {
		name, token, want string
		input             []any
	}{
		{"the public", "", "!UNAUTHENTICATED", count("k", 1)},
		{"a resident", b.resident("a", "r1"), "!FORBIDDEN", count("k", 1)},
		{"another community's desk", b.token(authz.StationStaff, "b"), "FORBIDDEN[]", count("k", 1)},
		{"nobody", desk, "BAD_USER_INPUT[count]", count("k", 0)},
		{"less than nobody", desk, "BAD_USER_INPUT[count]", count("k", -3)},
		{"too many", desk, "BAD_USER_INPUT[count]", count("k", 10001)},
		{"to come", desk, "BAD_USER_INPUT[at]", count("k", 1, "at", noon.Add(time.Second).Format(time.RFC3339))},
		{"no such station", desk, "NOT_FOUND[station]", count("k", 1, "station", fixedID("Station", "a", "none"))},
		{"a room of another station", desk, "NOT_FOUND[room]", count("k", 1, "room", fixedID("Room", "a", "away"))},
	} {
		t.Run(c.name, func(t *testing.T) { s.refused(c.want, c.token, record, recordInput, nil, c.input...) })
	}
	s.refused("BAD_USER_INPUT[reason]", desk, void, voidInput, wrong, "reason", " ")
	s.refused("NOT_FOUND[id]", b.token(authz.StationStaff, "b"), void, voidInput, wrong, "reason", "多打一个零")
	if gone := s.must(desk, void, voidInput, wrong, "reason", "多打一个零"); gone["status"] != "VOIDED" || gone["voidedFor"] != "多打一个零" {
		t.Errorf("%v", gone)
	}
	s.refused("INVALID_TRANSITION[]", desk, void, voidInput, nil, "id", wrong["id"], "reason", "again")
	b.violates(t, `UPDATE station_visits SET count = 4`, `UPDATE station_visits SET at = now()`, `UPDATE station_visits SET status = 'RECORDED', voided_at = NULL, voided_for = NULL`,
		`UPDATE station_visits SET status = 'VOIDED' WHERE count = 3`, `UPDATE station_visits SET status = 'VOIDED', voided_at = now(), voided_for = ' ' WHERE count = 3`,
		`INSERT INTO station_visits (owner, station_id, at, purpose, count) VALUES ('a', md5('station')::uuid, now(), 'READING', 0)`,
		`INSERT INTO station_visits (owner, station_id, room_id, at, purpose, count) VALUES ('a', md5('station')::uuid, md5('away')::uuid, now(), 'READING', 1)`)

	for _, c := range []struct{ token, query, want string }{
		{desk, `{ stationVisits(filter: {status: [RECORDED], range: {from: "2026-06-10", to: "2026-06-10"}}) { nodes { count purpose audience room { nameZh } station { nameZh } } } }`,
			`{"stationVisits":{"nodes":[{"count":3,"purpose":"READING","audience":"ELDERS","room":{"nameZh":"大厅"},"station":{"nameZh":"驿站"}}]}}`},
		{desk, `{ node(id: "` + fixedID("Station", "a", "station") + `") { ... on Station { visits(filter: {purpose: [READING]}) { totalCount } } } }`, `{"node":{"visits":{"totalCount":2}}}`},
		{b.token(authz.StationStaff, "b"), `{ stationVisits { totalCount } }`, `{"stationVisits":{"totalCount":0}}`},
		{b.token(authz.Analyst, "a"), `{ stationVisitAggregate(groupBy: [PURPOSE, WEEKDAY, HOUR]) { total { visits records } nodes { purpose weekday hour visits records } } }`,
			`{"stationVisitAggregate":{"total":{"visits":"8","records":2},"nodes":[{"purpose":"READING","weekday":1,"hour":10,"visits":"5","records":1},
				{"purpose":"READING","weekday":3,"hour":12,"visits":"3","records":1},{"purpose":"RECREATION","weekday":3,"hour":12,"visits":"0","records":0}]}}`},
	} {
		if a := b.ask(c.token, c.query, nil); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", c.query, a.Errors)
		} else {
			sameJSON(t, a.Data, c.want)
		}
	}
	for _, token := range []string{"", b.resident("a", "r1")} {
		if a := b.ask(token, `{ stationVisits { totalCount } }`, nil); len(a.Errors) != 1 {
			t.Errorf("%s", a.Data)
		}
	}
}
