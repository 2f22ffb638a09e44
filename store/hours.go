package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"linhui/schema/scalar"
)

// Hours is when a station is open, gathered from its schedules, their exceptions and its
// service windows; those of its rooms and offerings do not open the station.
//
// A span belongs to the day it begins on, also when it ends past midnight. On a day:
//   - the schedules whose rule has the day open the station;
//   - an exception replaces them: CLOSED by nothing, CHANGED by its own hours;
//   - a service window opens it besides, unless the day is CLOSED: at the window's own hours
//     or, without any, at the hours of the schedules, whatever days their rules have. A window
//     without hours at a station without schedules opens nothing, since no hour was published;
//   - of a window whose first or last day is not known, the known one counts; without both, none.
//
// Hours are read-only and safe for concurrent use.
type Hours struct {
	raw        json.RawMessage // as the database gave it
	schedules  []schedule
	exceptions map[scalar.Date][]shift // empty: closed
	windows    []window
	unread     []error
	latest     atomic.Pointer[period]
}

// shift is a span of opening in seconds from a day's midnight; it may end on the next day.
type shift struct {
	Opens  float64 `json:"opens"`
	Closes float64 `json:"closes"`
}

type schedule struct {
	shift
	rule           *dayRule // nil: rdates only
	rdates         []scalar.Date
	exdates        []scalar.Date
	from, excluded *scalar.Date // validity, excluded its end; nil: no bound
}

type window struct {
	from, to scalar.Date // both included
	shift    *shift      // nil: the schedules'
}

// period is a stretch of time, [from, until), in which the station stays open or closed.
type period struct {
	from, until time.Time
	open        bool
	next        *time.Time // when it changes, nil if not in sight
}

// hoursHorizon is how many days Next looks ahead. Chosen: what comes once a year is in sight.
const hoursHorizon = 400

// SQL reads seconds of the day rather than times, of which 24:00 is one that Go has not.
func (*Hours) SQL() string {
	return `(SELECT jsonb_build_object(
  'schedules', (SELECT jsonb_agg(jsonb_build_object('rrule', s.rrule, 'dtstart', s.dtstart, 'rdates', s.rdates, 'exdates', s.exdates,
      'opens', extract(epoch FROM s.opens_at), 'closes', extract(epoch FROM s.closes_at), 'from', lower(s.valid), 'excluded', upper(s.valid)))
    FROM schedules s WHERE s.owner = t.owner AND s.station_id = t.id AND s.room_id IS NULL AND s.offering_id IS NULL),
  'exceptions', (SELECT jsonb_agg(jsonb_build_object('day', e.on_day, 'kind', e.kind,
      'opens', extract(epoch FROM e.opens_at), 'closes', extract(epoch FROM e.closes_at)))
    FROM schedule_exceptions e WHERE e.owner = t.owner AND e.station_id = t.id AND e.room_id IS NULL),
  'windows', (SELECT jsonb_agg(jsonb_build_object('from', coalesce(v.starts_on, v.ends_on), 'to', coalesce(v.ends_on, v.starts_on),
      'hours', v.opens_at IS NOT NULL, 'opens', extract(epoch FROM v.opens_at), 'closes', extract(epoch FROM v.closes_at)))
    FROM service_windows v WHERE v.owner = t.owner AND v.station_id = t.id AND coalesce(v.starts_on, v.ends_on) IS NOT NULL)))`
}

func (h *Hours) Unread() error { return errors.Join(h.unread...) }

func (h *Hours) Scan(src any) error {
	switch v := src.(type) {
	case []byte:
		return h.UnmarshalJSON(v)
	case string:
		return h.UnmarshalJSON([]byte(v))
	}
	return fmt.Errorf("hours: cannot read %T", src)
}

func (h *Hours) MarshalJSON() ([]byte, error) { return h.raw, nil }

// UnmarshalJSON reads the document of SQL. Entries it cannot read open nothing.
func (h *Hours) UnmarshalJSON(b []byte) error {
	var doc struct{ Schedules, Exceptions, Windows []json.RawMessage }
	if err := json.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("hours: %w", err)
	}
	h.raw = slices.Clone(b)
	h.exceptions = make(map[scalar.Date][]shift, len(doc.Exceptions))
	h.each("schedule", doc.Schedules, h.addSchedule)
	h.each("exception", doc.Exceptions, h.addException)
	h.each("service window", doc.Windows, h.addWindow)
	return nil
}

func (h *Hours) each(what string, entries []json.RawMessage, add func([]byte) error) {
	for _, e := range entries {
		if err := add(e); err != nil {
			h.unread = append(h.unread, fmt.Errorf("%s: %w", what, err))
		}
	}
}

func (h *Hours) addSchedule(b []byte) error {
	var d struct {
		shift
		Rrule           *string
		Dtstart         scalar.Date
		Rdates, Exdates []scalar.Date
		From, Excluded  *scalar.Date
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	s := schedule{shift: d.shift.whole(), rdates: d.Rdates, exdates: d.Exdates, from: d.From, excluded: d.Excluded}
	if d.Rrule != nil {
		var err error
		if s.rule, err = parseDayRule(*d.Rrule, d.Dtstart, 0); err != nil {
			return fmt.Errorf("rule %q: %w", *d.Rrule, err)
		}
	}
	h.schedules = append(h.schedules, s)
	return nil
}

func (h *Hours) addException(b []byte) error {
	var d struct {
		shift
		Day  scalar.Date
		Kind string
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	switch d.Kind {
	case "CHANGED":
		h.exceptions[d.Day] = []shift{d.shift.whole()}
	default: // CLOSED, and what a newer database may say: rather closed than in vain
		h.exceptions[d.Day] = []shift{}
	}
	return nil
}

func (h *Hours) addWindow(b []byte) error {
	var d struct {
		shift
		Hours    bool
		From, To scalar.Date
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	w := window{from: d.From, to: d.To}
	if d.Hours {
		own := d.shift.whole()
		w.shift = &own
	}
	h.windows = append(h.windows, w)
	return nil
}

// whole is the shift with its end after its beginning.
func (s shift) whole() shift {
	if s.Closes <= s.Opens {
		s.Closes += 24 * 60 * 60
	}
	return s
}

func (s shift) on(d scalar.Date) span {
	at := func(seconds float64) time.Time {
		return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, int(seconds), 0, scalar.Shanghai)
	}
	return span{at(s.Opens), at(s.Closes)}
}

func (s *schedule) valid(d scalar.Date) bool {
	return (s.from == nil || s.from.Compare(d) <= 0) && (s.excluded == nil || d.Compare(*s.excluded) < 0)
}

// days returns the schedule's days in a range, both ends included.
func (s *schedule) days(from, to scalar.Date) []scalar.Date {
	days := occurrences(s.rule, s.rdates, s.exdates, from, to)
	return slices.DeleteFunc(days, func(d scalar.Date) bool { return !s.valid(d) })
}

// span is an opening, [from, to).
type span struct{ from, to time.Time }

// spans returns the openings that begin on the days of a range, both ends included, in
// order; those that touch are one.
func (h *Hours) spans(from, to scalar.Date) []span {
	var all []span
	add := func(d scalar.Date, some ...shift) {
		for _, s := range some {
			all = append(all, s.on(d))
		}
	}
	for i := range h.schedules {
		for _, d := range h.schedules[i].days(from, to) {
			if _, replaced := h.exceptions[d]; !replaced {
				add(d, h.schedules[i].shift)
			}
		}
	}
	for d, shifts := range h.exceptions {
		if from.Compare(d) <= 0 && d.Compare(to) <= 0 {
			add(d, shifts...)
		}
	}
	for _, w := range h.windows {
		for d := later(from, w.from); d.Compare(to) <= 0 && d.Compare(w.to) <= 0; d = d.AddDays(1) {
			shifts, replaced := h.exceptions[d]
			switch {
			case replaced && len(shifts) == 0: // closed
			case w.shift != nil:
				add(d, *w.shift)
			case !replaced:
				for i := range h.schedules {
					if s := &h.schedules[i]; s.valid(d) {
						add(d, s.shift)
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b span) int { return a.from.Compare(b.from) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && !s.from.After(merged[n-1].to) {
			if s.to.After(merged[n-1].to) {
				merged[n-1].to = s.to
			}
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

func later(a, b scalar.Date) scalar.Date {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// OpenAt reports whether the station is open at an instant; the end of a span is excluded.
func (h *Hours) OpenAt(t time.Time) bool { return h.periodAt(t).open }

// Next returns when the station next opens or closes after an instant, nil when it does
// neither within 400 days.
func (h *Hours) Next(t time.Time) *time.Time { return h.periodAt(t).next }

// periodAt keeps the period it computed last: hot lists ask the same hours about now, now and
// now.
func (h *Hours) periodAt(t time.Time) *period {
	if p := h.latest.Load(); p != nil && !t.Before(p.from) && t.Before(p.until) {
		return p
	}
	p := h.period(t)
	h.latest.Store(p)
	return p
}

// period looks a week ahead first, and as far as it goes only for what changes later.
func (h *Hours) period(t time.Time) *period {
	today := scalar.DateOf(t)
	for _, ahead := range []int{7, hoursHorizon} {
		last := today.AddDays(ahead)
		p := &period{from: today.Start(), until: today.End()}
		for _, s := range h.spans(today.AddDays(-1), last) {
			if !s.to.After(t) {
				p.from = lateInstant(p.from, s.to)
				continue
			}
			change := s.from
			if p.open = !s.from.After(t); p.open {
				p.from, change = lateInstant(p.from, s.from), s.to
			}
			if !p.open || s.to.Before(last.End()) { // else the next day may go on
				p.next, p.until = &change, change
			}
			break
		}
		if p.next != nil || ahead == hoursHorizon {
			return p
		}
	}
	panic("unreachable: the horizon ends the loop")
}

func lateInstant(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
