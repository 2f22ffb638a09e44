package store

import (
	"reflect"
	"testing"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	var w Where
	if w.String() != "true" {
		t.Errorf("no condition is %q", w.String())
	}
	w.And("t.owner = ?", "a")
	w.And("t.a = ? OR t.b = ?", 1, 2)
	w.And("t.retired_at IS NULL")
	s := `50%_\`
	w.Contains("t.name", &s)
	w.Contains("t.name", nil)
	w.AnyOf("t.kind", nil)
	w.AnyOf("t.kind", []scalar.Enum{})
	if want := `t.owner = $1 AND (t.a = $2 OR t.b = $3) AND t.retired_at IS NULL AND t.name LIKE $4 AND t.kind = ANY($5)`; w.String() != want {
		t.Errorf("got  %s\nwant %s", &w, want)
	}
	if want := []any{"a", 1, 2, `%50\%\_\\%`, EnumTexts(nil)}; !reflect.DeepEqual(w.args, want) {
		t.Errorf("arguments %#v, want %#v", w.args, want)
	}
}

func TestRefersTakesIDsOfItsTypeOnly(t *testing.T) {
	t.Parallel()
	id := func(typ string) *string {
		s := page.ID{Type: typ, Owner: "a", UUID: uuid.UUID{1}}.String()
		return &s
	}
	var w Where
	if err := w.Refers("t.estate_id", id("Estate"), Estates, "filter", "estate"); err != nil || w.String() != "t.owner = $1 AND t.estate_id = $2" {
		t.Errorf("%s, %v", &w, err)
	}
	rubbish := "x"
	for _, bad := range []*string{id("Station"), &rubbish} {
		err := w.Refers("t.estate_id", bad, Estates, "filter", "estate")
		if f := fault.Of(err); f == nil || f.Code != fault.BadUserInput || !reflect.DeepEqual(f.Path, []string{"filter", "estate"}) {
			t.Errorf("%v", err)
		}
	}
	if err := w.Refers("t.estate_id", nil, Estates); err != nil {
		t.Error(err)
	}
}

func TestRangesHoldBothDays(t *testing.T) {
	t.Parallel()
	day := scalar.Date{Year: 2026, Month: 6, Day: 10}
	var w Where
	if err := w.During("t.starts_at", &DateRange{day, day}, "range"); err != nil {
		t.Fatal(err)
	}
	if want := []any{day.Start(), day.AddDays(1).Start()}; w.String() != "t.starts_at >= $1 AND t.starts_at < $2" || !reflect.DeepEqual(w.args, want) {
		t.Errorf("%s %v", &w, w.args)
	}
	for _, narrow := range []func(string, *DateRange, ...string) error{w.During, w.Days} {
		if err := narrow("t.x", &DateRange{day, day.AddDays(-1)}, "range"); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("a range that ends before it begins: %v", err)
		}
		if err := narrow("t.x", nil); err != nil {
			t.Error(err)
		}
	}
}
