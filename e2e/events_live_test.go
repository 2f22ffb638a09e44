package e2e

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linhui/cmd/linhui/app"
	"linhui/internal/testkit"
)

const onChange = `subscription { todayEventsChanged(communities: ["luxi", "620104001000"]) {
	community { nameZh } division { name } events(orderBy: {field: NAME}) { nodes { nameZh station { nameZh } } coverage { complete } } } }`

// hears writes until the subscription tells of it, since nothing says when it has begun, and
// checks what it tells. A change that was on its way before the last write may be told first.
func hears(t *testing.T, next <-chan answer, write func(), whose string, want ...string) {
	t.Helper()
	write()
	until(t, whose+" "+strings.Join(want, " "), func() bool {
		select {
		case got, ok := <-next:
			if !ok || len(got.Errors) > 0 {
				t.Fatal("the subscription ended or failed", got.Errors)
			}
			var data struct {
				TodayEventsChanged struct {
					Community *struct{ NameZh string }
					Division  *struct{ Name string }
					Events    eventList
				}
			}
			decode(t, got.Data, &data)
			c := data.TodayEventsChanged
			who := ""
			if c.Community != nil {
				who = c.Community.NameZh
			}
			if c.Division != nil {
				who += c.Division.Name
			}
			return who == whose && c.Events.Coverage.Complete && cmp.Equal(want, c.Events.names())
		default:
			write()
			return false
		}
	})
}

func withStreetEvent(t *testing.T, change func(*app.Options)) *bundle {
	directory, dbs := oneEach(t)
	alter(t, dbs["one"], `INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('620104001000', 'street', 'TALK', '2026-06-10 15:00+08')`)
	return hot(t, testkit.Redis(t), directory, dbs, change)
}

func TestChangesOfTodayAreTold(t *testing.T) {
	t.Parallel()
	for name, subscribe := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := withStreetEvent(t, nil)
			one, two := b.sources["one"].Open(t), b.sources["two"].Open(t)
			next := subscribe(b, t, "", onChange)
			hears(t, next, func() { execSQL(t, two, `UPDATE events SET name_zh = 'moved' WHERE owner = 'luxi'`) }, "路西社区", "moved")
			hears(t, next, func() {
				execSQL(t, one, `UPDATE events SET theme = 'not asked for' WHERE owner = 'gubei'`)
				execSQL(t, one, `UPDATE events SET theme = 'changed' WHERE owner = '620104001000'`)
			}, "陈坪街道", "street")
			hears(t, next, func() { execSQL(t, two, `UPDATE events SET status = 'CANCELLED' WHERE owner = 'luxi'`) }, "路西社区")
		})
	}
}

func TestMidnightIsTold(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(noon)
	b := withStreetEvent(t, func(o *app.Options) { o.Now = func() time.Time { return *now.Load() } })
	two := b.sources["two"].Open(t)
	execSQL(t, two, `INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('luxi', 'tomorrow', 'TALK', '2026-06-11 09:00+08')`)
	next := overSocket(b, t, "", onChange)
	hears(t, next, func() { execSQL(t, two, `UPDATE events SET name_zh = 'today' WHERE name_zh <> 'tomorrow'`) }, "路西社区", "today")
	set(noon.Add(12 * time.Hour))
	hears(t, next, func() {}, "路西社区", "tomorrow")
}
