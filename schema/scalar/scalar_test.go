package scalar_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"linhui/schema/scalar"
)

func printed(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

// Shanghai had summer time in 1940-1949 and 1986-1991, often from midnight on: such a day has
// no 00:00, and residents were born on it.
func TestEveryDayReadsBackAndBeginsOnItself(t *testing.T) {
	t.Parallel()
	day, err := scalar.ParseDate("1890-01-01")
	if err != nil {
		t.Fatal(err)
	}
	for at := time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2110; at = at.AddDate(0, 0, 1) {
		text := at.Format(time.DateOnly)
		parsed, err := scalar.ParseDate(text)
		if err != nil || parsed.String() != text || parsed != day {
			t.Fatalf("%s reads back as %s, the day after the one before is %s; %v", text, parsed, day, err)
		}
		if first := day.Start(); scalar.DateOf(first) != day || scalar.DateOf(first.Add(-time.Nanosecond)) == day {
			t.Fatalf("%s begins at %s", day, first)
		}
		next := day.AddDays(1)
		if !day.End().Equal(next.Start()) || next.AddDays(-1) != day || day.Compare(next) != -1 || next.Compare(day) != 1 || day.Compare(day) != 0 {
			t.Fatalf("%s is not followed by %s", day, next)
		}
		day = next
	}
}

func TestDaysThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2025-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00", "2024-1-1",
		"20240101", "2024-01-01T00:00:00Z", " 2024-01-01", "", "today", "99999-01-01", "-001-01-01"} {
		if d, err := scalar.UnmarshalDate(s); err == nil {
			t.Errorf("%q was read as %s", s, d)
		}
	}
	for _, v := range []any{20240101, int64(1), nil, true, json.Number("20240101")} {
		if d, err := scalar.UnmarshalDate(v); err == nil {
			t.Errorf("%v was read as %s", v, d)
		}
	}
	if d, err := scalar.UnmarshalDate("2024-02-29"); err != nil || printed(scalar.MarshalDate(d)) != `"2024-02-29"` {
		t.Errorf("a leap day: %s, %v", d, err)
	}
}

func TestDateOfIsTheShanghaiDay(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2026-06-09T15:59:59.999Z":  "2026-06-09",
		"2026-06-09T16:00:00Z":      "2026-06-10",
		"2026-06-10T23:59:59+08:00": "2026-06-10",
		"2026-06-10T23:59:59-05:00": "2026-06-11",
	} {
		instant, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := scalar.DateOf(instant).String(); got != want {
			t.Errorf("%s lies on %s, want %s", at, got, want)
		}
	}
}

func TestAnInstantNeedsAnOffsetAndIsPrintedInShanghais(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2024-12-08T09:30:00+08:00":    `"2024-12-08T09:30:00+08:00"`,
		"2024-12-08T01:30:00Z":         `"2024-12-08T09:30:00+08:00"`,
		"2024-12-07T20:30:00.25-05:00": `"2024-12-08T09:30:00.25+08:00"`,
		"1988-07-01T00:00:00Z":         `"1988-07-01T08:00:00+08:00"`, // summer time, +09:00 on clocks
		"1899-05-01T00:00:00Z":         `"1899-05-01T08:00:00+08:00"`, // local mean time, +08:05:43
	} {
		at, err := scalar.UnmarshalDateTime(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := printed(scalar.MarshalDateTime(at)); got != want {
			t.Errorf("%s is printed %s, want %s", s, got, want)
		}
	}
	for _, v := range []any{"2024-12-08T09:30:00", "2024-12-08 09:30:00+08:00", "2024-12-08", "2024-02-30T00:00:00Z", "2024-12-08T24:00:00Z",
		"2024-12-08T9:30:00+08:00", "2024-12-08T09:30:00,5+08:00", "2024-12-08T09:30:00+25:00", "", int64(1733621400), nil, json.Number("1")} {
		if at, err := scalar.UnmarshalDateTime(v); err == nil {
			t.Errorf("%v was read as %s", v, at)
		}
	}
}

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "4.00", "-0.10", "123456789012345678901234567890", "0.000000000000000000000000000001"[:31], "007"} {
		d, err := scalar.UnmarshalDecimal(s)
		if err != nil || printed(scalar.MarshalDecimal(d)) != `"`+s+`"` {
			t.Errorf("%s became %s, %v", s, printed(scalar.MarshalDecimal(d)), err)
		}
		var scanned, read scalar.Decimal
		if err := scanned.Scan([]byte(s)); err != nil || string(scanned) != s {
			t.Errorf("%s is scanned as %s, %v", s, scanned, err)
		}
		if err := json.Unmarshal([]byte(`"`+s+`"`), &read); s != "007" && (err != nil || string(read) != s) {
			t.Errorf("%s is read from JSON as %s, %v", s, read, err)
		}
	}
	var number scalar.Decimal
	if err := json.Unmarshal([]byte(`12345678901234567890.10`), &number); err != nil || number != "12345678901234567890.10" {
		t.Errorf("a JSON number loses digits: %s, %v", number, err)
	}
	for _, v := range []any{"", "-", ".5", "5.", "1e5", "1,000", "+1", " 1", "1 ", "0x1", "NaN", "--1", "1.2.3", "１", strings.Repeat("9", 31), 4.0, int64(4), nil, json.Number("4")} {
		if d, err := scalar.UnmarshalDecimal(v); err == nil {
			t.Errorf("%v was read as %s", v, d)
		}
	}
	for _, j := range []string{`"abc"`, `""`, `true`, `{}`} {
		var d scalar.Decimal
		if err := json.Unmarshal([]byte(j), &d); err == nil {
			t.Errorf("%s was read as %q", j, d)
		}
	}
}

func TestDocumentsOfANewerDatabaseAreReadAsFarAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	var q scalar.ReportedQuantity
	if err := q.Scan([]byte(`{"value": 30, "qualifier": "ALMOST", "unit": "人", "zh": "近三十人", "new": [1]}`)); err != nil {
		t.Fatal(err)
	}
	if q.Qualifier != "OTHER" || *q.Value != "30" {
		t.Errorf("an unknown qualifier is read as %+v", q)
	}
	var r scalar.Recurrence
	if err := r.Scan(`{"rrule": "FREQ=WEEKLY"}`); err != nil || r.TimeZone != "Asia/Shanghai" {
		t.Errorf("%+v, %v", r, err)
	}
	var p scalar.Provenance
	if err := p.Scan(42); err == nil {
		t.Error("a number was read as a document")
	}
}
