package seed

import (
	"fmt"
	"time"
)

// A report names a point and the kinds of things that it lends. Each kind becomes one thing, whose
// tag and days are made up and said to be.
var (
	_ = imports("lendingPoints", section{owner: []string{"community"}, columns: []column{
		{from: "nameZh", as: text, need: true},
		{from: "station", refs: []string{"stations"}, need: true},
	}})
	_ = imports("lendingItemKinds", inside("lendable_items", "lendingPoint",
		column{from: "lendingPoint", refs: []string{"lendingPoints"}, need: true},
		column{from: "consumable", to: "consumable", as: flag(false)},
	).deriving(lendable, "asset_tag", "kind", "station_id", "loan_days"))
	_ = grows("lending", grower{after: []string{"residents"}, grow: (*community).lend})
)

var lendableKinds = map[any]string{"雨伞": "UMBRELLA", "雨衣": "RAINCOAT", "针线": "SEWING_KIT", "磨刀石": "WHETSTONE"}

func lendable(f *file, r *record) error {
	point := f.find(r.raw["lendingPoint"], []string{"lendingPoints"})
	r.row["asset_tag"], r.row["station_id"], r.row["loan_days"] = r.id, f.find(point.raw["station"], []string{"stations"}).key(), 7
	r.row["kind"] = "OTHER"
	if kind := lendableKinds[r.raw["nameZh"]]; kind != "" {
		r.row["kind"] = kind
	}
	inferred(r.row["provenance"], "assetTag", "kind", "loanDays")
	return nil
}

// lend keeps a shelf of things: some that come and go, and four whose loans stay as they are, one
// out, one late, one lost and one given up.
func (c *community) lend() {
	shelf := []struct {
		zh, kind string
		days     int
	}{
		{"雨伞", "UMBRELLA", 3}, {"雨伞", "UMBRELLA", 3}, {"雨衣", "RAINCOAT", 3}, {"轮椅", "WHEELCHAIR", 14}, {"工具箱", "TOOL", 1},
		{"磨刀石", "WHETSTONE", 1}, {"雨伞", "UMBRELLA", 3}, {"轮椅", "WHEELCHAIR", 14}, {"雨衣", "RAINCOAT", 3},
	}
	const lively = 5 // things that come and go
	item := func(i int) any { return c.id("lendable", i) }
	for i, x := range shelf {
		r := row{"id": item(i), "asset_tag": fmt.Sprintf("DEMO-%03d", i+1), "name_zh": x.zh + "（演示）", "kind": x.kind,
			"station_id": c.stations[i%len(c.stations)].id, "loan_days": x.days, "retired_at": nil}
		if i == lively+3 {
			r["retired_at"] = c.today
		}
		c.add("lendable_items", r)
	}
	lent := func(what any, i, borrower int, status string, at time.Time, returned, lost any) {
		c.add("loans", row{"id": c.id("loan", what), "item_id": item(i), "borrower_id": c.residents[borrower%len(c.residents)/25*25].id, // an adult
			"status": status, "lent_at": at, "due_at": startOfDay(at).AddDate(0, 0, shelf[i].days+1), "returned_at": returned, "lost_at": lost})
	}
	// Only what is back is told of the lively ones: what is out today may be back tomorrow.
	for day := range c.days(-90, -1) {
		d := c.dice("loan", date(day))
		i, at, status := d.IntN(lively), clock(day, 9*60+d.IntN(5*60)), "RETURNED"
		if d.IntN(15) == 0 {
			status = "RETURNED_DAMAGED"
		}
		lent(date(day), i, d.IntN(len(c.residents)), status, at, at.Add(time.Duration(30+d.IntN(300))*time.Minute), nil)
	}
	out := c.today.Add(-12 * time.Hour)
	lent("out", lively, 0, "ACTIVE", out, nil, nil)
	lent("late", lively+1, 25, "ACTIVE", out.AddDate(0, 0, -20), nil, nil)
	lent("lost", lively+2, 50, "LOST", out.AddDate(0, 0, -40), nil, out)
	lent("given up", lively+3, 75, "WRITTEN_OFF", out.AddDate(0, 0, -80), nil, out)
}
