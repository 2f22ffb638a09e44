package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"linhui/schema/scalar"
)

func hours(t interface{ Fatal(...any) }, doc string) *Hours {
	h := new(Hours)
	if err := h.Scan(doc); err != nil {
		t.Fatal(err)
	}
	return h
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, scalar.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

const (
	weekdays = `{"rrule":"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR","dtstart":"2020-01-01","rdates":[],"exdates":[],"opens":30600,"closes":61200,"from":null,"excluded":null}`
	nights   = `{"rrule":"FREQ=DAILY","dtstart":"2020-01-01","rdates":[],"exdates":[],"opens":72000.000000,"closes":7200.000000}`
	always   = `{"rrule":"FREQ=DAILY","dtstart":"2020-01-01","rdates":[],"exdates":[],"opens":0,"closes":86400}`
)

// 2026-06-10 is a Wednesday.
func TestHours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, doc, at string
		open          bool
		next          string
	}{
		{"nothing is known", `{}`, "2026-06-10 12:00:00", false, ""},
		{"a weekday", `{"schedules":[` + weekdays + `]}`, "2026-06-10 12:00:00", true, "2026-06-10 17:00:00"},
		{"the first instant", `{"schedules":[` + weekdays + `]}`, "2026-06-10 08:30:00", true, "2026-06-10 17:00:00"},
		{"the first instant after", `{"schedules":[` + weekdays + `]}`, "2026-06-12 17:00:00", false, "2026-06-15 08:30:00"},
		{"after midnight, of yesterday", `{"schedules":[` + nights + `]}`, "2026-06-10 01:59:59", true, "2026-06-10 02:00:00"},
		{"before midnight", `{"schedules":[` + nights + `]}`, "2026-06-10 23:59:59", true, "2026-06-11 02:00:00"},
		{"always open never changes", `{"schedules":[` + always + `]}`, "2026-06-10 00:00:00", true, ""},
		{"24 hours end when there is no next day", `{"schedules":[{"rrule":null,"dtstart":"2020-01-01","rdates":["2026-06-10"],"opens":0,"closes":0}]}`,
			"2026-06-10 12:00:00", true, "2026-06-11 00:00:00"},
		{"exdate", `{"schedules":[` + strings.Replace(weekdays, `"exdates":[]`, `"exdates":["2026-06-10"]`, 1) + `]}`, "2026-06-10 12:00:00", false, "2026-06-11 08:30:00"},
		{"no longer valid", `{"schedules":[` + strings.Replace(weekdays, `"excluded":null`, `"excluded":"2026-06-10"`, 1) + `]}`, "2026-06-10 12:00:00", false, ""},
		{"the last valid day", `{"schedules":[` + strings.Replace(weekdays, `"excluded":null`, `"excluded":"2026-06-11"`, 1) + `]}`, "2026-06-10 12:00:00", true, "2026-06-10 17:00:00"},
		{"not valid yet", `{"schedules":[` + strings.Replace(weekdays, `"from":null`, `"from":"2027-01-01"`, 1) + `]}`, "2026-06-10 12:00:00", false, "2027-01-01 08:30:00"},
		{"closed today", `{"schedules":[` + weekdays + `],"exceptions":[{"day":"2026-06-10","kind":"CLOSED","opens":null,"closes":null}]}`,
			"2026-06-10 12:00:00", false, "2026-06-11 08:30:00"},
		{"a kind of exception this version does not know closes", `{"schedules":[` + weekdays + `],"exceptions":[{"day":"2026-06-10","kind":"HALF"}]}`,
			"2026-06-10 12:00:00", false, "2026-06-11 08:30:00"},
		{"changed hours on a Sunday", `{"schedules":[` + weekdays + `],"exceptions":[{"day":"2026-06-14","kind":"CHANGED","opens":36000,"closes":43200}]}`,
			"2026-06-14 10:00:00", true, "2026-06-14 12:00:00"},
		{"the night before a closed day ends as ever", `{"schedules":[` + nights + `],"exceptions":[{"day":"2026-06-10","kind":"CLOSED"}]}`,
			"2026-06-10 01:00:00", true, "2026-06-10 02:00:00"},
		{"a window with hours opens besides", `{"schedules":[` + weekdays + `],"windows":[{"from":"2026-06-10","to":"2026-06-14","hours":true,"opens":64800,"closes":79200}]}`,
			"2026-06-10 20:00:00", true, "2026-06-10 22:00:00"},
		{"a window that touches the schedule is one opening with it", `{"schedules":[` + weekdays + `],"windows":[{"from":"2026-06-10","to":"2026-06-14","hours":true,"opens":61200,"closes":79200}]}`,
			"2026-06-10 12:00:00", true, "2026-06-10 22:00:00"},
		{"a window without hours keeps those of the schedule, on Sunday too", `{"schedules":[` + weekdays + `],"windows":[{"from":"2026-06-10","to":"2026-06-14","hours":false}]}`,
			"2026-06-14 12:00:00", true, "2026-06-14 17:00:00"},
		{"a window without hours where nothing is known", `{"windows":[{"from":"2026-06-10","to":"2026-06-14","hours":false}]}`, "2026-06-10 12:00:00", false, ""},
		{"a closed day closes the window", `{"windows":[{"from":"2026-06-10","to":"2026-06-11","hours":true,"opens":64800,"closes":79200}],"exceptions":[{"day":"2026-06-10","kind":"CLOSED"}]}`,
			"2026-06-10 20:00:00", false, "2026-06-11 18:00:00"},
		{"once a year is in sight", `{"schedules":[{"rrule":"FREQ=YEARLY","dtstart":"2020-06-09","opens":36000,"closes":43200}]}`, "2026-06-10 12:00:00", false, "2027-06-09 10:00:00"},
		{"what cannot be read is closed, the rest stands", `{"schedules":[{"rrule":"每天","dtstart":"2020-01-01","opens":0,"closes":0},` + weekdays + `]}`,
			"2026-06-10 07:00:00", false, "2026-06-10 08:30:00"},
	} {
		h := hours(t, c.doc)
		next := ""
		if n := h.Next(instant(t, c.at)); n != nil {
			next = n.In(scalar.Shanghai).Format(time.DateTime)
		}
		if open := h.OpenAt(instant(t, c.at)); open != c.open || next != c.next {
			t.Errorf("%s: at %s open is %v, next %q; want %v, %q", c.name, c.at, open, next, c.open, c.next)
		}
		if unread := h.Unread() != nil; unread != strings.Contains(c.doc, "每天") {
			t.Errorf("%s: unread: %v", c.name, h.Unread())
		}
		b, err := json.Marshal(h)
		if err != nil || string(b) != c.doc {
			t.Errorf("%s: kept as %s, %v", c.name, b, err)
		}
	}
}

// drawHours draws a document and, besides, answers from it minute by minute by the words of
// the doc comment alone.
func drawHours(t *rapid.T, base scalar.Date) (doc string, open func(time.Time) bool) {
	type span struct{ opens, closes int } // minutes
	type plan struct {
		span
		weekday time.Weekday
		every   bool
	}
	minutes := rapid.IntRange(0, 47)
	drawSpan := func(name string) span { return span{30 * minutes.Draw(t, name), 30 * minutes.Draw(t, name)} }
	dates := func(name string) scalar.Date { return base.AddDays(rapid.IntRange(-3, 12).Draw(t, name)) }
	var plans []plan
	var schedules, exceptions, windows []string
	for range rapid.IntRange(0, 3).Draw(t, "schedules") {
		p := plan{drawSpan("hours"), time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")), rapid.Bool().Draw(t, "daily")}
		rule := "FREQ=DAILY"
		if !p.every {
			rule = "FREQ=WEEKLY;BYDAY=" + strings.ToUpper(p.weekday.String()[:2])
		}
		plans = append(plans, p)
		schedules = append(schedules, fmt.Sprintf(`{"rrule":%q,"dtstart":"2020-01-01","opens":%d,"closes":%d}`, rule, p.opens*60, p.closes*60))
	}
	changed := map[scalar.Date]*span{}
	for range rapid.IntRange(0, 3).Draw(t, "exceptions") {
		d := dates("exception")
		if _, twice := changed[d]; twice {
			continue
		}
		if rapid.Bool().Draw(t, "closed") {
			changed[d] = nil
			exceptions = append(exceptions, fmt.Sprintf(`{"day":"%s","kind":"CLOSED"}`, d))
			continue
		}
		s := drawSpan("changed")
		changed[d] = &s
		exceptions = append(exceptions, fmt.Sprintf(`{"day":"%s","kind":"CHANGED","opens":%d,"closes":%d}`, d, s.opens*60, s.closes*60))
	}
	type extra struct {
		from, to scalar.Date
		own      *span
	}
	var extras []extra
	for range rapid.IntRange(0, 2).Draw(t, "windows") {
		x := extra{from: dates("window")}
		x.to = x.from.AddDays(rapid.IntRange(0, 4).Draw(t, "length"))
		text := fmt.Sprintf(`{"from":"%s","to":"%s","hours":false}`, x.from, x.to)
		if rapid.Bool().Draw(t, "own hours") {
			s := drawSpan("window hours")
			x.own = &s
			text = fmt.Sprintf(`{"from":"%s","to":"%s","hours":true,"opens":%d,"closes":%d}`, x.from, x.to, s.opens*60, s.closes*60)
		}
		extras, windows = append(extras, x), append(windows, text)
	}
	doc = fmt.Sprintf(`{"schedules":[%s],"exceptions":[%s],"windows":[%s]}`, strings.Join(schedules, ","), strings.Join(exceptions, ","), strings.Join(windows, ","))

	of := func(d scalar.Date) (spans []span) {
		change, exceptional := changed[d]
		if exceptional && change == nil {
			return nil
		}
		if exceptional {
			spans = append(spans, *change)
		}
		inWindow := false
		for _, x := range extras {
			if x.from.Compare(d) <= 0 && d.Compare(x.to) <= 0 {
				if x.own != nil {
					spans = append(spans, *x.own)
				} else {
					inWindow = true
				}
			}
		}
		for _, p := range plans {
			if !exceptional && (inWindow || p.every || d.Start().Weekday() == p.weekday) {
				spans = append(spans, p.span)
			}
		}
		return spans
	}
	return doc, func(at time.Time) bool {
		today := scalar.DateOf(at)
		minute := int(at.Sub(today.Start()).Minutes())
		within := func(minute int) func(span) bool {
			return func(s span) bool {
				if s.closes <= s.opens {
					s.closes += 24 * 60
				}
				return s.opens <= minute && minute < s.closes
			}
		}
		return slices.ContainsFunc(of(today), within(minute)) || slices.ContainsFunc(of(today.AddDays(-1)), within(minute+24*60))
	}
}

func TestOpennessFlipsExactlyAtNext(t *testing.T) {
	t.Parallel()
	base := scalar.Date{Year: 2026, Month: 6, Day: 10}
	rapid.Check(t, func(t *rapid.T) {
		doc, open := drawHours(t, base)
		h := hours(t, doc)
		at := base.Start().Add(time.Duration(rapid.IntRange(0, 5*24*60).Draw(t, "minute")) * time.Minute)
		for range 6 {
			if got := h.OpenAt(at); got != open(at) {
				t.Fatalf("%s: at %v open is %v", doc, at, got)
			}
			end := base.AddDays(20).Start()
			next := h.Next(at)
			if next != nil {
				if !next.After(at) || h.OpenAt(*next) == h.OpenAt(at) || h.OpenAt(next.Add(-time.Nanosecond)) != h.OpenAt(at) {
					t.Fatalf("%s: at %v the next change is not at %v", doc, at, next)
				}
				end = *next
			}
			for m := at; m.Before(end); m = m.Add(15 * time.Minute) {
				if open(m) != open(at) {
					t.Fatalf("%s: at %v a change at %v was missed for %v", doc, at, m, next)
				}
			}
			if next == nil {
				return
			}
			at = *next
		}
	})
}

func BenchmarkHours(b *testing.B) {
	doc := `{"schedules":[` + weekdays + `,` + nights + `],"exceptions":[{"day":"2026-06-11","kind":"CLOSED"}],"windows":null}`
	at := instant(b, "2026-06-10 12:00:00")
	b.Run("read and ask", func(b *testing.B) {
		for b.Loop() {
			hours(b, doc).OpenAt(at)
		}
	})
	b.Run("ask again", func(b *testing.B) {
		h := hours(b, doc)
		for b.Loop() {
			h.OpenAt(at)
		}
	})
}
