package seed

import (
	"crypto/sha256"
	"fmt"
	"time"
)

var _ = grows("storage", grower{after: []string{"furnishing"}, grow: (*community).keepThings})

// keepThings leaves bags at stations: those of the last weeks are collected again, and three stay as
// they are, one that nobody came for, one handed over and one not taken.
func (c *community) keepThings() {
	bags := []string{"双肩包", "购物袋", "雨伞", "折叠车"}
	left := func(what any, at time.Time, bag, status string, more row) {
		hash := sha256.Sum256(fmt.Append(nil, c.owner, what))
		r := row{"id": c.id("stored", what), "station_id": c.stations[0].id, "shelf": fmt.Sprint("DEMO-", what), "description": bag + "（演示）", "status": status,
			"claim_code_hash": fmt.Sprintf(`\x%x`, hash), "deposited_at": at, "collect_by": startOfDay(at).AddDate(0, 0, 1),
			"collected_at": nil, "handed_over_at": nil, "handed_to": nil, "refused_for": nil}
		for column, value := range more {
			r[column] = value
		}
		c.add("stored_items", r)
	}
	for day := range c.days(-30, -1) {
		d := c.dice("stored", date(day))
		at := clock(day, 9*60+d.IntN(8*60))
		left(date(day), at, pick(d, bags), "COLLECTED", row{"collected_at": at.Add(time.Duration(20+d.IntN(240)) * time.Minute)})
	}
	left("forgotten", c.today.Add(-8*time.Hour), bags[0], "DEPOSITED", nil)
	left("handed over", c.today.AddDate(0, 0, -20), bags[2], "HANDED_OVER", row{"handed_over_at": c.today.AddDate(0, 0, -10), "handed_to": "派出所"})
	left("refused", c.today.AddDate(0, 0, -3), "生鲜", "REFUSED", row{"refused_for": "易腐", "shelf": nil, "claim_code_hash": nil})
}
