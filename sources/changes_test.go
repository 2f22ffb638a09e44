package sources

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSubscribersHearOfTheirOwnersAndTopicOnly(t *testing.T) {
	t.Parallel()
	s := &Sources{opt: Options{Log: slog.New(slog.DiscardHandler)}}
	ctx, cancel := context.WithCancel(t.Context())
	mine, others := s.Subscribe(ctx, "feedback", []string{"b", "a"}), s.Subscribe(ctx, "feedback", []string{"c"})
	for _, payload := range []string{"a feedback 1", "c feedback 2", "a events 3", "b feedback 4", "a feedback 1", "rubbish", "", "a feedback"} {
		s.hearOutbox(payload)
	}
	if got, want := first(mine, 2), []Change{{"a", "feedback", "1"}, {"b", "feedback", "4"}}; !slices.Equal(got, want) {
		t.Errorf("heard %v, want %v", got, want)
	}
	if got := first(others, 1); got[0].ID != "2" {
		t.Errorf("heard %v", got)
	}
	cancel()
	for _, c := range []iter.Seq[Change]{mine, others} {
		for got := range c {
			t.Errorf("heard %v more", got)
		}
	}
	s.hearOutbox("a feedback 5") // nobody is there: nothing may block or panic
}

func TestASlowSubscriberMissesNoticesButNeverTheLast(t *testing.T) {
	t.Parallel()
	s := &Sources{}
	c := s.Subscribe(t.Context(), "x", []string{"a"})
	const told, kept = 10 * backlog, backlog + 1
	for i := range told {
		s.changes.tell(Change{Owner: "a", Topic: "x", ID: fmt.Sprint(i)})
	}
	heard := first(c, kept)
	if last := heard[kept-1].ID; last != fmt.Sprint(told-1) {
		t.Errorf("the last notice heard is %s of %d", last, told)
	}
}

// The midnight of many communities is one notice each, all at once.
func TestASubscriberOfManyOwnersHearsOfEach(t *testing.T) {
	t.Parallel()
	s := &Sources{}
	owners := make([]string, 10*backlog)
	for i := range owners {
		owners[i] = fmt.Sprint(i)
	}
	c := s.Subscribe(t.Context(), "x", owners)
	for range 2 {
		for _, o := range owners {
			s.changes.tell(Change{Owner: o, Topic: "x"})
		}
	}
	for i, got := range first(c, len(owners)) {
		if got.Owner != owners[i] {
			t.Fatalf("notice %d is of %s", i, got.Owner)
		}
	}
}

// first waits for n changes.
func first(c iter.Seq[Change], n int) []Change {
	heard := make([]Change, 0, n)
	for change := range c {
		if heard = append(heard, change); len(heard) == n {
			break
		}
	}
	return heard
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
