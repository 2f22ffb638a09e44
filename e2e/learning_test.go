package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/server"
)

// learningCourses is the number of courses of each of the ten communities s0 to s9, of which
// the first five lie in source one. 课02 of each is full, with one waiting; 课04 has one of
// three seats taken and a sign-up withdrawn.
const learningCourses = 30

// learning starts a gateway over two sources with ten communities that teach.
func learning(t *testing.T) *bundle {
	t.Helper()
	directory := testkit.Database(t, testkit.Directory)
	dbs := map[string]*testkit.DB{"one": testkit.Database(t, testkit.Source), "two": testkit.Database(t, testkit.Source)}
	run(t, directory, `
		INSERT INTO divisions (code, name, level) VALUES ('620000000000', '甘肃省', 'PROVINCE');
		INSERT INTO communities (slug, name_zh, parent_code) SELECT 's' || i, '社区' || i, '620000000000' FROM generate_series(0, 9) i`)
	for key, from := range map[string]int{"one": 0, "two": 5} {
		run(t, dbs[key], fmt.Sprintf(`
			INSERT INTO owners SELECT 's' || i, 'COMMUNITY' FROM generate_series(%d, %d) i;
			INSERT INTO programmes (owner, name_zh, age_min, age_max, audiences)
				SELECT owner, '睦邻课堂', 5, 12, '{CHILDREN_5_12}' FROM owners;
			INSERT INTO programmes (owner, name_zh, audiences, reported_class_hours)
				SELECT owner, '共享讲堂', '{ELDERS,WOMEN}', '{"value": 2000, "qualifier": "EXACT", "unit": "课时", "zh": "2000课时"}' FROM owners;
			INSERT INTO courses (owner, programme_id, name_zh, audience, age_min, age_max, capacity, weekdays, fee, instructor_role, recurrence)
				SELECT p.owner, CASE WHEN j <= 10 THEN p.id END, '课' || lpad(j::text, 2, '0'),
					CASE j %% 3 WHEN 0 THEN 'CHILDREN_5_12' WHEN 1 THEN 'ELDERS' ELSE 'RESIDENTS' END,
					CASE WHEN j %% 3 = 0 THEN 5 WHEN j %% 3 = 1 THEN 60 END, CASE WHEN j %% 3 = 0 THEN 12 END,
					CASE WHEN j %% 2 = 0 THEN 3 END, ARRAY[j %% 7 + 1], CASE WHEN j %% 5 = 0 THEN 20 END, 'RESIDENT_TEACHER',
					'{"rrule": "FREQ=WEEKLY;BYDAY=MO", "zh": "每周一"}'
				FROM programmes p, generate_series(1, %d) j WHERE p.name_zh = '睦邻课堂';
			INSERT INTO course_sessions (owner, course_id, starts_at, ends_at, class_hours, status)
				SELECT owner, id, d, d + interval '90 minutes', 1.5, CASE WHEN d < '2026-06-10' THEN 'HELD' ELSE 'SCHEDULED' END
				FROM courses, generate_series('2026-06-08 19:00+08'::timestamptz, '2026-06-12 19:00+08', '1 day') d;
			INSERT INTO residents (owner, name) SELECT owner, '张三' || i FROM owners, generate_series(1, 4) i;
			INSERT INTO enrolments (owner, course_id, resident_id, status, waitlist_position, age_at_start, applied_at)
				SELECT c.owner, c.id, r.id, CASE WHEN r.name = '张三4' THEN 'WAITLISTED' ELSE 'CONFIRMED' END,
					CASE WHEN r.name = '张三4' THEN 1 END, 70, timestamptz '2026-06-01 08:00+08' + right(r.name, 1)::int * interval '1 minute'
				FROM courses c JOIN residents r USING (owner) WHERE c.name_zh = '课02';
			INSERT INTO enrolments (owner, course_id, resident_id, status, age_at_start)
				SELECT c.owner, c.id, r.id, CASE r.name WHEN '张三1' THEN 'CONFIRMED' ELSE 'WITHDRAWN' END, 70
				FROM courses c JOIN residents r USING (owner) WHERE c.name_zh = '课04' AND r.name IN ('张三1', '张三2')`,
			from, from+4, learningCourses))
	}
	return start(t, directory, dbs, unhurried(t, dbs))
}

func run(t *testing.T, db *testkit.DB, sql string) {
	t.Helper()
	if _, err := db.Open(t).Exec(sql); err != nil {
		t.Fatal(err)
	}
}

// unhurried gives sources queues and budgets, and viewers prices and rates, that 32 clients on a busy machine do
// not exceed: what is counted then is statements, not patience.
func unhurried(t *testing.T, dbs map[string]*testkit.DB) func(*app.Options) {
	return func(o *app.Options) {
		o.Server.Limits = server.DefaultLimits()
		o.Server.Limits.PerMinute, o.Server.Limits.Cost = math.MaxInt32, math.MaxInt32
		budgets := [3]time.Duration{time.Minute, time.Minute, time.Minute}
		o.Budgets = map[database.Budget]time.Duration{database.Dashboard: time.Minute}
		for _, s := range o.Sources {
			if err := s.DB.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if s.DB, err = database.Open(database.Config{Key: s.Key, DSN: dbs[s.Key].DSN, Queue: 1024, QueueWait: time.Minute, Budgets: budgets}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// underLoad sends an operation from 32 clients at once and returns the statements of one; it
// fails when any of them needed another number.
func (b *bundle) underLoad(token, query string) map[string]int {
	b.t.Helper()
	alone := b.statements(token, query)
	counted := make([]map[string]int, 32)
	var wg sync.WaitGroup
	for i := range counted {
		wg.Go(func() {
			ctx, counter := database.CountStatements(b.t.Context())
			req := httptest.NewRequestWithContext(ctx, "POST", "/graphql", strings.NewReader(fmt.Sprintf(`{"query":%q}`, query)))
			req.Header.Set("Content-Type", "application/json")
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			b.gateway.Handler().ServeHTTP(w, req)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
				b.t.Errorf("%d %s", w.Code, w.Body)
			}
			counted[i] = counter.BySource()
		})
	}
	wg.Wait()
	for _, c := range counted {
		if !maps.Equal(c, alone) {
			b.t.Errorf("one of 32 clients needed %v statements, a single one %v", c, alone)
		}
	}
	return alone
}

// walked is one row of a list as tests compare it.
type walked = map[string]any

// walkList reads a whole root list in pages and returns its rows in the list's order. Every
// page must say that there is more exactly when there is.
func (b *bundle) walkList(token, list, args, pick string, size int, backward bool) []walked {
	b.t.Helper()
	bounds := "first: $size, after: $cursor"
	if backward {
		bounds = "last: $size, before: $cursor"
	}
	query := fmt.Sprintf(`query($size: Int, $cursor: String) { %s(%s %s) {
		nodes { %s } totalCount coverage { complete }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, list, args, bounds, pick)
	all := []walked{}
	var cursor *string
	for {
		var got map[string]struct {
			Nodes      []walked
			TotalCount int
			Coverage   struct{ Complete bool }
			PageInfo   struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       *string
			}
		}
		b.must(token, query, map[string]any{"size": size, "cursor": cursor}, &got)
		page := got[list]
		if !page.Coverage.Complete {
			b.t.Fatal("coverage is not complete")
		}
		more, behind := page.PageInfo.HasNextPage, page.PageInfo.HasPreviousPage
		if backward {
			all = append(slices.Clone(page.Nodes), all...)
			cursor, more, behind = page.PageInfo.StartCursor, behind, more
		} else {
			all = append(all, page.Nodes...)
			cursor = page.PageInfo.EndCursor
		}
		if more != (len(all) < page.TotalCount) || behind != (len(all) > len(page.Nodes)) {
			b.t.Fatalf("after %d of %d rows: more %v, behind %v", len(all), page.TotalCount, more, behind)
		}
		if !more {
			return all
		}
	}
}

// bothWays reads a list forward and backward in small pages, checks that it is the same, and
// returns it.
func (b *bundle) bothWays(token, list, args, pick string, size int) []walked {
	b.t.Helper()
	forward := b.walkList(token, list, args, pick, size, false)
	if backward := b.walkList(token, list, args, pick, size, true); !reflect.DeepEqual(forward, backward) {
		b.t.Errorf("%s(%s) is another list backward:\n%v\n%v", list, args, forward, backward)
	}
	return forward
}

// column returns one field of the rows.
func column[V any](rows []walked, field string) []V {
	out := make([]V, len(rows))
	for i, r := range rows {
		out[i], _ = r[field].(V)
	}
	return out
}

func TestCoursesAreFilteredAndOrderedOverSources(t *testing.T) {
	t.Parallel()
	b := learning(t)
	var ids struct {
		S3 struct {
			Programmes struct{ Nodes []struct{ ID string } }
		}
	}
	b.must("", `{ s3: community(slug: "s3") { programmes(filter: {nameContains: "课堂"}) { nodes { id } } } }`, nil, &ids)
	for _, c := range []struct {
		args string
		keep func(community, course int) bool
	}{
		{``, func(_, j int) bool { return true }},
		{`communities: ["s1", "s8"]`, func(i, j int) bool { return i == 1 || i == 8 }},
		{`filter: {audience: ELDERS}`, func(_, j int) bool { return j%3 == 1 }},
		{`filter: {ageIs: 12}`, func(_, j int) bool { return j%3 != 1 }},
		{`filter: {ageIs: 13}`, func(_, j int) bool { return j%3 == 2 }},
		{`filter: {ageIs: 60}`, func(_, j int) bool { return j%3 != 0 }},
		{`filter: {hasSeats: false}`, func(_, j int) bool { return j == 2 }},
		{`filter: {hasSeats: true}`, func(_, j int) bool { return j != 2 }},
		{`filter: {weekday: 7}`, func(_, j int) bool { return j%7 == 6 }},
		{`filter: {nameContains: "课1"}`, func(_, j int) bool { return j/10 == 1 }},
		{`filter: {nameContains: "%"}`, func(_, j int) bool { return false }},
		{`filter: {programme: "` + ids.S3.Programmes.Nodes[0].ID + `"}`, func(i, j int) bool { return i == 3 && j <= 10 }},
	} {
		want := []string{}
		for j := 1; j <= learningCourses; j++ {
			for i := range 10 {
				if c.keep(i, j) {
					want = append(want, fmt.Sprintf("课%02d s%d", j, i))
				}
			}
		}
		for _, direction := range []string{"ASC", "DESC"} {
			var got []string
			for _, r := range b.bothWays("", "courses", c.args+` orderBy: {field: NAME, direction: `+direction+`}`, `nameZh community { slug }`, 70) {
				got = append(got, fmt.Sprintf("%s %s", r["nameZh"], r["community"].(map[string]any)["slug"]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("courses(%s) by name %s:\n got %v\nwant %v", c.args, direction, got, want)
			}
			slices.Reverse(want)
		}
	}
	counts := column[float64](b.bothWays("", "courses", `orderBy: {field: ENROLMENT_COUNT, direction: DESC}`, `enrolmentCount`, 7), "enrolmentCount")
	if !slices.IsSortedFunc(counts, func(a, b float64) int { return int(b - a) }) || counts[0] != 4 || counts[10] != 1 || counts[20] != 0 {
		t.Errorf("courses by sign-ups: %v", counts)
	}
	for _, args := range []string{`filter: {weekday: 8}`, `filter: {ageIs: -1}`, `filter: {programme: "cm9vbTphOjE"}`, `communities: ["nowhere"]`, `first: 0`} {
		if a := b.ask("", `{ courses(`+args+`) { totalCount } }`, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
			t.Errorf("courses(%s): %+v", args, a.Errors)
		}
	}
}

func TestProgrammesShowWhatWasPublishedAndWhatWasCounted(t *testing.T) {
	t.Parallel()
	b := learning(t)
	const pick = `nameZh ageMin classHoursTaught reportedClassHours { value zh } courses(first: 3) { totalCount nodes { nameZh } }`
	rows := b.bothWays("", "programmes", `filter: {ageIs: 70}`, pick, 3)
	if len(rows) != 10 || rows[0]["nameZh"] != "共享讲堂" || rows[0]["classHoursTaught"] != "0" {
		t.Errorf("programmes for an age of 70: %v", rows)
	}
	rows = b.bothWays("", "programmes", `filter: {audience: CHILDREN_5_12}`, pick, 4)
	want := walked{"nameZh": "睦邻课堂", "ageMin": 5.0, "classHoursTaught": "30.00", "reportedClassHours": nil,
		"courses": map[string]any{"totalCount": 10.0, "nodes": []any{walked{"nameZh": "课01"}, walked{"nameZh": "课02"}, walked{"nameZh": "课03"}}}}
	if len(rows) != 10 || !reflect.DeepEqual(rows[9], want) {
		t.Errorf("programmes for children: %v", rows)
	}
}

func TestCourseSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := learning(t)
	got := b.ask("", `{ community(slug: "s7") { courses(first: 5) { nodes {
		nameZh capacity seatsLeft enrolmentCount fee { amount currency } instructorRole recurrence { rrule zh } programme { nameZh }
		sessions(range: {from: "2026-06-09", to: "2026-06-10"}, orderBy: {field: START, direction: DESC}) { totalCount nodes { start end status kind classHours room { nameZh } course { nameZh } } } } } } }`, nil)
	var data struct {
		Community struct {
			Courses struct{ Nodes []json.RawMessage }
		}
	}
	if err := json.Unmarshal(got.Data, &data); err != nil || len(got.Errors) > 0 {
		t.Fatal(err, got.Errors)
	}
	const sessions = `"sessions":{"totalCount":2,"nodes":[
		{"start":"2026-06-10T19:00:00+08:00","end":"2026-06-10T20:30:00+08:00","status":"SCHEDULED","kind":"CLASS","classHours":"1.50","room":null,"course":{"nameZh":"%[1]s"}},
		{"start":"2026-06-09T19:00:00+08:00","end":"2026-06-09T20:30:00+08:00","status":"HELD","kind":"CLASS","classHours":"1.50","room":null,"course":{"nameZh":"%[1]s"}}]}`
	const same = `"instructorRole":"RESIDENT_TEACHER","recurrence":{"rrule":"FREQ=WEEKLY;BYDAY=MO","zh":"每周一"},"programme":{"nameZh":"睦邻课堂"},`
	for at, want := range map[int]string{
		1: `{"nameZh":"课02","capacity":3,"seatsLeft":0,"enrolmentCount":4,"fee":null,` + same + fmt.Sprintf(sessions, "课02") + `}`,
		3: `{"nameZh":"课04","capacity":3,"seatsLeft":2,"enrolmentCount":1,"fee":null,` + same + fmt.Sprintf(sessions, "课04") + `}`,
		4: `{"nameZh":"课05","capacity":null,"seatsLeft":null,"enrolmentCount":0,"fee":{"amount":"20.00","currency":"CNY"},` + same + fmt.Sprintf(sessions, "课05") + `}`,
	} {
		sameJSON(t, data.Community.Courses.Nodes[at], want)
	}
	if a := b.ask("", `{ courses(first: 1) { nodes { sessions(range: {from: "2026-06-10", to: "2026-06-09"}) { totalCount } } } }`, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
		t.Errorf("a range that ends before it begins: %+v", a.Errors)
	}
}

func sameJSON(t *testing.T, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSessionsOfOneCoursePageBothWays(t *testing.T) {
	t.Parallel()
	b := learning(t)
	const page = `query($first: Int, $after: String, $last: Int, $before: String) { courses(communities: ["s6"], first: 1) { nodes {
		sessions(first: $first, after: $after, last: $last, before: $before) { nodes { start } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }`
	type sessions struct {
		Nodes    []struct{ Start string }
		PageInfo struct {
			HasNextPage, HasPreviousPage bool
			StartCursor, EndCursor       string
		}
	}
	ask := func(variables map[string]any) sessions {
		var got struct {
			Courses struct {
				Nodes []struct{ Sessions sessions }
			}
		}
		b.must("", page, variables, &got)
		return got.Courses.Nodes[0].Sessions
	}
	first := ask(map[string]any{"first": 2})
	second := ask(map[string]any{"first": 2, "after": first.PageInfo.EndCursor})
	if second.Nodes[0].Start != "2026-06-10T19:00:00+08:00" || !second.PageInfo.HasNextPage || !second.PageInfo.HasPreviousPage {
		t.Errorf("second page: %+v", second)
	}
	if back := ask(map[string]any{"last": 2, "before": second.PageInfo.StartCursor}); !reflect.DeepEqual(back.Nodes, first.Nodes) {
		t.Errorf("back from the second page: %+v, first was %+v", back.Nodes, first.Nodes)
	}
}

func TestEnrolmentsAreForStaffInScope(t *testing.T) {
	t.Parallel()
	b := learning(t)
	const query = `{ courses(communities: ["s1", "s6"], filter: {nameContains: "课02"}) { nodes { community { slug }
		enrolments(first: 3) { totalCount nodes { id status waitlistPosition } }
		waiting: enrolments(filter: {status: [WAITLISTED]}) { nodes { status waitlistPosition course { nameZh } } } } } }`
	for role, code := range map[string]string{"": "UNAUTHENTICATED", string(authz.Partner): "FORBIDDEN", string(authz.Analyst): "FORBIDDEN"} {
		token := ""
		if role != "" {
			token = b.token(authz.Role(role), "s1", "s6")
		}
		if a := b.ask(token, query, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != code || string(a.Data) != "null" && a.Data != nil {
			t.Errorf("%q: %s %+v", role, a.Data, a.Errors)
		}
	}
	a := b.ask(b.token(authz.StationStaff, "s6"), query, nil)
	var got struct {
		Courses struct {
			Nodes []struct {
				Enrolments *struct {
					TotalCount int
					Nodes      []struct{ ID, Status string }
				}
				Waiting *struct{ Nodes []json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(a.Data, &got); err != nil {
		t.Fatal(err)
	}
	foreign, own := got.Courses.Nodes[0], got.Courses.Nodes[1]
	if foreign.Enrolments != nil || len(a.Errors) != 2 || a.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("sign-ups of a foreign community: %s", a.Data)
	}
	if own.Enrolments.TotalCount != 4 || len(own.Enrolments.Nodes) != 3 || len(own.Waiting.Nodes) != 1 {
		t.Fatalf("sign-ups of the viewer's community: %s %+v", a.Data, a.Errors)
	}
	sameJSON(t, own.Waiting.Nodes[0], `{"status":"WAITLISTED","waitlistPosition":1,"course":{"nameZh":"课02"}}`)
	node := fmt.Sprintf(`{ node(id: %q) { id } }`, own.Enrolments.Nodes[0].ID)
	for _, token := range []string{"", b.token(authz.CommunityAdmin, "s1")} {
		if a := b.ask(token, node, nil); len(a.Errors) != 1 || string(a.Data) != `{"node":null}` {
			t.Errorf("a sign-up by id, out of scope: %s %+v", a.Data, a.Errors)
		}
	}
}

// TestCourseTreeNeedsTwoStatementsASource is workload b of the benchmark.
func TestCourseTreeNeedsTwoStatementsASource(t *testing.T) {
	t.Parallel()
	b := learning(t)
	got := b.underLoad("", `{ communities(first: 10) { nodes { nameZh courses(first: 30) { nodes { nameZh enrolmentCount seatsLeft sessions(first: 5) { nodes { start end } } } } } } }`)
	if want := map[string]int{"one": 2, "two": 2}; !maps.Equal(got, want) {
		t.Errorf("communities with courses: %v statements, want %v", got, want)
	}
	got = b.underLoad(b.token(authz.StationStaff), `{ programmes(first: 20) { nodes { classHoursTaught courses(first: 5) { nodes { enrolments(first: 5) { totalCount nodes { status } } sessions { nodes { start } } } } } } }`)
	if want := map[string]int{"one": 6, "two": 6}; !maps.Equal(got, want) {
		t.Errorf("programmes with sign-ups: %v statements, want %v", got, want)
	}
}
