package seed

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// convert makes a column's value of a field's value, nil when the record lacks the field. When it
// cannot, it says what it expected.
type convert func(v any) (value any, expected string)

func text(v any) (any, string) {
	if s, ok := v.(string); v == nil || ok && strings.TrimSpace(s) != "" {
		return v, ""
	}
	return nil, "a text that is not blank"
}

func texts(v any) (any, string) {
	list, ok := v.([]any)
	for _, e := range list {
		if s, isText := e.(string); !isText || strings.TrimSpace(s) == "" {
			ok = false
		}
	}
	switch {
	case v == nil:
		return []any{}, ""
	case ok:
		return v, ""
	}
	return nil, "a list of texts"
}

func flag(absent any) convert {
	return func(v any) (any, string) {
		switch v.(type) {
		case nil:
			return absent, ""
		case bool:
			return v, ""
		}
		return nil, "true or false"
	}
}

// whole is a whole number not below least.
func whole(least int64) convert {
	return func(v any) (any, string) {
		if v == nil {
			return nil, ""
		}
		if n, ok := v.(json.Number); ok {
			if i, err := n.Int64(); err == nil && i >= least && i < 1<<31 {
				return i, ""
			}
		}
		return nil, fmt.Sprintf("a whole number from %d on", least)
	}
}

var decimalText = regexp.MustCompile(`^\d{1,12}(\.\d{1,2})?$`)

// money is a decimal, 0 when absent.
func money(v any) (any, string) {
	if v == nil {
		return "0.00", ""
	}
	if s := fmt.Sprint(v); decimalText.MatchString(s) {
		return s, ""
	}
	return nil, `an amount such as "4.00"`
}

func day(v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	if s, ok := v.(string); ok {
		if _, err := time.Parse(time.DateOnly, s); err == nil {
			return s, ""
		}
	}
	return nil, "a day of the calendar as YYYY-MM-DD"
}

func one(of ...string) convert {
	return func(v any) (any, string) {
		if s, ok := v.(string); v == nil || ok && slices.Contains(of, s) {
			return v, ""
		}
		return nil, "one of " + strings.Join(of, ", ")
	}
}

func matching(pattern, expected string) convert {
	re := regexp.MustCompile(pattern)
	return func(v any) (any, string) {
		if s, ok := v.(string); v == nil || ok && re.MatchString(s) {
			return v, ""
		}
		return nil, expected
	}
}

var qualifiers = one("EXACT", "MORE_THAN", "NEARLY", "APPROX", "RANGE", "DOUBLED")

// quantity is a figure as published, {value, valueMax, qualifier, unit, zh}; value may be a number
// or a decimal text.
func quantity(v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	q, ok := v.(map[string]any)
	if !ok {
		return nil, "a quantity with value, qualifier, unit and zh"
	}
	for _, name := range []string{"qualifier", "unit", "zh"} {
		if value, expected := text(q[name]); value == nil || expected != "" {
			return nil, "a quantity with " + name
		}
	}
	if _, expected := qualifiers(q["qualifier"]); expected != "" {
		return nil, "a quantity whose qualifier is " + expected
	}
	for _, name := range []string{"value", "valueMax"} {
		if _, err := strconv.ParseFloat(fmt.Sprint(q[name]), 64); q[name] != nil && err != nil {
			return nil, "a quantity whose " + name + " is a number"
		}
	}
	return q, ""
}

// recurrence is {rrule, dtstart, timeZone, zh} as the database keeps it. A lunar rule (RFC 7529)
// becomes rscale without rrule: its days are dated rows.
func recurrence(v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil, "a schedule with rrule or zh"
	}
	out := map[string]any{"rrule": in["rrule"], "rdates": []any{}, "exdates": []any{}, "timeZone": "Asia/Shanghai", "zh": in["zh"]}
	rrule, hasRule := in["rrule"].(string)
	if _, hasText := in["zh"].(string); in["rrule"] != nil && !hasRule || !hasRule && !hasText {
		return nil, "a schedule with rrule or zh"
	}
	if scale, isLunar := strings.CutPrefix(rrule, "RSCALE="); isLunar {
		out["rscale"], _, _ = strings.Cut(scale, ";")
		out["rrule"] = nil
	} else if hasRule && !strings.HasPrefix(rrule, "FREQ=") {
		return nil, "a schedule whose rrule begins with FREQ="
	}
	for name, value := range in {
		switch name {
		case "rrule", "zh":
		case "dtstart":
			start, expected := day(value)
			if expected != "" {
				return nil, "a schedule whose dtstart is " + expected
			}
			out["dtstart"] = start.(string) + "T00:00:00+08:00"
		default: // timeZone, rscale, level
			out[name] = value
		}
	}
	return out, ""
}

// partial is a date as published: YYYY-MM-DD, or {year, month, day, part} whose year may be null.
// Exactly one of full and published is set.
type partial struct {
	full      string
	published map[string]any
	zh        string // 6月6日
}

func partialDate(v any) (partial, string) {
	const expected = "a day of the calendar as YYYY-MM-DD or {month, day, year} with a year or null"
	if s, ok := v.(string); ok {
		if _, problem := day(s); problem != "" {
			return partial{}, expected
		}
		return partial{full: s}, ""
	}
	in, ok := v.(map[string]any)
	if !ok {
		return partial{}, expected
	}
	month, badMonth := whole(1)(in["month"])
	dayOf, badDay := whole(1)(in["day"])
	year, badYear := whole(1)(in["year"])
	if badMonth+badDay+badYear != "" || month == nil || dayOf == nil {
		return partial{}, expected
	}
	checked := int64(2024) // without a year 29 February exists
	if year != nil {
		checked = year.(int64)
	}
	written := fmt.Sprintf("%04d-%02d-%02d", checked, month, dayOf)
	if _, problem := day(written); problem != "" {
		return partial{}, expected
	}
	zh := fmt.Sprintf("%d月%d日", month, dayOf)
	if year == nil {
		return partial{published: in, zh: zh}, ""
	}
	return partial{full: written, zh: zh}, ""
}
