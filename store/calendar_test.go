package store

import (
	"testing"
	"time"

	"linhui/schema/scalar"
)

func TestCalendarAdd(t *testing.T) {
	t.Parallel()
	c := Calendar{map[scalar.Date]bool{{Year: 2026, Month: 10, Day: 1}: false, {Year: 2026, Month: 10, Day: 2}: false, {Year: 2026, Month: 10, Day: 10}: true}}
	for _, tc := range []struct {
		from string
		span time.Duration
		to   string
	}{
		{"2026-06-10T10:00:00+08:00", Workdays(1), "2026-06-11T10:00:00+08:00"},
		{"2026-06-12T10:00:00+08:00", Workdays(1), "2026-06-15T10:00:00+08:00"}, // over the weekend
		{"2026-06-13T10:00:00+08:00", Workdays(1), "2026-06-16T00:00:00+08:00"}, // on a Saturday: all of Monday
		{"2026-06-12T00:00:00+08:00", Workdays(1), "2026-06-13T00:00:00+08:00"},
		{"2026-06-12T10:00:00+08:00", 36 * time.Hour, "2026-06-15T22:00:00+08:00"},
		{"2026-09-30T10:00:00+08:00", Workdays(1), "2026-10-05T10:00:00+08:00"}, // a listed holiday, then the weekend
		{"2026-10-09T10:00:00+08:00", Workdays(1), "2026-10-10T10:00:00+08:00"}, // a Saturday by 调休
		{"2026-06-12T18:00:00Z", Workdays(1), "2026-06-16T00:00:00+08:00"},      // Saturday in Shanghai already
		{"2026-06-10T10:00:00+08:00", 0, "2026-06-10T10:00:00+08:00"},
	} {
		from, to := instantOf(t, tc.from), instantOf(t, tc.to)
		if got := c.Add(from, tc.span); !got.Equal(to) {
			t.Errorf("%s and %s: %s, not %s", tc.from, tc.span, got.In(scalar.Shanghai), to)
		}
	}
}

func instantOf(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
