package tabular

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Shanghai is the zone that instants are shown in. It has had no daylight saving since 1991.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// isText reports whether a cell is a JSON string.
func isText(c Cell) bool { return len(c) >= 2 && c[0] == '"' }

// text is what a cell says: a string without its quotes, anything else as JSON has it.
func text(c Cell) string {
	if !isText(c) {
		return string(c)
	}
	inner := c[1 : len(c)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	if json.Unmarshal(c, &s) != nil {
		return string(inner)
	}
	return s
}

// shown is a cell as people read it, "" for none.
func (c *Column) shown(cell Cell, style Style) string {
	switch {
	case cell == nil:
		return ""
	case c.List:
		return c.joined(cell, style)
	}
	return c.one(text(cell), style)
}

func (c *Column) joined(cell Cell, style Style) string {
	var elements []json.RawMessage
	if json.Unmarshal(cell, &elements) != nil {
		return string(cell)
	}
	parts := make([]string, len(elements))
	for i, e := range elements {
		if string(e) != "null" {
			parts[i] = c.one(text(e), style)
		}
	}
	return strings.Join(parts, "; ")
}

func (c *Column) one(s string, style Style) string {
	switch c.Kind {
	case Instant:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.In(Shanghai).Format(time.DateTime)
		}
	case Enum:
		if style.Labels {
			return c.label(s)
		}
	}
	return s
}

func (c *Column) label(value string) string {
	for _, v := range c.Values {
		if v.Name == value && v.Label != "" {
			return v.Label
		}
	}
	return value
}

// plainNumber reports whether s is digits with at most a minus before and a point between them.
func plainNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	return allDigits(whole) && (!point || allDigits(fraction))
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// day counts days since 1970 of "2006-01-02".
func day(s string) (int, bool) {
	t, err := time.Parse(time.DateOnly, s)
	return int(t.Unix() / (24 * 60 * 60)), err == nil
}

func integer(c Cell) (int64, bool) {
	n, err := strconv.ParseInt(string(c), 10, 64)
	return n, err == nil
}
