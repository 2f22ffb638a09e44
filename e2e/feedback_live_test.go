package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/server"
)

// onFeedback subscribes to communities, with more fields of the entry.
func onFeedback(communities, more string) string {
	return fmt.Sprintf(`subscription { feedbackChanged(communities: %s) {
		community { slug } feedback { number status category { code } %s } } }`, communities, more)
}

// step is what a subscriber hears of an entry.
type step struct {
	Community struct{ Slug string }
	Feedback  struct {
		Number, Status string
		Category       struct{ Code string }
		Updates        struct{ Nodes []struct{ Action string } }
	}
}

// hear waits for the next step; ok is false when the stream has ended.
func hear(t *testing.T, next <-chan answer) (s step, ok bool) {
	t.Helper()
	select {
	case a, more := <-next:
		if len(a.Errors) > 0 {
			t.Fatalf("%+v", a.Errors)
		}
		var data struct{ FeedbackChanged step }
		decode(t, a.Data, &data)
		return data.FeedbackChanged, more
	case <-time.After(patience):
		t.Fatal("nothing is heard")
		return s, false
	}
}

// begin submits entries until a subscription tells of the last one.
func (b *book) begin(t *testing.T, token, community string, next <-chan answer) {
	t.Helper()
	last := ""
	until(t, "the subscription begins", func() bool {
		select {
		case a := <-next:
			var data struct{ FeedbackChanged step }
			decode(t, a.Data, &data)
			return data.FeedbackChanged.Feedback.Number == last
		case <-time.After(100 * time.Millisecond): // it was not there yet
			last = b.done(token, "submitFeedback", submission(community, "after "+last)).Number
			return false
		}
	})
}

func TestStepsOfFeedbackAreTold(t *testing.T) {
	t.Parallel()
	for name, subscribe := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBook(t)
			clerk, elsewhere := b.staff("a"), b.staff("b", "c")
			next := subscribe(b.bundle, t, clerk, onFeedback(`["a"]`, `updates(last: 1) { nodes { action } }`))
			b.begin(t, clerk, "a", next)

			b.done(elsewhere, "submitFeedback", submission("c", "not asked for"))
			e := b.done(b.resident("a", "r1"), "submitFeedback", submission("a", "1"))
			if got, _ := hear(t, next); got.Feedback.Number != e.Number || got.Feedback.Status != "RECEIVED" || got.Community.Slug != "a" {
				t.Errorf("heard %+v of %+v", got, e)
			}
			b.done(clerk, "triageFeedback", on(e, map[string]any{"category": "LIGHT"}))
			got, _ := hear(t, next)
			if f := got.Feedback; f.Number != e.Number || f.Category.Code != "LIGHT" || len(f.Updates.Nodes) != 1 || f.Updates.Nodes[0].Action != "triage" {
				t.Errorf("heard %+v", got)
			}
		})
	}
}

func TestAResidentHearsOfTheOwnEntriesOnly(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	r1 := b.resident("a", "r1")
	next := overSocket(b.bundle, t, r1, onFeedback(`["a"]`, ""))
	b.begin(t, r1, "a", next)
	b.done(b.resident("a", "r2"), "submitFeedback", submission("a", "of another"))
	own := b.done(r1, "submitFeedback", submission("a", "own"))
	if got, _ := hear(t, next); got.Feedback.Number != own.Number {
		t.Errorf("heard %+v, not of %s", got, own.Number)
	}
}

func TestFeedbackOfOthersIsNotTold(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	for name, subscribe := range transports {
		for _, tc := range []struct{ who, token, communities, code string }{
			{"the public", "", `["a"]`, "UNAUTHENTICATED"},
			{"staff of another community", b.staff("b"), `["a"]`, "FORBIDDEN"},
			{"staff of one of two", b.staff("a"), `["a", "b"]`, "FORBIDDEN"},
			{"a partner", b.as("p", authz.Partner, nil, "a"), `["a"]`, "FORBIDDEN"},
			{"a resident who asks for the notes of staff", b.resident("a", "r1"), `["a"]`, "FORBIDDEN"},
			{"staff of nowhere", b.staff("a"), `["atlantis"]`, "BAD_USER_INPUT"},
		} {
			t.Run(name+" "+tc.who, func(t *testing.T) {
				next := subscribe(b.bundle, t, tc.token, onFeedback(tc.communities, `updates(last: 1) { nodes { action note } }`))
				a, ok := <-next
				if !ok || len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != tc.code {
					t.Errorf("%v %+v", ok, a)
				}
				if a, more := <-next; more {
					t.Errorf("it goes on: %+v", a)
				}
			})
		}
	}
}

// ending takes tokens until it is over.
type ending struct {
	server.Authenticator
	over *atomic.Bool
}

func (e ending) Authenticate(ctx context.Context, bearer string) (*authz.Viewer, error) {
	if e.over.Load() {
		return nil, fault.Newf(fault.Unauthenticated, "the token has expired")
	}
	return e.Authenticator.Authenticate(ctx, bearer)
}

func TestNothingIsToldAfterATokensEnd(t *testing.T) {
	t.Parallel()
	for name, subscribe := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var over atomic.Bool
			b := startBook(t, func(o *app.Options) { o.Server.Authenticator = ending{o.Server.Authenticator, &over} })
			next := subscribe(b.bundle, t, b.staff("a"), onFeedback(`["a"]`, ""))
			b.begin(t, b.staff("a"), "a", next)
			over.Store(true)
			execSQL(t, b.one, `INSERT INTO outbox_events (owner, topic, entity_type, entity_id) SELECT owner, 'feedback', 'Feedback', id FROM feedbacks`)
			if got, ok := hear(t, next); ok {
				t.Errorf("heard %+v", got)
			}
		})
	}
}

// A source that does not answer costs the entries of that time, each with its error, and no more.
func TestASubscriptionOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	b := startBookWithin(t, time.Second)
	next := overSocket(b.bundle, t, b.staff("a"), onFeedback(`["a"]`, `updates(last: 1) { nodes { action } }`))
	b.begin(t, b.staff("a"), "a", next)
	const again = `INSERT INTO outbox_events (owner, topic, entity_type, entity_id) SELECT owner, topic, entity_type, entity_id FROM outbox_events LIMIT 1`
	execSQL(t, b.one, again)
	before, _ := hear(t, next)

	held, err := b.one.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Rollback()
	if _, err := held.Exec(`LOCK feedbacks`); err != nil {
		t.Fatal(err)
	}
	execSQL(t, b.one, again)
	a := <-next
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "SOURCE_TIMEOUT" || string(a.Data) != `{"feedbackChanged":{"community":{"slug":"a"},"feedback":null}}` {
		t.Errorf("%s %+v", a.Data, a.Errors)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	execSQL(t, b.one, again)
	if after, _ := hear(t, next); !cmp.Equal(before, after) {
		t.Error(cmp.Diff(before, after))
	}
}
