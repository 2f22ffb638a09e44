package e2e

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
)

const onChange = `subscription { todayEventsChanged(communities: ["luxi", "620104001000"]) {
	community { nameZh } division { name } events(orderBy: {field: NAME}) { nodes { nameZh station { nameZh } } coverage { complete } } } }`

// told is one event of onChange.
type told struct {
	Data struct {
		TodayEventsChanged struct {
			Community *struct{ NameZh string }
			Division  *struct{ Name string }
			Events    eventList
		}
	}
	Errors []struct{ Message string }
}

// hears writes until the subscription tells of it, since nothing says when it has begun, and
// checks what it tells. A change that was on its way before the last write may be told first.
func hears(t *testing.T, next <-chan told, write func(), whose string, want ...string) {
	t.Helper()
	write()
	until(t, whose+" "+strings.Join(want, " "), func() bool {
		select {
		case got, ok := <-next:
			if !ok {
				t.Fatal("the subscription ended")
			}
			if len(got.Errors) > 0 {
				t.Fatal(got.Errors)
			}
			c := got.Data.TodayEventsChanged
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

func liveEvents(t *testing.T, dbs map[string]*testkit.DB, next <-chan told) {
	t.Helper()
	one, two := dbs["one"].Open(t), dbs["two"].Open(t)
	exec := func(db *sql.DB, text string) {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	hears(t, next, func() { exec(two, `UPDATE events SET name_zh = 'moved' WHERE owner = 'luxi'`) }, "路西社区", "moved")
	hears(t, next, func() {
		exec(one, `UPDATE events SET theme = 'not asked for' WHERE owner = 'gubei'`)
		exec(one, `UPDATE events SET theme = 'changed' WHERE owner = '620104001000'`)
	}, "陈坪街道", "street")
	hears(t, next, func() { exec(two, `UPDATE events SET status = 'CANCELLED' WHERE owner = 'luxi'`) }, "路西社区")
}

func withStreetEvent(t *testing.T) *bundle {
	directory, dbs := oneEach(t)
	alter(t, dbs["one"], `INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('620104001000', 'street', 'TALK', '2026-06-10 15:00+08')`)
	return hot(t, testkit.Redis(t), directory, dbs, nil)
}

func TestChangesOfTodayAreToldOverAWebsocket(t *testing.T) {
	t.Parallel()
	b := withStreetEvent(t)
	ctx, cancel := context.WithCancel(t.Context())
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(b.http.URL, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	type message struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	query, err := json.Marshal(map[string]string{"query": onChange})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []message{{Type: "connection_init"}, {ID: "1", Type: "subscribe", Payload: query}} {
		if err := wsjson.Write(ctx, conn, m); err != nil {
			t.Fatal(err)
		}
		if m.Type == "connection_init" {
			if err := wsjson.Read(ctx, conn, &m); err != nil || m.Type != "connection_ack" {
				t.Fatal(m.Type, err)
			}
		}
	}
	next := make(chan told)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(next)
		for {
			var m message
			if wsjson.Read(ctx, conn, &m) != nil || m.Type != "next" {
				return
			}
			var got told
			if err := json.Unmarshal(m.Payload, &got); err != nil {
				t.Error(err)
			}
			select {
			case next <- got:
			case <-ctx.Done():
				return
			}
		}
	}()
	liveEvents(t, b.sources, next)
	cancel()
	conn.CloseNow()
	<-done
}

func TestChangesOfTodayAreToldAsServerSentEvents(t *testing.T) {
	t.Parallel()
	b := withStreetEvent(t)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", b.http.URL+"/graphql?query="+url.QueryEscape(onChange), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan told)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(next)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok || data == "" {
				continue
			}
			var got told
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				t.Errorf("%v: %s", err, data)
			}
			select {
			case next <- got:
			case <-ctx.Done():
				return
			}
		}
	}()
	liveEvents(t, b.sources, next)
	cancel()
	<-done
}
