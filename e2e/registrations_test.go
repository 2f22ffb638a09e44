package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
)

// startRegistrations adds events of tomorrow to the book, one of them with two seats, and a child of r1.
func startRegistrations(t *testing.T) (*book, steps) {
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO residents (owner, id, name, guardian_id, birth_date) VALUES ('a', md5('child')::uuid, '李小', md5('r1')::uuid, '2018-01-01');
		INSERT INTO residents (owner, id, name) SELECT 'a', md5('x' || i)::uuid, '某' || i FROM generate_series(0, 19) i;
		INSERT INTO events (owner, id, name_zh, kind, status, starts_at, ends_at, capacity) VALUES
			('a', md5('clay')::uuid, '泥塑', 'WORKSHOP', 'OPEN', '2026-06-11 14:00+08', '2026-06-11 16:00+08', 2),
			('a', md5('film')::uuid, '电影', 'SCREENING', 'PUBLISHED', '2026-06-11 19:00+08', '2026-06-11 21:00+08', NULL),
			('a', md5('off')::uuid, '取消', 'SCREENING', 'CANCELLED', '2026-06-11 19:00+08', '2026-06-11 21:00+08', NULL),
			('a', md5('draft')::uuid, '草稿', 'SCREENING', 'DRAFT', '2026-06-11 19:00+08', '2026-06-11 21:00+08', NULL),
			('a', md5('past')::uuid, '过去', 'SCREENING', 'PUBLISHED', '2026-06-10 09:00+08', '2026-06-10 12:00+08', NULL),
			('a', md5('today')::uuid, '今天', 'SCREENING', 'PUBLISHED', '2026-06-10 09:00+08', NULL, NULL)`)
	return b, steps{b, "registration", "id status version checkedInAt cancelledAt event { seatsLeft status }"}
}

func registration(key, event string, more ...any) []any {
	return append([]any{"event", fixedID("Event", "a", event), "idempotencyKey", key}, more...)
}

const registerFor, registerInput, stepRegistration = "registerForEvent", "RegisterForEventInput", "StepRegistrationInput"

// Two seats: who comes third comes in when somebody leaves. Guardians act for their children.
func TestRegistrations(t *testing.T) {
	t.Parallel()
	b, s := startRegistrations(t)
	desk, r1, r2 := b.token(authz.StationStaff, "a"), b.resident("a", "r1"), b.resident("a", "r2")
	child := []any{"resident", fixedID("Resident", "a", "child")}
	mine := s.must(r1, registerFor, registerInput, nil, registration("1", "clay")...)
	if mine["status"] != "REGISTERED" || fmt.Sprint(mine["event"]) != "map[seatsLeft:1 status:OPEN]" {
		t.Errorf("%v", mine)
	}
	if again := s.must(r1, registerFor, registerInput, nil, registration("1", "clay")...); again["id"] != mine["id"] {
		t.Errorf("the same key: %v", again)
	}
	s.refused("CONFLICT[resident]", r1, registerFor, registerInput, nil, registration("2", "clay")...)
	s.refused("FORBIDDEN[resident]", r2, registerFor, registerInput, nil, registration("3", "clay", child...)...)
	ward := s.must(r1, registerFor, registerInput, nil, registration("4", "clay", child...)...)
	if fmt.Sprint(ward["event"]) != "map[seatsLeft:0 status:FULL]" {
		t.Errorf("%v", ward)
	}
	s.refused("CONFLICT[event]", r2, registerFor, registerInput, nil, registration("5", "clay")...)
	s.refused("NOT_FOUND[id]", r2, "cancelRegistration", stepRegistration, ward)
	if left := s.must(r1, "cancelRegistration", stepRegistration, ward); left["status"] != "CANCELLED" || fmt.Sprint(left["event"]) != "map[seatsLeft:1 status:OPEN]" {
		t.Errorf("%v", left)
	}
	s.refused("INVALID_TRANSITION[]", r1, "cancelRegistration", stepRegistration, nil, "id", ward["id"])
	other := s.must(desk, registerFor, registerInput, nil, registration("6", "clay", "resident", fixedID("Resident", "a", "r2"))...)

	s.refused("!FORBIDDEN", r1, "checkInEvent", stepRegistration, mine)
	s.refused("INVALID_TRANSITION[]", desk, "checkInEvent", stepRegistration, mine) // tomorrow's
	starts := func(at string) {
		execSQL(t, b.one, `UPDATE events SET starts_at = $1::timestamptz + $2::interval, ends_at = $1::timestamptz + $2::interval + interval '2 hours' WHERE name_zh = '泥塑'`, noon, at)
	}
	starts("2 hours 1 second")
	s.refused("INVALID_TRANSITION[]", desk, "checkInEvent", stepRegistration, mine)
	starts("2 hours")
	if in := s.must(desk, "checkInEvent", stepRegistration, mine); in["status"] != "CHECKED_IN" || in["checkedInAt"] == nil {
		t.Errorf("%v", in)
	}
	s.refused("INVALID_TRANSITION[]", desk, "checkInEvent", stepRegistration, nil, "id", mine["id"])
	starts("-2 hours")
	s.refused("INVALID_TRANSITION[]", desk, "checkInEvent", stepRegistration, other)
	s.refused("INVALID_TRANSITION[]", r2, "cancelRegistration", stepRegistration, other)

	for _, c := range []struct{ token, query, want string }{
		{r1, `{ eventRegistrations { nodes { status event { nameZh } } } }`, `{"eventRegistrations":{"nodes":[{"status":"CANCELLED","event":{"nameZh":"泥塑"}},{"status":"CHECKED_IN","event":{"nameZh":"泥塑"}}]}}`},
		{r2, `{ eventRegistrations(filter: {status: [REGISTERED]}) { nodes { resident { maskedName } } } }`, `{"eventRegistrations":{"nodes":[{"resident":{"maskedName":"王*"}}]}}`},
		{desk, `{ node(id: "` + fixedID("Event", "a", "clay") + `") { ... on Event { registeredCount registrations(filter: {status: [CHECKED_IN]}) { nodes { resident { maskedName } } } } } }`,
			`{"node":{"registeredCount":2,"registrations":{"nodes":[{"resident":{"maskedName":"李*"}}]}}}`},
		{b.token(authz.StationStaff, "b"), `{ eventRegistrations { totalCount } }`, `{"eventRegistrations":{"totalCount":0}}`},
	} {
		if a := b.ask(c.token, c.query, nil); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", c.query, a.Errors)
		} else {
			sameJSON(t, a.Data, c.want)
		}
	}
	if a := b.ask("", `{ eventRegistrations { totalCount } }`, nil); len(a.Errors) != 1 {
		t.Errorf("the public: %s", a.Data)
	}
}

func TestRegistrationsAreRefused(t *testing.T) {
	t.Parallel()
	b, s := startRegistrations(t)
	desk, r1 := b.token(authz.StationStaff, "a"), b.resident("a", "r1")
	for _, c := range []struct {
		name, token, want string
		input             []any
	}{
		{"the public", "", "!UNAUTHENTICATED", registration("k", "film")},
		{"another community's desk", b.token(authz.StationStaff, "b"), "FORBIDDEN[]", registration("k", "film")},
		{"another community's resident", b.resident("b", "r1"), "FORBIDDEN[]", registration("k", "film")},
		{"no such event", r1, "NOT_FOUND[event]", registration("k", "none")},
		{"a draft", r1, "NOT_FOUND[event]", registration("k", "draft")},
		{"a cancelled one", r1, "CONFLICT[event]", registration("k", "off")},
		{"one that is over", r1, "CONFLICT[event]", registration("k", "past")},
		{"no such resident", desk, "NOT_FOUND[resident]", registration("k", "film", "resident", fixedID("Resident", "a", "none"))},
		{"nobody", desk, "BAD_USER_INPUT[resident]", registration("k", "film")},
		{"no key", r1, "BAD_USER_INPUT[idempotencyKey]", registration("", "film")},
	} {
		t.Run(c.name, func(t *testing.T) { s.refused(c.want, c.token, registerFor, registerInput, nil, c.input...) })
	}
	s.must(r1, registerFor, registerInput, nil, registration("today", "today")...) // of unknown end: over with the day

	// The same through SQL.
	const add = `INSERT INTO event_registrations (owner, event_id, resident_id, status, checked_in_at, cancelled_at) `
	execSQL(t, b.one, add+`SELECT 'a', md5('clay')::uuid, md5('x' || i)::uuid, 'REGISTERED', NULL, NULL FROM generate_series(1, 2) i`)
	b.violates(t, add+`VALUES ('a', md5('clay')::uuid, md5('x3')::uuid, 'REGISTERED', NULL, NULL)`, add+`VALUES ('a', md5('today')::uuid, md5('r1')::uuid, 'NO_SHOW', NULL, NULL)`,
		add+`VALUES ('a', md5('film')::uuid, md5('x3')::uuid, 'CHECKED_IN', NULL, NULL)`, add+`VALUES ('a', md5('film')::uuid, md5('x3')::uuid, 'CANCELLED', NULL, NULL)`,
		add+`VALUES ('a', md5('film')::uuid, md5('x3')::uuid, 'REGISTERED', now(), NULL)`, add+`VALUES ('a', md5('film')::uuid, md5('x3')::uuid, 'WAITING', NULL, NULL)`,
		`UPDATE event_registrations SET event_id = md5('film')::uuid WHERE resident_id = md5('x1')::uuid`)
	execSQL(t, b.one, add+`VALUES ('a', md5('clay')::uuid, md5('x3')::uuid, 'CANCELLED', NULL, now())`)
}

// Twenty residents and a seat that changes hands: never more than two are in, and none is lost.
func TestRegistrationRace(t *testing.T) {
	t.Parallel()
	b, s := startRegistrations(t)
	desk := b.token(authz.StationStaff, "a")
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 20 {
		all.Go(func() {
			g, code := s.take(desk, registerFor, registerInput, s.input(nil, registration(fmt.Sprint(i), "clay", "resident", fixedID("Resident", "a", fmt.Sprint("x", i)))...))
			mu.Lock()
			got[code]++
			mu.Unlock()
			if g != nil && i%2 == 0 {
				s.must(desk, "cancelRegistration", stepRegistration, g)
			}
		})
	}
	all.Wait()
	var live, counted, all20 int
	scanRow(t, b.one, `SELECT count(*) FILTER (WHERE status = 'REGISTERED'), (SELECT registered_count FROM events WHERE name_zh = '泥塑'), count(*) FROM event_registrations`, &live, &counted, &all20)
	if live > 2 || live != counted || got[""] != all20 || got[""]+got["CONFLICT[event]"] != 20 {
		t.Errorf("%d are in, %d counted, %d rows, answers %v", live, counted, all20, got)
	}
}

// Who did not come is known an hour after the end; who registered for what is called off is told so at once.
func TestRegistrationsEndByThemselves(t *testing.T) {
	t.Parallel()
	b, s := startRegistrations(t)
	s.must(b.resident("a", "r1"), registerFor, registerInput, nil, registration("1", "film")...)
	s.must(b.resident("a", "r2"), registerFor, registerInput, nil, registration("2", "clay")...)
	s.must(b.resident("a", "r2"), registerFor, registerInput, nil, registration("3", "today")...)
	execSQL(t, b.one, `UPDATE events SET status = 'CANCELLED' WHERE name_zh = '泥塑'`)
	end := noon.Add(33 * time.Hour)
	for _, c := range []struct {
		at   time.Time
		done int
		want string
	}{
		{noon, 1, "今天 REGISTERED, 泥塑 CANCELLED, 电影 REGISTERED"},
		{noon.Add(13*time.Hour - time.Second), 0, "今天 REGISTERED, 泥塑 CANCELLED, 电影 REGISTERED"},
		{noon.Add(13 * time.Hour), 1, "今天 NO_SHOW, 泥塑 CANCELLED, 电影 REGISTERED"},
		{end.Add(time.Hour - time.Second), 0, "今天 NO_SHOW, 泥塑 CANCELLED, 电影 REGISTERED"},
		{end.Add(time.Hour), 1, "今天 NO_SHOW, 泥塑 CANCELLED, 电影 NO_SHOW"},
		{end.Add(2 * time.Hour), 0, "今天 NO_SHOW, 泥塑 CANCELLED, 电影 NO_SHOW"},
	} {
		done, err := b.gateway.Sources.Keep(t.Context(), c.at)
		if err != nil || done["registrations"] != c.done {
			t.Errorf("at %v: %v %v", c.at, done, err)
		}
		var got string
		scanRow(t, b.one, `SELECT string_agg(e.name_zh || ' ' || g.status, ', ' ORDER BY e.name_zh COLLATE "C") FROM event_registrations g JOIN events e ON e.owner = g.owner AND e.id = g.event_id`, &got)
		if got != c.want {
			t.Errorf("at %v: %s, want %s", c.at, got, c.want)
		}
	}
}

// Figures of registrations tell no group of fewer than five residents apart.
func TestRegistrationsAreCounted(t *testing.T) {
	t.Parallel()
	b, _ := startRegistrations(t)
	execSQL(t, b.one, `INSERT INTO event_registrations (owner, event_id, resident_id, status, registered_at, checked_in_at) SELECT 'a', md5(e)::uuid, md5('x' || i)::uuid, s, '2026-05-10Z', CASE WHEN s = 'CHECKED_IN' THEN now() END
		FROM (SELECT 'film' AS e, i, CASE WHEN i < 6 THEN 'CHECKED_IN' ELSE 'NO_SHOW' END AS s FROM generate_series(0, 11) i UNION ALL SELECT 'clay', i, 'REGISTERED' FROM generate_series(0, 1) i) x`)
	const query = `{ eventRegistrationAggregate(groupBy: [EVENT_KIND]) { total { registrations attended noShowRate residents } nodes { eventKind registrations residents } } }`
	const total = `{"registrations":14,"attended":"6","noShowRate":"0.5","residents":12}`
	staff := b.ask(b.token(authz.StationStaff, "a"), query, nil, "X-Linhui-Purpose", "desk")
	sameJSON(t, staff.Data, `{"eventRegistrationAggregate":{"total":`+total+`,"nodes":[{"eventKind":"SCREENING","registrations":12,"residents":12},{"eventKind":"WORKSHOP","registrations":2,"residents":2}]}}`)
	a := b.ask(b.token(authz.Analyst, "a"), query, nil)
	if text := string(a.Data); len(a.Errors) > 0 || strings.Contains(text, "WORKSHOP") || !strings.Contains(text, `"SCREENING"`) {
		t.Errorf("an analyst: %s %+v", a.Data, a.Errors)
	}
}
