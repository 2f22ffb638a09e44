package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
)

// startBookings adds a hall and a studio to the station of the book, and a troupe that r1 is a member of.
func startBookings(t *testing.T) (*book, steps) {
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO rooms (owner, id, station_id, name_zh, kind) VALUES ('a', md5('hall')::uuid, md5('station')::uuid, '活动室', 'ACTIVITY_ROOM'),
			('a', md5('studio')::uuid, md5('station')::uuid, '录音室', 'ACTIVITY_ROOM');
		INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('a', md5('troupe')::uuid, '文艺小分队', 'ARTS_TROUPE');
		INSERT INTO team_memberships (owner, team_id, resident_id, role, since) VALUES ('a', md5('troupe')::uuid, md5('r1')::uuid, 'MEMBER', '2025-01-01')`)
	return b, steps{b, "booking", "id status version start end confirmedAt startedAt completedAt cancelledAt"}
}

// booking is the input of one in the hall, from and to in hours from noon.
func booking(key string, from, to float64, more ...any) []any {
	at := func(hours float64) string {
		return noon.Add(time.Duration(hours * float64(time.Hour))).Format(time.RFC3339)
	}
	return append([]any{"room", fixedID("Room", "a", "hall"), "start", at(from), "end", at(to), "idempotencyKey", key}, more...)
}

const bookRoom, bookRoomInput, stepBooking = "bookRoom", "BookRoomInput", "StepBookingInput"

// A resident asks, the desk confirms, hands the room over and takes it back; a room is never promised twice (I12).
func TestBooking(t *testing.T) {
	t.Parallel()
	b, s := startBookings(t)
	desk, r1, r2 := b.token(authz.StationStaff, "a"), b.resident("a", "r1"), b.resident("a", "r2")
	asked := s.must(r1, bookRoom, bookRoomInput, nil, booking("1", 24, 26, "team", fixedID("VolunteerTeam", "a", "troupe"), "purpose", "排练")...)
	if asked["status"] != "REQUESTED" || asked["confirmedAt"] != nil {
		t.Errorf("asked: %v", asked)
	}
	if again := s.must(r1, bookRoom, bookRoomInput, nil, booking("1", 24, 26, "team", fixedID("VolunteerTeam", "a", "troupe"), "purpose", "排练")...); again["id"] != asked["id"] {
		t.Errorf("the same key: %v", again)
	}
	rival := s.must(r2, bookRoom, bookRoomInput, nil, booking("2", 25, 27)...) // what is only asked for keeps nobody out
	s.refused("!FORBIDDEN", r1, "confirmBooking", stepBooking, asked)
	s.refused("NOT_FOUND[id]", r2, "cancelBooking", stepBooking, asked)
	s.refused("NOT_FOUND[id]", b.token(authz.StationStaff, "b"), "confirmBooking", stepBooking, asked)
	confirmed := s.must(desk, "confirmBooking", stepBooking, asked)
	if confirmed["status"] != "CONFIRMED" || confirmed["confirmedAt"] == nil {
		t.Errorf("confirmed: %v", confirmed)
	}
	s.refused("CONFLICT[version]", desk, "cancelBooking", stepBooking, asked)
	s.refused("CONFLICT[start]", desk, "confirmBooking", stepBooking, rival)
	s.refused("CONFLICT[start]", desk, bookRoom, bookRoomInput, nil, booking("3", 25.5, 25.75)...)
	s.refused("CONFLICT[start]", r2, bookRoom, bookRoomInput, nil, booking("4", 23, 24.5)...)
	s.must(desk, bookRoom, bookRoomInput, nil, booking("5", 26, 28)...) // the end is excluded
	s.must(desk, bookRoom, bookRoomInput, nil, booking("6", 24, 26, "room", fixedID("Room", "a", "studio"))...)
	s.must(r2, "cancelBooking", stepBooking, rival)
	s.refused("INVALID_TRANSITION[]", r2, "cancelBooking", stepBooking, nil, "id", rival["id"])

	s.refused("INVALID_TRANSITION[]", desk, "startBooking", stepBooking, confirmed) // tomorrow's
	moveTo := func(from, to string) {
		execSQL(t, b.one, `UPDATE room_bookings SET starts_at = $1::timestamptz + $2::interval, ends_at = $1::timestamptz + $3::interval WHERE purpose = '排练'`, noon, from, to)
	}
	confirmed["version"] = nil
	moveTo("31 minutes", "2 hours")
	s.refused("INVALID_TRANSITION[]", desk, "startBooking", stepBooking, confirmed)
	moveTo("-2 hours", "0")
	s.refused("INVALID_TRANSITION[]", desk, "startBooking", stepBooking, confirmed)
	s.refused("INVALID_TRANSITION[]", r1, "cancelBooking", stepBooking, confirmed)
	moveTo("30 minutes", "2 hours")
	occupied := func(want bool) {
		t.Helper()
		sameJSON(t, b.ask("", `{ node(id: "`+fixedID("Room", "a", "hall")+`") { ... on Room { occupied } } }`, nil).Data, fmt.Sprintf(`{"node":{"occupied":%t}}`, want))
	}
	occupied(false)
	inUse := s.must(desk, "startBooking", stepBooking, confirmed)
	occupied(true)
	s.refused("CONFLICT[start]", r2, bookRoom, bookRoomInput, nil, booking("7", 1, 2)...)
	if done := s.must(desk, "completeBooking", stepBooking, inUse); done["status"] != "COMPLETED" || done["completedAt"] == nil {
		t.Errorf("completed: %v", done)
	}
	occupied(false)
	s.must(r2, bookRoom, bookRoomInput, nil, booking("8", 1, 2)...)
	execSQL(t, b.one, `INSERT INTO courses (owner, id, name_zh, audience) VALUES ('a', md5('ink')::uuid, '书法', 'ADULTS');
		INSERT INTO course_sessions (owner, course_id, room_id, starts_at, ends_at, class_hours) VALUES ('a', md5('ink')::uuid, md5('hall')::uuid, '2026-06-10 12:00+08', '2026-06-10 13:00+08', 1)`)
	occupied(true)
	execSQL(t, b.one, `UPDATE course_sessions SET starts_at = '2026-06-10 11:00+08', ends_at = '2026-06-10 12:00+08'`)
	occupied(false)
}

func TestBookingIsRefused(t *testing.T) {
	t.Parallel()
	b, s := startBookings(t)
	desk, r2 := b.token(authz.StationStaff, "a"), b.resident("a", "r2")
	execSQL(t, b.one, `UPDATE rooms SET retired_at = now() WHERE id = md5('studio')::uuid`)
	for _, c := range []struct {
		name, token, want string
		input             []any
	}{
		{"the public", "", "!UNAUTHENTICATED", booking("k", 1, 2)},
		{"an analyst", b.token(authz.Analyst, "a"), "!FORBIDDEN", booking("k", 1, 2)},
		{"another community's desk", b.token(authz.StationStaff, "b"), "FORBIDDEN[]", booking("k", 1, 2)},
		{"another community's resident", b.resident("b", "r1"), "FORBIDDEN[]", booking("k", 1, 2)},
		{"for somebody else", r2, "FORBIDDEN[resident]", booking("k", 1, 2, "resident", fixedID("Resident", "a", "r1"))},
		{"for a team of others", r2, "FORBIDDEN[team]", booking("k", 1, 2, "team", fixedID("VolunteerTeam", "a", "troupe"))},
		{"no such team", desk, "NOT_FOUND[team]", booking("k", 1, 2, "team", fixedID("VolunteerTeam", "a", "none"))},
		{"no such resident", desk, "NOT_FOUND[resident]", booking("k", 1, 2, "resident", fixedID("Resident", "a", "none"))},
		{"no such room", desk, "NOT_FOUND[room]", booking("k", 1, 2, "room", fixedID("Room", "a", "none"))},
		{"a room that is no more", desk, "NOT_FOUND[room]", booking("k", 1, 2, "room", fixedID("Room", "a", "studio"))},
		{"now", desk, "BAD_USER_INPUT[start]", booking("k", 0, 2)},
		{"in more than 90 days", desk, "BAD_USER_INPUT[start]", booking("k", 90*24+0.1, 90*24+1)},
		{"nothing", desk, "BAD_USER_INPUT[end]", booking("k", 1, 1)},
		{"backwards", desk, "BAD_USER_INPUT[end]", booking("k", 2, 1)},
		{"more than 12 hours", desk, "BAD_USER_INPUT[end]", booking("k", 1, 13.1)},
		{"no key", desk, "BAD_USER_INPUT[idempotencyKey]", booking("", 1, 2)},
	} {
		t.Run(c.name, func(t *testing.T) { s.refused(c.want, c.token, bookRoom, bookRoomInput, nil, c.input...) })
	}
	s.must(desk, bookRoom, bookRoomInput, nil, booking("far", 90*24, 90*24+12)...)

	// The same through SQL.
	execSQL(t, b.one, `INSERT INTO room_bookings (owner, id, room_id, starts_at, ends_at, status, confirmed_at) VALUES ('a', md5('held')::uuid, md5('hall')::uuid, '2026-07-01 09:00Z', '2026-07-01 11:00Z', 'CONFIRMED', now())`)
	const add = `INSERT INTO room_bookings (owner, room_id, starts_at, ends_at, status, confirmed_at, started_at, completed_at, cancelled_at) VALUES ('a', md5('hall')::uuid, `
	b.violates(t, add+`'2026-07-01 10:00Z', '2026-07-01 12:00Z', 'CONFIRMED', now(), NULL, NULL, NULL)`, add+`'2026-07-01 10:59Z', '2026-07-01 12:00Z', 'IN_USE', now(), now(), NULL, NULL)`,
		add+`'2026-07-02 10:00Z', '2026-07-02 10:00Z', 'REQUESTED', NULL, NULL, NULL, NULL)`, add+`'2026-07-02 10:00Z', '2026-07-02 22:01Z', 'REQUESTED', NULL, NULL, NULL, NULL)`,
		add+`'2026-07-02 10:00Z', '2026-07-02 11:00Z', 'CONFIRMED', NULL, NULL, NULL, NULL)`, add+`'2026-07-02 10:00Z', '2026-07-02 11:00Z', 'IN_USE', now(), NULL, NULL, NULL)`,
		add+`'2026-07-02 10:00Z', '2026-07-02 11:00Z', 'COMPLETED', now(), now(), NULL, NULL)`, add+`'2026-07-02 10:00Z', '2026-07-02 11:00Z', 'CANCELLED', NULL, NULL, NULL, NULL)`,
		add+`'2026-07-02 10:00Z', '2026-07-02 11:00Z', 'LENT', NULL, NULL, NULL, NULL)`,
		`INSERT INTO room_days (owner, room_id, day, open_minutes) SELECT 'a', md5('hall')::uuid, '2026-07-01', m FROM unnest('{60, 90}'::int[]) m`,
		`INSERT INTO room_days (owner, room_id, day, open_minutes) VALUES ('a', md5('hall')::uuid, '2026-07-01', 1441)`)
	execSQL(t, b.one, add+`'2026-07-01 11:00Z', '2026-07-01 12:00Z', 'CONFIRMED', now(), NULL, NULL, NULL), ('a', md5('hall')::uuid, '2026-07-01 09:00Z', '2026-07-01 10:00Z', 'REQUESTED', NULL, NULL, NULL, NULL)`)
}

// Everybody sees when a room is taken, and nobody by whom but who booked and staff with a purpose.
func TestBookingsAreSeen(t *testing.T) {
	t.Parallel()
	b, s := startBookings(t)
	desk := b.token(authz.StationStaff, "a")
	s.must(b.resident("a", "r1"), bookRoom, bookRoomInput, nil, booking("1", 24, 26, "purpose", "排练", "team", fixedID("VolunteerTeam", "a", "troupe"))...)
	gone := s.must(b.resident("a", "r2"), bookRoom, bookRoomInput, nil, booking("2", 30, 31)...)
	s.must(desk, "cancelBooking", stepBooking, gone)
	room := `node(id: "` + fixedID("Room", "a", "hall") + `") { ... on Room `
	const mine = `{"status":"REQUESTED","purpose":"排练","bookedBy":{"maskedName":"李*"},"room":{"nameZh":"活动室"}}`
	for _, c := range []struct{ token, purpose, query, want string }{
		{"", "", `{ ` + room + `{ slots(filter: {range: {from: "2026-06-11", to: "2026-06-11"}, status: [REQUESTED, CONFIRMED]}) { totalCount nodes { start end status team { nameZh } } } } } }`,
			`{"node":{"slots":{"totalCount":1,"nodes":[{"start":"2026-06-11T12:00:00+08:00","end":"2026-06-11T14:00:00+08:00","status":"REQUESTED","team":{"nameZh":"文艺小分队"}}]}}}`},
		{"", "", `{ ` + room + `{ slots(filter: {range: {from: "2026-06-12", to: "2026-06-13"}}) { totalCount } } } }`, `{"node":{"slots":{"totalCount":0}}}`},
		{b.resident("a", "r1"), "", `{ roomBookings { nodes { status purpose bookedBy { maskedName } room { nameZh } } } ` + room + `{ bookings { totalCount } } } }`,
			`{"roomBookings":{"nodes":[` + mine + `]},"node":{"bookings":{"totalCount":1}}}`},
		{b.resident("a", "r2"), "", `{ roomBookings(filter: {status: [REQUESTED]}) { totalCount } ` + room + `{ bookings { nodes { status } } } } }`,
			`{"roomBookings":{"totalCount":0},"node":{"bookings":{"nodes":[{"status":"CANCELLED"}]}}}`},
		{desk, "desk", `{ roomBookings(filter: {status: [REQUESTED], room: "` + fixedID("Room", "a", "hall") + `"}) { nodes { status purpose bookedBy { maskedName } room { nameZh } } } }`, `{"roomBookings":{"nodes":[` + mine + `]}}`},
		{b.token(authz.StationStaff, "b"), "", `{ roomBookings { totalCount } roomDays { totalCount } }`, `{"roomBookings":{"totalCount":0},"roomDays":{"totalCount":0}}`},
	} {
		if a := b.ask(c.token, c.query, nil, "X-Linhui-Purpose", c.purpose); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", c.query, a.Errors)
		} else {
			sameJSON(t, a.Data, c.want)
		}
	}
	for query, token := range map[string]string{`{ roomBookings { totalCount } }`: "", `{ roomBookings { nodes { bookedBy { maskedName } } } }`: desk,
		`{ roomDays { totalCount } }`: b.resident("a", "r1"), `{ ` + room + `{ bookings { totalCount } } } }`: ""} {
		if a := b.ask(token, query, nil); len(a.Errors) != 1 {
			t.Errorf("%s: %s %+v", query, a.Data, a.Errors)
		}
	}
}

// Twenty clients want one slot: one gets it. Of twenty requests for another, one is confirmed.
func TestBookingRace(t *testing.T) {
	t.Parallel()
	b, s := startBookings(t)
	desk := b.token(authz.StationStaff, "a")
	requests := make([]map[string]any, 20)
	for i := range requests {
		requests[i] = s.must(b.resident("a", "r1"), bookRoom, bookRoomInput, nil, booking(fmt.Sprint("r", i), 48, 50)...)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	try := func(what, mutation, kind string, input map[string]any) {
		all.Go(func() {
			_, code := s.take(desk, mutation, kind, input)
			mu.Lock()
			defer mu.Unlock()
			got[what+code]++
		})
	}
	for i, r := range requests {
		try("confirm ", "confirmBooking", stepBooking, s.input(r))
		try("book ", bookRoom, bookRoomInput, s.input(nil, booking(fmt.Sprint("b", i), 24+float64(i%3)/10, 26)...))
	}
	all.Wait()
	if want := fmt.Sprint(map[string]int{"confirm ": 1, "confirm CONFLICT[start]": 19, "book ": 1, "book CONFLICT[start]": 19}); fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	var held int
	scanRow(t, b.one, `SELECT count(*) FROM room_bookings WHERE status = 'CONFIRMED'`, &held)
	if held != 2 {
		t.Errorf("%d bookings are confirmed", held)
	}
}

// What time alone ends, the keeper does, once, whichever gateway comes first.
func TestBookingsEndByThemselves(t *testing.T) {
	t.Parallel()
	b, _ := startBookings(t)
	execSQL(t, b.one, `INSERT INTO room_bookings (owner, id, room_id, starts_at, ends_at, status, confirmed_at, started_at) VALUES
		('a', md5('asked')::uuid, md5('hall')::uuid, '2026-06-10 14:00+08', '2026-06-10 15:00+08', 'REQUESTED', NULL, NULL),
		('a', md5('promised')::uuid, md5('hall')::uuid, '2026-06-10 14:00+08', '2026-06-10 15:00+08', 'CONFIRMED', '2026-06-01Z', NULL),
		('a', md5('used')::uuid, md5('hall')::uuid, '2026-06-10 11:00+08', '2026-06-10 13:00+08', 'IN_USE', '2026-06-01Z', '2026-06-10 11:00+08')`)
	for _, c := range []struct {
		after time.Duration
		done  int
		want  string
	}{
		{time.Hour - time.Second, 0, "asked REQUESTED, promised CONFIRMED, used IN_USE"},
		{time.Hour, 1, "asked REQUESTED, promised CONFIRMED, used COMPLETED"},
		{2 * time.Hour, 1, "asked CANCELLED, promised CONFIRMED, used COMPLETED"},
		{3 * time.Hour, 1, "asked CANCELLED, promised NO_SHOW, used COMPLETED"},
		{4 * time.Hour, 0, "asked CANCELLED, promised NO_SHOW, used COMPLETED"},
	} {
		done, err := b.gateway.Sources.Keep(t.Context(), noon.Add(c.after))
		if err != nil || done["bookings"] != c.done {
			t.Errorf("after %v: %v %v", c.after, done, err)
		}
		var got string
		scanRow(t, b.one, `SELECT string_agg(n || ' ' || status, ', ' ORDER BY n) FROM room_bookings JOIN unnest('{asked,promised,used}'::text[]) n ON id = md5(n)::uuid`, &got)
		if got != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got, c.want)
		}
	}
	var logged string
	scanRow(t, b.one, `SELECT string_agg(principal || ' ' || action, ', ' ORDER BY id) FROM audit_log`, &logged)
	if logged != "system:bookings complete, system:bookings lapse, system:bookings miss" {
		t.Errorf("logged %s", logged)
	}
}

// Open hours are those published, cut at midnight; a room whose station published none has none. Booked hours are cut at
// midnight too, and a day's share is of both.
func TestBookingsOverOpenHours(t *testing.T) {
	t.Parallel()
	b, _ := startBookings(t)
	execSQL(t, b.one, `
		INSERT INTO stations (owner, id, name_zh, kind) VALUES ('a', md5('silent')::uuid, '静', 'RED_STATION'), ('a', md5('new')::uuid, '新', 'RED_STATION');
		INSERT INTO rooms (owner, id, station_id, name_zh, kind) VALUES ('a', md5('quiet')::uuid, md5('silent')::uuid, '静室', 'ACTIVITY_ROOM'), ('a', md5('fresh')::uuid, md5('new')::uuid, '新室', 'ACTIVITY_ROOM');
		INSERT INTO schedules (owner, station_id, rrule, dtstart, opens_at, closes_at) VALUES
			('a', md5('station')::uuid, 'FREQ=WEEKLY;BYDAY=MO,TU', '2026-01-01', '18:00', '02:00'), ('a', md5('new')::uuid, 'FREQ=DAILY', '2026-06-09', '09:00', '17:00');
		INSERT INTO schedule_exceptions (owner, station_id, on_day, kind) VALUES ('a', md5('station')::uuid, '2026-06-02', 'CLOSED');
		INSERT INTO room_bookings (owner, room_id, starts_at, ends_at, status, confirmed_at, started_at, completed_at, cancelled_at) VALUES
			('a', md5('hall')::uuid, '2026-06-08 22:00+08', '2026-06-09 01:00+08', 'COMPLETED', now(), '2026-06-08Z', '2026-06-09Z', NULL),
			('a', md5('hall')::uuid, '2026-06-09 19:00+08', '2026-06-09 20:00+08', 'NO_SHOW', now(), NULL, NULL, NULL),
			('a', md5('hall')::uuid, '2026-06-09 19:00+08', '2026-06-09 20:00+08', 'CANCELLED', NULL, NULL, NULL, now())`)
	for i, want := range []int{21, 0} { // ten days of two rooms, and the new room's first
		if done, err := b.gateway.Sources.Keep(t.Context(), noon); err != nil || done["roomDays"] != want {
			t.Errorf("round %d: %v %v", i, done, err)
		}
	}
	var days, others string
	scanRow(t, b.one, `SELECT string_agg(extract(day FROM day) || ' ' || open_minutes, ', ' ORDER BY day) FROM room_days WHERE room_id = md5('hall')::uuid`, &days)
	scanRow(t, b.one, `SELECT string_agg(day || ' ' || open_minutes, ', ') FROM room_days WHERE room_id IN (md5('quiet')::uuid, md5('fresh')::uuid)`, &others)
	if want := "31 0, 1 360, 2 120, 3 0, 4 0, 5 0, 6 0, 7 0, 8 360, 9 480"; days != want || others != "2026-06-09 480" {
		t.Errorf("%s; %s", days, others)
	}
	sameJSON(t, b.ask(b.token(authz.Analyst, "a"), `{ roomDayAggregate(groupBy: [ROOM], bucket: DAY, period: {from: "2026-06-08", to: "2026-06-09"}) {
			total { roomDays openHours bookedHours utilisation } nodes { bucket room { nameZh } openHours bookedHours utilisation } }
		roomBookingAggregate(groupBy: [HOUR, WEEKDAY]) { total { bookings bookedHours usedHours noShowShare } nodes { hour weekday bookings bookedHours } } }`, nil).Data,
		`{"roomDayAggregate":{"total":{"roomDays":5,"openHours":"36","bookedHours":"4","utilisation":"0.111111"},"nodes":[
			{"bucket":"2026-06-08","room":{"nameZh":"活动室"},"openHours":"6","bookedHours":"2","utilisation":"0.333333"},
			{"bucket":"2026-06-08","room":{"nameZh":"录音室"},"openHours":"6","bookedHours":"0","utilisation":"0"},
			{"bucket":"2026-06-09","room":{"nameZh":"活动室"},"openHours":"8","bookedHours":"2","utilisation":"0.25"},
			{"bucket":"2026-06-09","room":{"nameZh":"新室"},"openHours":"8","bookedHours":"0","utilisation":"0"},
			{"bucket":"2026-06-09","room":{"nameZh":"录音室"},"openHours":"8","bookedHours":"0","utilisation":"0"}]},
		"roomBookingAggregate":{"total":{"bookings":3,"bookedHours":"4","usedHours":"3","noShowShare":"0.5"},"nodes":[
			{"hour":19,"weekday":2,"bookings":2,"bookedHours":"1"},{"hour":22,"weekday":1,"bookings":1,"bookedHours":"3"}]}}`)
}
