package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"linhui/schema/scalar"
)

func day(t testing.TB, s string) scalar.Date {
	t.Helper()
	d, err := scalar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRulesOfTheDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rule, start, from, to string
		at                          time.Duration
		want                        []string
	}{
		{"the service day falls on a weekend and stays there", "FREQ=MONTHLY;BYMONTHDAY=10;COUNT=12", "2020-01-10", "2020-10-01", "2021-06-01", 0,
			[]string{"2020-10-10", "2020-11-10", "2020-12-10"}},
		{"the free meal", "FREQ=MONTHLY;BYMONTHDAY=8", "2023-03-08", "2026-01-01", "2026-02-28", 0, []string{"2026-01-08", "2026-02-08"}},
		{"school days", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2020-01-01", "2026-06-12", "2026-06-15", 0, []string{"2026-06-12", "2026-06-15"}},
		{"the weekday that the start implies", "FREQ=WEEKLY;INTERVAL=2", "2026-01-07", "2026-06-01", "2026-06-30", 0, []string{"2026-06-10", "2026-06-24"}},
		{"no 31st is no day", "FREQ=MONTHLY", "2025-12-31", "2026-01-01", "2026-05-30", 0, []string{"2026-01-31", "2026-03-31"}},
		{"the last day before UNTIL, a day", "FREQ=DAILY;UNTIL=20260611", "2026-06-01", "2026-06-10", "2026-06-20", 9 * time.Hour, []string{"2026-06-10", "2026-06-11"}},
		{"the last one before UNTIL, an instant", "FREQ=DAILY;UNTIL=20260611T000000Z", "2026-06-01", "2026-06-10", "2026-06-20", 9 * time.Hour, []string{"2026-06-10"}},
		{"UNTIL is that very instant", "FREQ=DAILY;UNTIL=20260611T010000Z", "2026-06-01", "2026-06-10", "2026-06-20", 9 * time.Hour, []string{"2026-06-10", "2026-06-11"}},
		{"the last Friday", "FREQ=MONTHLY;BYDAY=-1FR", "2024-01-01", "2026-06-01", "2026-07-31", 0, []string{"2026-06-26", "2026-07-31"}},
		{"before its start there is nothing", "FREQ=DAILY", "2026-06-10", "2026-06-01", "2026-06-11", 0, []string{"2026-06-10", "2026-06-11"}},
		{"a day that never comes", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "2020-01-01", "2026-06-01", "2027-07-31", 0, nil},
	} {
		rule, err := parseDayRule(c.rule, day(t, c.start), c.at)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, d := range rule.between(day(t, c.from), day(t, c.to)) {
			got = append(got, d.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "每周三", "FREQ=FORTNIGHTLY", "FREQ=HOURLY", "FREQ=DAILY;BYHOUR=9", "FREQ=DAILY;BYSECOND=1", "INTERVAL=2",
		"FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;INTERVAL=9223372036854775807", "FREQ=MONTHLY;BYDAY=53MO", "FREQ=YEARLY;BYMONTH=12;BYDAY=9SU",
		"FREQ=YEARLY;BYEASTER=400", "FREQ=MONTHLY;BYWEEKNO=3", "FREQ=MONTHLY;BYMONTHDAY=32", "RSCALE=CHINESE;FREQ=YEARLY",
		"DTSTART:20200101T000000Z\nRRULE:FREQ=DAILY", "FREQ=DAILY;DTSTART=20200101", "RRULE:FREQ=DAILY",
	} {
		if _, err := parseDayRule(text, day(t, "2020-01-01"), 0); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// FuzzDayRule: whatever text a database holds, it is refused or expanded, without a panic and
// alike from near by and from its start.
func FuzzDayRule(f *testing.F) {
	for _, s := range []string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU;WKST=SU;INTERVAL=3", "FREQ=YEARLY;BYWEEKNO=-1,1;BYDAY=MO",
		"FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU;COUNT=9", "FREQ=YEARLY;BYDAY=-53MO", "FREQ=YEARLY;BYYEARDAY=-366;UNTIL=20300101"} {
		f.Add(s, uint16(100), uint16(4000))
	}
	f.Fuzz(func(t *testing.T, text string, after, ahead uint16) {
		start := day(t, "2010-06-15")
		rule, err := parseDayRule(text, start, 0)
		if err != nil {
			return
		}
		from := start.AddDays(int(after) % 10000)
		got := rule.between(from, from.AddDays(int(ahead)%500))
		for i := range got {
			if got[i].Compare(from) < 0 || i > 0 && got[i].Compare(got[i-1]) <= 0 {
				t.Fatalf("%s from %v: %v", text, from, got)
			}
		}
	})
}

func TestARuleNearByIsTheRuleFromItsStart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := scalar.Date{Year: 2012, Month: 1, Day: 1}.AddDays(rapid.IntRange(0, 800).Draw(t, "start"))
		from := start.AddDays(rapid.IntRange(-50, 4000).Draw(t, "from"))
		to := from.AddDays(rapid.IntRange(0, 500).Draw(t, "length"))
		opt := rrule.ROption{Freq: rapid.SampledFrom([]rrule.Frequency{rrule.YEARLY, rrule.MONTHLY, rrule.WEEKLY, rrule.DAILY}).Draw(t, "freq"),
			Interval: rapid.IntRange(1, 5).Draw(t, "interval"),
			Wkst:     rapid.SampledFrom([]rrule.Weekday{rrule.MO, rrule.SU}).Draw(t, "wkst")}
		some := func(name string, lo, hi int) []int {
			return rapid.SliceOfNDistinct(rapid.IntRange(lo, hi).Filter(func(n int) bool { return n != 0 }), 0, 4, rapid.ID[int]).Draw(t, name)
		}
		switch rapid.IntRange(0, 3).Draw(t, "by") {
		case 1:
			opt.Bymonthday = some("monthday", -28, 28)
		case 2:
			opt.Byweekday = rapid.SliceOfDistinct(rapid.SampledFrom([]rrule.Weekday{rrule.MO, rrule.WE, rrule.TH, rrule.SU}), rrule.Weekday.String).Draw(t, "weekday")
			if opt.Freq < rrule.WEEKLY {
				opt.Bysetpos = some("setpos", -3, 3)
			}
		case 3:
			opt.Bymonth = some("month", 1, 12)
		}
		if rapid.Bool().Draw(t, "ends") {
			opt.Until = start.AddDays(rapid.IntRange(0, 5000).Draw(t, "until")).Start()
		}
		text := opt.RRuleString()
		rule, err := parseDayRule(text, start, 0)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		opt.Dtstart = time.Date(int(start.Year), time.Month(start.Month), int(start.Day), 0, 0, 0, 0, scalar.Shanghai)
		full, err := rrule.NewRRule(opt)
		if err != nil {
			t.Fatal(err)
		}
		var want []scalar.Date
		for _, at := range full.Between(from.Start(), to.Start(), true) {
			want = append(want, scalar.DateOf(at))
		}
		if diff := cmp.Diff(want, rule.between(from, to)); diff != "" {
			t.Fatalf("%s from %v, %v to %v: %s", text, start, from, to, diff)
		}
	})
}

func BenchmarkDayRule(b *testing.B) {
	for name, text := range map[string]string{"daily": "FREQ=DAILY", "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "monthly": "FREQ=MONTHLY;BYMONTHDAY=8",
		"counted": "FREQ=DAILY;COUNT=5000", "never": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"} {
		start, from := day(b, "2015-01-01"), day(b, "2026-06-10")
		b.Run(name+"/parse", func(b *testing.B) {
			for b.Loop() {
				_, _ = parseDayRule(text, start, 0)
			}
		})
		b.Run(name+"/week", func(b *testing.B) {
			rule, err := parseDayRule(text, start, 0)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				rule.between(from, from.AddDays(8))
			}
		})
	}
}
