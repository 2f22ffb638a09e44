package sources

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSubscribersHearOfTheirOwnersAndTopicOnly(t *testing.T) {
	t.Parallel()
	s := &Sources{opt: Options{Log: slog.New(slog.DiscardHandler)}}
	ctx, cancel := context.WithCancel(t.Context())
	mine, others := s.Subscribe(ctx, "feedback", []string{"b", "a"}), s.Subscribe(ctx, "feedback", []string{"c"})
	for _, payload := range []string{"a feedback 1", "c feedback 2", "a events 3", "b feedback 4", "rubbish", "", "a feedback"} {
		s.hearOutbox(payload)
	}
	for _, want := range []Change{{"a", "feedback", "1"}, {"b", "feedback", "4"}} {
		if got := <-mine; got != want {
			t.Errorf("heard %v, want %v", got, want)
		}
	}
	if got := <-others; got.ID != "2" {
		t.Errorf("heard %v", got)
	}
	cancel()
	for _, c := range []<-chan Change{mine, others} {
		if got, open := <-c; open {
			t.Errorf("heard %v more", got)
		}
	}
	s.hearOutbox("a feedback 5") // nobody is there: nothing may block or panic
}

func TestASlowSubscriberMissesNoticesButNeverTheLast(t *testing.T) {
	t.Parallel()
	s := &Sources{}
	c := s.Subscribe(t.Context(), "x", []string{"a"})
	const told = 10 * backlog
	for i := range told {
		s.changes.tell(Change{Owner: "a", Topic: "x", ID: fmt.Sprint(i)})
	}
	heard := make([]Change, 0, backlog)
	for range backlog {
		heard = append(heard, <-c)
	}
	if last := heard[len(heard)-1].ID; last != fmt.Sprint(told-1) {
		t.Errorf("the last notice heard is %s of %d", last, told)
	}
	select {
	case extra := <-c:
		t.Errorf("heard %v twice", extra)
	default:
	}
}

func TestAColumnsWarningIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	var text strings.Builder
	log := slog.New(newSparse(slog.NewTextHandler(&text, nil), func() time.Time { return now }))
	warned := func() int {
		n := strings.Count(text.String(), "\n")
		text.Reset()
		return n
	}
	for range 100 {
		log.Warn("unknown enum value", "table", "rooms", "column", "kind")
		log.With("request", "1").Warn("unknown enum value", "table", "rooms", "column", "space_use")
	}
	if n := warned(); n != 2 {
		t.Errorf("100 rows with two unknown columns give %d lines", n)
	}
	now = now.Add(59 * time.Second)
	log.Warn("unknown enum value", "table", "rooms", "column", "kind")
	if n := warned(); n != 0 {
		t.Errorf("within the minute: %d lines", n)
	}
	now = now.Add(time.Second)
	log.Warn("unknown enum value", "table", "rooms", "column", "kind")
	log.Info("something else")
	log.Info("something else")
	if n := warned(); n != 3 {
		t.Errorf("a minute later: %d lines", n)
	}
}
