package store

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"linhui/schema/scalar"
)

func TestMasksOfKnownValues(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"张三": "张*", "张三丰": "张*", "欧阳三": "欧阳*", "欧阳修文": "欧阳*", "欧阳": "欧*", "艾力·某某": "艾***",
		"阿依古丽·买买提": "阿***", "John Smith": "J***", "张": "张*", " 李四 ": "李*", "": "*", "  ": "*",
	} {
		if got := maskName(name); got != want {
			t.Errorf("name %q is shown as %q, want %q", name, got, want)
		}
	}
	for phone, want := range map[string]string{
		"13812345678": "138****5678", "+86 138-1234-5678": "138****5678", "008613812345678": "138****5678", "8613812345678": "138****5678",
		"0931-1234567": "0931-****67", "(010) 12345678": "010-****78", "+86 931 1234567": "****67", "02912345678": "029-****78",
		"1234567": "****67", "12345": "****", "": "****", "0931-12": "****", "无": "****", "１３８１２３４５６７８": "****",
	} {
		if got := maskPhone(phone); got != want {
			t.Errorf("phone %q is shown as %q, want %q", phone, got, want)
		}
	}
	on := scalar.Date{Year: 2026, Month: 3, Day: 1}
	for born, want := range map[scalar.Date]string{
		{Year: 2012, Month: 3, Day: 2}: "<14", {Year: 2012, Month: 3, Day: 1}: "14–19", {Year: 2006, Month: 3, Day: 2}: "14–19",
		{Year: 2006, Month: 3, Day: 1}: "20–24", {Year: 1961, Month: 3, Day: 2}: "60–64", {Year: 1961, Month: 3, Day: 1}: "65–69",
		{Year: 2012, Month: 2, Day: 29}: "14–19", {Year: 1916, Month: 2, Day: 29}: "110–114", {Year: 2030, Month: 1, Day: 1}: "<14",
	} {
		if got := ageBand(born, on); got != want {
			t.Errorf("born %v, the band on %v is %q, want %q", born, on, got, want)
		}
	}
	ordinary, leap := scalar.Date{Year: 1966, Month: 2, Day: 28}, scalar.Date{Year: 1964, Month: 2, Day: 29}
	if a, b := completedYears(ordinary, on.AddDays(-1)), completedYears(leap, on.AddDays(-1)); a != 60 || b != 61 {
		t.Errorf("on 28 February: %d and %d completed years, want 60 and 61", a, b)
	}
}

var hanName = rapid.StringOfN(rapid.SampledFrom([]rune("张王李欧阳司马诸葛三四五伟芳娜秀英")), 1, 12, -1)

func TestNameShowsTheSurnameAndNotItsLength(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := hanName.Draw(t, "name")
		shown, hidden := strings.CutSuffix(maskName(name), "*")
		if !hidden || !strings.HasPrefix(name, shown) {
			t.Fatalf("%q is shown as %q", name, maskName(name))
		}
		if n := utf8.RuneCountInString(shown); n != 1 && !(n == 2 && doubleSurnames[shown] && shown != name) {
			t.Fatalf("%q shows %q", name, shown)
		}
		if longer := maskName(name + "丽"); utf8.RuneCountInString(name) > 2 && longer != maskName(name) {
			t.Fatalf("%q and the same with one more character differ: %q, %q", name, maskName(name), longer)
		}
	})
}

func TestNameOfOtherScriptsShowsOneCharacter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := hanName.Draw(t, "first") + rapid.SampledFrom([]string{"·", " ", "a", "é"}).Draw(t, "between") + rapid.String().Draw(t, "last") + "力"
		first, _ := utf8.DecodeRuneInString(name)
		if got := maskName(name); got != string(first)+"***" {
			t.Fatalf("%q is shown as %q", name, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if shown := strings.TrimRight(maskName(name), "*"); utf8.RuneCountInString(shown) > 1 && !doubleSurnames[shown] {
			t.Fatalf("%q shows %q", name, shown)
		}
	})
}

func TestPhoneHidesItsMiddle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`1[3-9][0-9]{9}`).Draw(t, "mobile")
		written := rapid.SampledFrom([]string{"", "+86", "0086 ", "86-", "+86 "}).Draw(t, "prefix") + number[:3] +
			rapid.SampledFrom([]string{"", " ", "-"}).Draw(t, "separator") + number[3:]
		if got := maskPhone(written); got != number[:3]+"****"+number[7:] {
			t.Fatalf("%q is shown as %q", written, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		area := rapid.StringMatching(`010|02[0-9]|0[3-9][0-9]{2}`).Draw(t, "area")
		local := rapid.StringMatching(`[2-8][0-9]{6,7}`).Draw(t, "local")
		if got := maskPhone(area + "-" + local); got != area+"-****"+local[len(local)-2:] {
			t.Fatalf("%s-%s is shown as %q", area, local, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9+ -]{0,24}`)).Draw(t, "phone")
		masked := maskPhone(text)
		shown := strings.Count(masked, "") - 1 - strings.Count(masked, "*") - strings.Count(masked, "-")
		if shown > 7 || !strings.Contains(masked, "****") {
			t.Fatalf("%q is shown as %q", text, masked)
		}
	})
}

func TestAgeBandTellsNoExactAge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		on := scalar.Date{Year: 2026, Month: 6, Day: 10}
		born := on.AddDays(-rapid.IntRange(0, 365*110).Draw(t, "days"))
		bands := map[string]int{}
		for age := 0; age <= 110; age++ {
			bands[ageBand(scalar.Date{Year: on.Year - int16(age), Month: on.Month, Day: on.Day}, on)]++
		}
		if n := bands[ageBand(born, on)]; n < 5 && completedYears(born, on) < 110 {
			t.Fatalf("born %v: the band %q holds %d ages only", born, ageBand(born, on), n)
		}
	})
}
