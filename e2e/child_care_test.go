package e2e

import (
	"testing"

	"linhui/internal/authz"
)

// A child goes with the guardian on file, or with whom the guardian named for the day, and with
// nobody else (I18).
func TestChildCare(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `INSERT INTO residents (owner, id, name, guardian_id, birth_date) VALUES ('a', md5('child')::uuid, '李小', md5('r1')::uuid, '2018-01-01'),
		('a', md5('teen')::uuid, '王中', md5('r2')::uuid, '2012-01-01'), ('a', md5('grown')::uuid, '王大', md5('r2')::uuid, '2008-06-10'), ('a', md5('aunt')::uuid, '李大', NULL, '1980-01-01')`)
	of := func(name string) string { return fixedID("Resident", "a", name) }
	desk, parent := b.token(authz.StationStaff, "a"), b.resident("a", "r1")
	stays := steps{b, "session", "id status version outAt collectedByGuardian"}
	delegates := steps{b, "delegate", "id status version"}
	in := func(child, key string) []any {
		return []any{"station", fixedID("Station", "a", "station"), "child", of(child), "idempotencyKey", key}
	}

	stay := stays.must(desk, "checkInChild", "CheckInChildInput", nil, in("child", "1")...)
	if stay["status"] != "PRESENT" || stay["collectedByGuardian"] != nil {
		t.Errorf("%v", stay)
	}
	stays.refused("CONFLICT[child]", desk, "checkInChild", "CheckInChildInput", nil, in("child", "2")...)
	stays.refused("BAD_USER_INPUT[child]", desk, "checkInChild", "CheckInChildInput", nil, in("r2", "3")...)
	stays.refused("BAD_USER_INPUT[child]", desk, "checkInChild", "CheckInChildInput", nil, in("grown", "4")...)
	stays.refused("!FORBIDDEN", parent, "checkInChild", "CheckInChildInput", nil, in("teen", "5")...)
	stays.refused("FORBIDDEN[]", b.token(authz.StationStaff, "b"), "checkInChild", "CheckInChildInput", nil, in("teen", "6")...)
	stays.refused("NOT_FOUND[room]", desk, "checkInChild", "CheckInChildInput", nil, append(in("teen", "7"), "room", fixedID("Room", "a", "none"))...)
	stays.refused("FORBIDDEN[collector]", desk, "checkOutChild", "CheckOutChildInput", stay, "collector", of("r2"))
	stays.refused("FORBIDDEN[collector]", desk, "checkOutChild", "CheckOutChildInput", stay, "collector", of("aunt"))

	name := func(more ...any) []any {
		return append([]any{"child", of("child"), "delegate", of("aunt"), "from", "2026-06-11", "to", "2026-06-12", "idempotencyKey", "d"}, more...)
	}
	delegates.refused("FORBIDDEN[child]", b.resident("a", "r2"), "nameChildDelegate", "NameChildDelegateInput", nil, name()...)
	delegates.refused("BAD_USER_INPUT[delegate]", parent, "nameChildDelegate", "NameChildDelegateInput", nil, name("delegate", of("teen"))...)
	delegates.refused("BAD_USER_INPUT[delegate]", parent, "nameChildDelegate", "NameChildDelegateInput", nil, name("delegate", of("child"))...)
	delegates.refused("BAD_USER_INPUT[from]", parent, "nameChildDelegate", "NameChildDelegateInput", nil, name("from", "2026-06-09")...)
	delegates.refused("BAD_USER_INPUT[to]", parent, "nameChildDelegate", "NameChildDelegateInput", nil, name("to", "2026-06-10")...)
	delegates.must(parent, "nameChildDelegate", "NameChildDelegateInput", nil, name()...) // for tomorrow
	stays.refused("FORBIDDEN[collector]", desk, "checkOutChild", "CheckOutChildInput", stay, "collector", of("aunt"))
	today := delegates.must(parent, "nameChildDelegate", "NameChildDelegateInput", nil, name("from", "2026-06-10", "idempotencyKey", "today")...)
	delegates.refused("NOT_FOUND[id]", b.resident("a", "r2"), "revokeChildDelegate", "RevokeChildDelegateInput", nil, "id", today["id"])
	today = delegates.must(parent, "revokeChildDelegate", "RevokeChildDelegateInput", today)
	stays.refused("FORBIDDEN[collector]", desk, "checkOutChild", "CheckOutChildInput", stay, "collector", of("aunt"))
	delegates.refused("INVALID_TRANSITION[]", parent, "revokeChildDelegate", "RevokeChildDelegateInput", today)
	delegates.must(desk, "nameChildDelegate", "NameChildDelegateInput", nil, name("from", "2026-06-10", "idempotencyKey", "again")...)
	b.violates(t, `UPDATE child_care_sessions SET status = 'COLLECTED', out_at = '2027-01-01', collected_by_id = md5('r2')::uuid`,
		`UPDATE child_care_sessions SET status = 'COLLECTED'`, `UPDATE child_care_sessions SET child_id = md5('teen')::uuid`,
		`INSERT INTO child_care_sessions (owner, station_id, child_id, in_at) VALUES ('a', md5('station')::uuid, md5('child')::uuid, '2027-01-01')`)

	if got := stays.must(desk, "checkOutChild", "CheckOutChildInput", stay, "collector", of("aunt")); got["status"] != "COLLECTED" || got["collectedByGuardian"] != false {
		t.Errorf("%v", got)
	}
	stays.must(desk, "checkInChild", "CheckInChildInput", nil, in("teen", "t")...)
	for _, tc := range []struct{ token, purpose, query, want string }{
		{desk, "", `{ childCareSessions(filter: {status: [PRESENT]}) { totalCount nodes { status station { nameZh } } } }`, `{"childCareSessions":{"totalCount":1,"nodes":[{"status":"PRESENT","station":{"nameZh":"驿站"}}]}}`},
		{desk, "desk", `{ childCareSessions { nodes { childMaskedName collectedBy { maskedName } } } }`, `{"childCareSessions":{"nodes":[{"childMaskedName":"王*","collectedBy":null},{"childMaskedName":"李*","collectedBy":{"maskedName":"李*"}}]}}`},
		{parent, "", `{ childCareSessions { totalCount nodes { childMaskedName status collectedByGuardian } } childDelegates(filter: {on: "2026-06-11", status: [NAMED]}) { totalCount } }`,
			`{"childCareSessions":{"totalCount":1,"nodes":[{"childMaskedName":"李*","status":"COLLECTED","collectedByGuardian":false}]},"childDelegates":{"totalCount":2}}`},
		{b.resident("a", "aunt"), "", `{ childCareSessions { totalCount } childDelegates { totalCount } }`, `{"childCareSessions":{"totalCount":0},"childDelegates":{"totalCount":0}}`},
		{b.token(authz.StationStaff, "b"), "", `{ childCareSessions { totalCount } }`, `{"childCareSessions":{"totalCount":0}}`},
	} {
		if a := b.ask(tc.token, tc.query, nil, "X-Linhui-Purpose", tc.purpose); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", tc.query, a.Errors)
		} else {
			sameJSON(t, a.Data, tc.want)
		}
	}
	for token, query := range map[string]string{"": `{ childCareSessions { totalCount } }`, desk: `{ childCareSessions { nodes { childMaskedName } } }`, parent: `{ childCareSessions { nodes { child { maskedName } } } }`} {
		if a := b.ask(token, query, nil); len(a.Errors) != 1 {
			t.Errorf("%s: %s %+v", query, a.Data, a.Errors)
		}
	}
}
