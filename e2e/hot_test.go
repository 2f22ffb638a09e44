package e2e

import (
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/cache"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/server"
	"linhui/sources"
)

// patience is how long a busy machine may take over what takes 20 ms alone.
const patience = 10 * time.Second

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// hot starts a gateway with a Redis at addr, whose viewers are not held to a rate.
func hot(t testing.TB, addr string, directory *testkit.DB, dbs map[string]*testkit.DB, change func(*app.Options)) *bundle {
	t.Helper()
	client := redisClient(t, addr)
	return start(t, directory, dbs, func(o *app.Options) {
		o.Redis = client
		o.Server.Limits = server.DefaultLimits()
		o.Server.Limits.PerMinute = math.MaxInt32
		if change != nil {
			change(o)
		}
	})
}

func redisClient(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	client, err := cache.NewClient("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // the server may be gone
	return client
}

// warm asks until the answer comes from Redis alone.
func (b *bundle) warm(query string) {
	b.t.Helper()
	until(b.t, "answered without a statement: "+query, func() bool { return len(b.statements("", query)) == 0 })
}

// shows waits until an anonymous viewer sees just these events today.
func (b *bundle) shows(names ...string) {
	b.t.Helper()
	var got []string
	until(b.t, strings.Join(names, " "), func() bool {
		got = b.today()
		return slices.Equal(names, got)
	})
}

func (b *bundle) today() []string {
	b.t.Helper()
	var got struct{ TodayEvents eventList }
	b.must("", allToday, nil, &got)
	return got.TodayEvents.names()
}

const allToday = `{ todayEvents(orderBy: {field: NAME}) ` + eventFields + `}`

// oneEach puts an event of today into every community, named for it.
func oneEach(t testing.TB) (*testkit.DB, map[string]*testkit.DB) {
	directory, dbs := twoStreets(t)
	for key, owner := range map[string]string{"one": "gubei", "two": "luxi"} {
		alter(t, dbs[key], `INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ($1, $1, 'TALK', '2026-06-10 15:00+08')`, owner)
	}
	return directory, dbs
}

func TestHotListsAnswerFromRedisWhatTheSourcesWould(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(testing.TB) string{
		"redis-server": testkit.Redis,
		"miniredis":    func(t testing.TB) string { return miniredis.RunT(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory, dbs := withEventDays(t)
			stationsWithHours(t, dbs)
			without := start(t, directory, dbs, nil)
			with := hot(t, serve(t), directory, dbs, nil)
			for _, q := range []string{
				`{ todayEvents ` + eventFields + `}`,
				`{ todayEvents(first: 3, orderBy: {field: NAME, direction: DESC}) { edges { cursor node { id nameZh start end kind status seatsLeft provenance { synthetic } } } pageInfo { hasNextPage endCursor } } }`,
				`{ openStationsNow { totalCount nodes { nameZh openNow nextTransition community { slug } } coverage { complete } } }`,
				`{ openStationsNow(communities: ["luxi"], at: "2026-06-10T21:00:00+08:00") { nodes { nameZh openNow servedGroups areaSqm { value } } } }`,
				`{ communities { nodes { slug todayEvents(date: "2026-06-09") { nodes { nameZh } coverage { complete } } openStationsNow { nodes { nameZh } } } } }`,
			} {
				want := without.ask("", q, nil)
				with.warm(q)
				got := with.ask("", q, nil)
				if len(want.Errors)+len(got.Errors) > 0 {
					t.Fatalf("%s: %v %v", q, want.Errors, got.Errors)
				}
				sameJSON(t, got.Data, string(want.Data))
			}
			far := `{ todayEvents(date: "2027-01-01") { nodes { nameZh } } }`
			for range 2 {
				if diff := cmp.Diff(map[string]int{"one": 1, "two": 1}, with.statements("", far)); diff != "" {
					t.Errorf("a day far off is kept: %s", diff)
				}
			}
		})
	}
}

func TestAWriteOfTheCommunitysOwnSoftwareShowsAtOnce(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	stationsWithHours(t, dbs)
	addr := testkit.Redis(t)
	first, second := hot(t, addr, directory, dbs, nil), hot(t, addr, directory, dbs, nil)
	const open = `{ openStationsNow(communities: ["luxi"]) { nodes { nameZh } } }`
	first.warm(allToday)
	second.warm(allToday) // by what the first one filled, or filled again
	first.warm(open)
	write := func(sql string, want ...string) {
		t.Helper()
		began := time.Now()
		alter(t, dbs["two"], sql)
		first.shows(want...)
		second.shows(want...)
		t.Logf("shown everywhere after %v", time.Since(began))
		first.warm(allToday)
	}
	write(`UPDATE events SET name_zh = 'moved' WHERE owner = 'luxi'`, "gubei", "moved")
	write(`INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('luxi', 'new', 'TALK', '2026-06-10 16:00+08')`, "gubei", "moved", "new")
	write(`UPDATE events SET status = 'CANCELLED' WHERE name_zh = 'new'`, "gubei", "moved")
	write(`DELETE FROM events WHERE owner = 'luxi' AND name_zh = 'moved'`, "gubei")

	alter(t, dbs["two"], `INSERT INTO schedule_exceptions (owner, station_id, on_day, kind) SELECT owner, id, '2026-06-10', 'CLOSED' FROM stations WHERE name_zh = '灯会'`)
	until(t, "the closed station is gone", func() bool { return !strings.Contains(string(first.ask("", open, nil).Data), "灯会") })
}

func TestAGatewayFindsWhatAnotherHasFilled(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	addr := testkit.Redis(t)
	hot(t, addr, directory, dbs, nil).warm(allToday)
	second := hot(t, addr, directory, dbs, nil)
	second.warm(`{ openStationsNow { nodes { nameZh } } }`) // by now it trusts every list of both sources
	if got := second.statements("", allToday); len(got) > 0 {
		t.Errorf("the second gateway's first question took statements: %v", got)
	}
}

func TestRedisMayDieAtAnyTime(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	r := testkit.KillableRedis(t)
	b := hot(t, r.Addr, directory, dbs, nil)
	b.warm(allToday)
	var asked atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := b.ask("", allToday, nil); len(a.Errors) > 0 || !strings.Contains(string(a.Data), "gubei") || !strings.Contains(string(a.Data), "luxi") {
					t.Errorf("%v %s", a.Errors, a.Data)
					return
				}
				asked.Add(1)
			}
		})
	}
	more := func() {
		enough := asked.Load() + 10
		until(t, "ten answers more", func() bool { return asked.Load() >= enough || t.Failed() })
	}
	more()
	r.Kill()
	more()
	alter(t, dbs["one"], `UPDATE events SET theme = 'written meanwhile'`)
	r.Restart()
	more()
	close(stop)
	wg.Wait()
	b.warm(allToday)
	b.shows("gubei", "luxi")
}

func TestRubbishInRedisIsNotShown(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	addr := testkit.Redis(t)
	client := redisClient(t, addr)
	rubbish := map[string]func(key string) error{
		"text":            func(k string) error { return client.Set(t.Context(), k, "v9223372036854775807", 0).Err() },
		"nothing":         func(k string) error { return client.Set(t.Context(), k, "", 0).Err() },
		"another type":    func(k string) error { client.Del(t.Context(), k); return client.LPush(t.Context(), k, "x").Err() },
		"a truncated one": func(k string) error { return client.SetRange(t.Context(), k, 8, "\x00\xff\x00").Err() },
	}
	for name, spoil := range rubbish {
		first := hot(t, addr, directory, dbs, nil)
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		first.warm(allToday)
		for _, k := range client.Keys(t.Context(), "lh:*").Val() {
			if err := spoil(k); err != nil {
				t.Fatalf("%s: %s: %v", name, k, err)
			}
		}
		fresh := hot(t, addr, directory, dbs, nil)
		for _, b := range []*bundle{first, fresh} {
			if diff := cmp.Diff([]string{"gubei", "luxi"}, b.today()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

func TestOnlyPublicColumnsReachRedis(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	stationsWithHours(t, dbs)
	alter(t, dbs["one"], `INSERT INTO events (owner, name_zh, kind, status, starts_at) VALUES ('gubei', 'CANARY draft', 'TALK', 'DRAFT', '2026-06-10 15:00+08')`)
	alter(t, dbs["one"], `INSERT INTO staff_posts (owner, code, label_zh, holder_name) VALUES ('gubei', 'STATION_STAFF', '值班', 'CANARY holder')`)
	alter(t, dbs["one"], `INSERT INTO offerings (owner, station_id, name_zh, kind, stock) SELECT owner, id, '暖宝', 'HEAT_PACK', 987654321 FROM stations WHERE name_zh = '工作日'`)
	addr := testkit.Redis(t)
	b := hot(t, addr, directory, dbs, nil)
	b.warm(allToday)
	const q = `{ todayEvents { nodes { nameZh community { posts { holderName } } } } openStationsNow { nodes { nameZh offerings { stock } } } }`
	token := b.token(authz.CommunityStaff, "gubei")
	until(t, "staff see their own", func() bool {
		a := b.ask(token, q, nil)
		return len(a.Errors) == 0 && strings.Contains(string(a.Data), "CANARY holder") && strings.Contains(string(a.Data), "987654321")
	})
	client := redisClient(t, addr)
	keys := client.Keys(t.Context(), "*").Val()
	held := 0
	for _, k := range keys {
		v, err := client.Get(t.Context(), k).Result()
		if err != nil {
			continue // a rate counter of another type
		}
		if strings.Contains(v, "CANARY") || strings.Contains(v, "987654321") {
			t.Errorf("%s holds what is not public", k)
		}
		if strings.Contains(v, "工作日") || strings.Contains(v, "luxi") {
			held++
		}
	}
	if held < 2 {
		t.Errorf("the lists are not in Redis at all: %q", keys)
	}
}

func TestASourceThatIsDownIsShownStale(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	b := hot(t, testkit.Redis(t), directory, dbs, nil)
	b.warm(allToday)
	b.proxies["two"].Set(testkit.Refuse)
	var got struct{ TodayEvents eventList }
	until(t, "the source is stale", func() bool {
		b.must("", allToday, nil, &got)
		if diff := cmp.Diff([]string{"gubei", "luxi"}, got.TodayEvents.names()); diff != "" {
			t.Fatal(diff)
		}
		return got.TodayEvents.Coverage.Stale == 1
	})
	states := map[string]string{}
	for _, s := range got.TodayEvents.Coverage.Sources {
		states[s.Key] = s.State
	}
	if diff := cmp.Diff(map[string]string{"one": "OK", "two": "STALE"}, states); diff != "" || got.TodayEvents.Coverage.Complete {
		t.Errorf("complete %v, %s", got.TodayEvents.Coverage.Complete, diff)
	}
	b.proxies["two"].Set(testkit.Pass)
	b.warm(allToday)
}

func TestASourceThatIsNotHeardIsNotReadFromRedis(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	ear := testkit.NewProxy(t, dbs["two"].Addr())
	b := hot(t, testkit.Redis(t), directory, dbs, func(o *app.Options) {
		for i, s := range o.Sources {
			if s.Key != "two" {
				continue
			}
			if err := s.DB.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := database.Open(database.Config{Key: s.Key, DSN: dbs["two"].DSN, ListenDSN: dbs["two"].Via(ear.Addr())})
			if err != nil {
				t.Fatal(err)
			}
			o.Sources[i] = &sources.Source{Key: s.Key, DB: db}
		}
	})
	b.warm(allToday)
	ear.Set(testkit.Blackhole)
	until(t, "the source is asked itself", func() bool { return b.statements("", allToday)["two"] > 0 })
	alter(t, dbs["two"], `UPDATE events SET name_zh = 'unheard'`)
	if diff := cmp.Diff([]string{"gubei", "unheard"}, b.today()); diff != "" {
		t.Error(diff)
	}
	if got := b.statements("", allToday); got["one"] != 0 {
		t.Errorf("the other source is heard and was asked: %v", got)
	}
	ear.Set(testkit.Pass)
	b.warm(allToday)
	if diff := cmp.Diff([]string{"gubei", "unheard"}, b.today()); diff != "" {
		t.Error(diff)
	}
}

func TestMidnightNeedsNoWrite(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	alter(t, dbs["one"], `INSERT INTO events (owner, name_zh, kind, starts_at, ends_at) VALUES
		('gubei', 'night', 'TALK', '2026-06-10 23:00+08', '2026-06-11 01:00+08'), ('gubei', 'tomorrow', 'TALK', '2026-06-11 00:00+08', NULL)`)
	stationsWithHours(t, dbs)
	var now atomic.Pointer[time.Time]
	set := func(s string) {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		now.Store(&at)
	}
	set("2026-06-10T23:59:59.999999999+08:00")
	b := hot(t, testkit.Redis(t), directory, dbs, func(o *app.Options) { o.Now = func() time.Time { return *now.Load() } })
	b.warm(allToday)
	if diff := cmp.Diff([]string{"gubei", "luxi", "night"}, b.today()); diff != "" {
		t.Error(diff)
	}
	set("2026-06-11T00:00:00+08:00")
	if diff := cmp.Diff([]string{"night", "tomorrow"}, b.today()); diff != "" {
		t.Error(diff)
	}

	const open = `{ openStationsNow(communities: ["luxi"]) { nodes { nameZh openNow nextTransition } } }`
	set("2026-06-11T01:59:59+08:00")
	b.warm(open)
	set("2026-06-11T02:00:00+08:00")
	if got := b.statements("", open); len(got) > 0 {
		t.Errorf("a station that closes costs statements: %v", got)
	}
	sameJSON(t, b.ask("", open, nil).Data, `{"openStationsNow": {"nodes": [{"nameZh": "今日关闭", "openNow": true, "nextTransition": "2027-01-01T00:00:00+08:00"}]}}`)
}
