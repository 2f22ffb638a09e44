package store

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"linhui/internal/fault"
)

// personal is what looks like somebody's in a text that is to be public; model.md §11, I23. A
// person reviews the text besides: names cannot be told by their form.
var personal = []struct {
	what string
	re   *regexp.Regexp
	// unless are the characters after which a match is harmless: 3号楼120盏灯 are lamps.
	unless string
}{
	{"a telephone number", regexp.MustCompile(`(?:^|\D)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?:\D|$)`), ""},
	{"a telephone number", regexp.MustCompile(`(?:^|\D)0\d{2,3}\)?[ -]?[2-9]\d{6,7}(?:\D|$)`), ""},
	{"an identity number", regexp.MustCompile(`(?:^|\D)[1-9]\d{5}[ -]?(?:18|19|20)\d{2}` + monthAndDay + `[ -]?\d{3}[\dXx](?:\D|$)`), ""},
	{"an identity number", regexp.MustCompile(`(?:^|\D)[1-9]\d{5}[ -]?\d{2}` + monthAndDay + `[ -]?\d{3}(?:\D|$)`), ""},
	{"a number plate", regexp.MustCompile(`(?i)[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Z][ ·.-]?` +
		`(?:\d[A-Z\d]{3,4}|[A-Z]\d[A-Z\d]{2,3}|[A-Z]{2}\d[A-Z\d]{1,2})[A-Z\d挂学警港澳]`), ""},
	{"a home", regexp.MustCompile(building + `(?:` + unit + `)?` + numeral + `{1,5} ?[室房]`), ""},
	{"a home", regexp.MustCompile(building + `(?:` + unit + `)?` + numeral + `{3,4}(?:[^\d]|$)`), counted},
	{"a home", regexp.MustCompile(unit + numeral + `{3,4}(?:[^\d]|$)`), counted},
	{"a home", regexp.MustCompile(`(?:^|[^\d-])\d{1,2}-\d{1,2}-\d{3,4}(?:[^\d-]|$)`), ""},
}

const (
	monthAndDay = `(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])`
	numeral     = `[\d零〇一二三四五六七八九十]`
	building    = numeral + `+ ?(?:号楼|栋|幢|座|#楼?) ?`
	unit        = numeral + `+ ?(?:单元|门|层) ?`
	counted     = "盏个名位件次处辆台米元人户只套块张棵条根平份余多万岁天年"
)

// CheckPublic refuses a text that seems to hold personal data; the refusal never repeats it.
func CheckPublic(text string, at ...string) error {
	text = strings.Map(narrow, text)
	for _, p := range personal {
		for _, m := range p.re.FindAllString(text, -1) {
			last, _ := utf8.DecodeLastRuneInString(m)
			if !strings.ContainsRune(p.unless, last) {
				return fault.Newf(fault.BadUserInput, "the text seems to hold %s; the public must not read it", p.what).At(at...)
			}
		}
	}
	return nil
}

// narrow makes full-width forms plain and drops characters that have no width.
func narrow(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		return r - '！' + '!'
	case r == '　':
		return ' '
	case r == '\u200b', r == '\u200c', r == '\u200d', r == '\ufeff':
		return -1
	}
	return r
}
