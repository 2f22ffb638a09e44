package store

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"linhui/schema/scalar"
)

// doubleSurnames are the 复姓 that are shown whole.
var doubleSurnames = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(`
		欧阳 歐陽 司马 司馬 上官 诸葛 諸葛 东方 东郭 东里 皇甫 尉迟 公孙 公冶 公西 公良 公羊 慕容 令狐 司徒 司空 司寇
		夏侯 长孙 宇文 轩辕 端木 百里 南宫 南门 西门 独孤 拓跋 呼延 闻人 澹台 宗政 濮阳 淳于 单于 太叔 申屠 仲孙 钟离
		鲜于 闾丘 子车 颛孙 巫马 漆雕 乐正 壤驷 夹谷 宰父 谷梁 段干 羊舌 微生 梁丘 左丘 第五 赫连 万俟 亓官 贺兰 完颜`) {
		m[s] = true
	}
	return m
}()

// maskName shows the surname of a name in Han characters, and the first character of any
// other, whose parts may stand in either order. The stars do not tell how long the rest is.
func maskName(name string) string {
	runes := []rune(strings.TrimSpace(name))
	if len(runes) == 0 {
		return "*"
	}
	if slices.ContainsFunc(runes, func(r rune) bool { return !unicode.Is(unicode.Han, r) }) {
		return string(runes[:1]) + "***"
	}
	shown := 1
	if len(runes) > 2 && doubleSurnames[string(runes[:2])] {
		shown = 2
	}
	return string(runes[:shown]) + "*"
}

// maskPhone shows a mobile number without its middle four digits, and of a landline the area
// code and the last two. A number too short to hide anything in is not shown at all.
func maskPhone(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	digits = strings.TrimPrefix(digits, "00")
	if national := strings.TrimPrefix(digits, "86"); len(national) >= 10 {
		digits = national
	}
	if len(digits) == 11 && digits[0] == '1' {
		return digits[:3] + "****" + digits[7:]
	}
	area, local := areaCode(digits)
	if len(local) < 7 {
		return "****"
	}
	return area + "****" + local[len(local)-2:]
}

// areaCode splits a landline's digits; the code comes with its dash, "" when there is none.
// Codes have three digits (010, 02x) or four.
func areaCode(digits string) (area, local string) {
	size := 4
	if strings.HasPrefix(digits, "01") || strings.HasPrefix(digits, "02") {
		size = 3
	}
	if !strings.HasPrefix(digits, "0") || len(digits) < size {
		return "", digits
	}
	return digits[:size] + "-", digits[size:]
}

// ageBand is the band of five completed years on a day. The band above "<14" is wider, since
// 10–14 would say exactly 14.
func ageBand(born, on scalar.Date) string {
	age := completedYears(born, on)
	switch {
	case age < 14:
		return "<14"
	case age < 20:
		return "14–19"
	}
	from := age / 5 * 5
	return fmt.Sprintf("%d–%d", from, from+4)
}

// completedYears is the age on a day; born on 29 February, a year is complete on 1 March.
func completedYears(born, on scalar.Date) int {
	years := int(on.Year) - int(born.Year)
	if on.Month < born.Month || on.Month == born.Month && on.Day < born.Day {
		years--
	}
	return years
}
