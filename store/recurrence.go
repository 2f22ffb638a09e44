package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"linhui/schema/scalar"

	"github.com/teambition/rrule-go"
)

// dayRule is a rule of RFC 5545 over Shanghai days, for what happens at most once a day. It
// moves nothing for weekends or holidays; dated additions and exceptions are the caller's.
// It is safe for concurrent use.
type dayRule struct {
	opt        rrule.ROption
	needsStart bool // its days are not known without its first one
}

const (
	// maxInterval bounds INTERVAL. Chosen: beyond any opening or event, and rrule-go
	// overflows at very large ones.
	maxInterval = 1000
	// cycles are years by which rrule-go gets every day late. It seeks a rule's next day until
	// the year 9999, so one that never comes (30 February) would cost 0.1 s; in 400 years the
	// calendar repeats itself to the weekday, and so near the end of its search it costs 9 ms.
	cycles = 19 * 400
)

// parseDayRule reads a rule that starts on a day, at a time of that day (for a day alone: 0).
// It refuses what is not RFC 5545, what is finer than a day, and what rrule-go cannot expand.
func parseDayRule(text string, start scalar.Date, at time.Duration) (*dayRule, error) {
	opt, err := rrule.StrToROptionInLocation(text, scalar.Shanghai)
	if err != nil {
		return nil, err
	}
	ordinal := func(w rrule.Weekday) bool { return w.N() < -5 || w.N() > 5 }
	switch {
	case strings.ContainsAny(text, "\n:") || strings.Contains(text, "DTSTART"):
		return nil, errors.New("more than one rule")
	case opt.Freq > rrule.DAILY || opt.Byhour != nil || opt.Byminute != nil || opt.Bysecond != nil:
		return nil, errors.New("finer than a day")
	case opt.Interval < 0 || opt.Interval > maxInterval || opt.Count < 0:
		return nil, fmt.Errorf("INTERVAL or COUNT out of bounds")
	case opt.Byeaster != nil, opt.Byweekno != nil && opt.Freq != rrule.YEARLY:
		return nil, errors.New("not a rule of RFC 5545")
	case slices.ContainsFunc(opt.Byweekday, ordinal) && (opt.Freq != rrule.YEARLY || opt.Bymonth != nil):
		return nil, errors.New("no month has that many weeks")
	}
	opt.Interval = max(opt.Interval, 1)
	opt.Dtstart = lateMidnight(start)
	if !opt.Until.IsZero() {
		last := scalar.DateOf(opt.Until)
		_, until, _ := strings.Cut(text, "UNTIL=")
		until, _, _ = strings.Cut(until, ";")
		if len(until) > len(rrule.DateFormat) && last.Start().Add(at).After(opt.Until) {
			last = last.AddDays(-1)
		}
		opt.Until = lateMidnight(last)
	}
	implied := opt.Byweekday == nil && opt.Bymonthday == nil && opt.Byyearday == nil && opt.Byweekno == nil && opt.Freq != rrule.DAILY
	full, err := rrule.NewRRule(*opt)
	if err != nil {
		return nil, err
	}
	// The full options hold what the first day implies.
	return &dayRule{full.Options, implied || opt.Interval > 1 || opt.Count > 0}, nil
}

// between returns the rule's days in a range, both ends included, in order.
func (r *dayRule) between(from, to scalar.Date) []scalar.Date {
	opt := r.near(lateMidnight(from))
	rule, err := rrule.NewRRule(opt) // of this call alone: rrule-go writes to it while it reads
	if err != nil {
		return nil // parseDayRule has checked it
	}
	var days []scalar.Date
	for _, t := range rule.Between(lateMidnight(from), lateMidnight(to), true) {
		y, m, d := t.Date()
		days = append(days, scalar.Date{Year: int16(y - cycles), Month: uint8(m), Day: uint8(d)})
	}
	return days
}

// near returns an equal rule that starts one or two of its steps before a day, since rrule-go
// counts from the start: 6 µs where a rule of ten years took 1 ms. A rule with a COUNT cannot
// be moved.
func (r *dayRule) near(day time.Time) rrule.ROption {
	o := r.opt
	if o.Count > 0 || !day.After(o.Dtstart) {
		return o
	}
	y, m, _ := o.Dtstart.Date()
	days := int(day.Sub(o.Dtstart).Hours() / 24)
	steps := func(periods int) int { return max(periods/o.Interval-1, 0) * o.Interval }
	switch o.Freq {
	case rrule.DAILY:
		o.Dtstart = o.Dtstart.AddDate(0, 0, steps(days))
	case rrule.WEEKLY:
		o.Dtstart = o.Dtstart.AddDate(0, 0, 7*steps(days/7))
	case rrule.MONTHLY:
		if n := steps((day.Year()-y)*12 + int(day.Month()-m)); n > 0 {
			o.Dtstart = time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		}
	case rrule.YEARLY:
		if n := steps(day.Year() - y); n > 0 {
			o.Dtstart = time.Date(y+n, 1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	return o
}

// lateMidnight is the instant that stands for a day in rrule-go. UTC, since Shanghai had
// summer time until 1991.
func lateMidnight(d scalar.Date) time.Time {
	return time.Date(int(d.Year)+cycles, time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC)
}

// occurrences returns the days of a rule (nil: none) and the dated ones but the exceptions,
// in a range with both ends included, in order.
func occurrences(rule *dayRule, dated, except []scalar.Date, from, to scalar.Date) []scalar.Date {
	var days []scalar.Date
	if rule != nil {
		days = rule.between(from, to)
	}
	for _, d := range dated {
		if from.Compare(d) <= 0 && d.Compare(to) <= 0 {
			days = append(days, d)
		}
	}
	slices.SortFunc(days, scalar.Date.Compare)
	days = slices.Compact(days)
	return slices.DeleteFunc(days, func(d scalar.Date) bool { return slices.Contains(except, d) })
}
