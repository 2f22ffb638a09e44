// Package scalar holds the Go side of the schema's scalars and enums, and of the JSON
// documents that columns carry.
package scalar

import (
	"cmp"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Shanghai must be known on a machine without zoneinfo

	"github.com/99designs/gqlgen/graphql"

	"linhui/internal/marshal"
)

// Shanghai is the zone of every calendar day. 若羌 keeps it too.
var Shanghai = func() *time.Location {
	loc, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err) // tzdata is linked in
	}
	return loc
}()

// Enum is the value of any GraphQL enum. Which values a column may hold is known from the
// SDL; store maps one it does not know to OTHER.
type Enum string

// Date is a calendar day in Shanghai; the zero Date is not a day.
type Date struct {
	Year  int16
	Month uint8
	Day   uint8
}

// DateOf returns the Shanghai day of an instant.
func DateOf(t time.Time) Date {
	y, m, d := t.In(Shanghai).Date()
	return Date{int16(y), uint8(m), uint8(d)}
}

// ParseDate reads 2006-01-02 and refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, Shanghai)
	if err != nil {
		return Date{}, fmt.Errorf("a Date is a calendar day such as 2024-12-08")
	}
	return DateOf(t), nil
}

// Start is the first instant of the day, included.
func (d Date) Start() time.Time {
	return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, 0, 0, Shanghai)
}

// End is the first instant of the next day, excluded.
func (d Date) End() time.Time { return d.AddDays(1).Start() }

// AddDays moves by whole days.
func (d Date) AddDays(n int) Date { return DateOf(d.Start().AddDate(0, 0, n)) }

// Compare orders by time: -1, 0 or 1.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

func (d Date) String() string {
	if d.Year < 1000 || d.Year > 9999 || d.Month > 99 || d.Day > 99 {
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
	// A year of four digits, without fmt: days stand in every row of lists and aggregates.
	b := [10]byte{4: '-', 7: '-'}
	year := d.Year
	for i := 3; i >= 0; i-- {
		b[i] = '0' + byte(year%10)
		year /= 10
	}
	b[5], b[6] = '0'+d.Month/10, '0'+d.Month%10
	b[8], b[9] = '0'+d.Day/10, '0'+d.Day%10
	return string(b[:])
}

// MarshalText and UnmarshalText make a Date a string in JSON.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Date) UnmarshalText(b []byte) error {
	var err error
	*d, err = ParseDate(string(b))
	return err
}

func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case time.Time: // lib/pq gives a date as midnight UTC
		y, m, day := v.Date()
		*d = Date{int16(y), uint8(m), uint8(day)}
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	}
	return fmt.Errorf("date: cannot read %T", src)
}

func (d Date) Value() (driver.Value, error) { return d.String(), nil }

func MarshalDate(d Date) graphql.Marshaler { return marshal.String(d.String()) }

func UnmarshalDate(v any) (Date, error) {
	s, ok := v.(string)
	if !ok {
		return Date{}, fmt.Errorf("a Date is a string such as \"2024-12-08\"")
	}
	return ParseDate(s)
}

// printed is the offset of every DateTime in an answer, also of instants when clocks in
// Shanghai showed summer time or, until 1901, local mean time, whose seconds RFC 3339 lacks.
var printed = time.FixedZone("", 8*60*60)

func MarshalDateTime(t time.Time) graphql.Marshaler { return instant(t) }

type instant time.Time

func (t instant) MarshalGQL(w io.Writer) { w.Write(t.AppendGQL(nil)) }

func (t instant) AppendGQL(b []byte) []byte {
	return append(time.Time(t).In(printed).AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func UnmarshalDateTime(v any) (time.Time, error) {
	// time.Parse also takes an hour of one digit and a decimal comma, which RFC 3339 does not.
	if s, ok := v.(string); ok && len(s) > 13 && s[13] == ':' && !strings.Contains(s, ",") {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("a DateTime is RFC 3339 with an offset, such as \"2024-12-08T09:30:00+08:00\"")
}

// Decimal is an exact number in PostgreSQL's own notation, so that 4.00 stays 4.00.
type Decimal string

func (d *Decimal) Scan(src any) error {
	switch v := src.(type) {
	case []byte:
		*d = Decimal(v)
	case string:
		*d = Decimal(v)
	case int64:
		*d = Decimal(strconv.FormatInt(v, 10))
	default:
		return fmt.Errorf("decimal: cannot read %T", src)
	}
	return nil
}

func (d Decimal) Value() (driver.Value, error) { return string(d), nil }

// UnmarshalJSON accepts a JSON string or number, digit for digit.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("decimal: %w", err)
	}
	*d = Decimal(n)
	return nil
}

func MarshalDecimal(d Decimal) graphql.Marshaler { return marshal.String(string(d)) }

func UnmarshalDecimal(v any) (Decimal, error) {
	s, ok := v.(string)
	if !ok || !isDecimal(s) {
		return "", fmt.Errorf("a Decimal is a string of digits such as \"4.00\"")
	}
	return Decimal(s), nil
}

// isDecimal accepts at most 30 digits with an optional sign and point: what numeric holds
// without an exponent.
func isDecimal(s string) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	digits, points := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] >= '0' && s[i] <= '9':
			digits++
		case s[i] == '.' && i > 0 && i < len(s)-1:
			points++
		default:
			return false
		}
	}
	return digits > 0 && digits <= 30 && points <= 1
}
