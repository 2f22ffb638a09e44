package seed

import "time"

var _ = grows("station visits", grower{after: []string{"furnishing"}, grow: (*community).countVisitors})

// countVisitors counts who came to the stations in the last weeks, most at weekends. One count is void: it was entered twice.
func (c *community) countVisitors() {
	purposes := []string{"READING", "RECREATION", "REST", "AFFAIRS", "HOT_DRINK", "STUDY"}
	audiences := []any{"ELDERS", "CHILDREN", "RESIDENTS", nil}
	count := func(what []any, at time.Time, purpose string, audience any, n int, voided bool) {
		r := row{"id": c.id(append([]any{"visits"}, what...)...), "station_id": c.stations[0].id, "at": at, "purpose": purpose, "audience": audience, "count": n,
			"status": "RECORDED", "voided_at": nil, "voided_for": nil}
		if voided {
			r["status"], r["voided_at"], r["voided_for"] = "VOIDED", at.Add(time.Hour), "重复登记（演示）"
		}
		c.add("station_visits", r)
	}
	for day := range c.days(-60, -1) {
		most := 8
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			most = 30
		}
		for i, begins := range []int{9, 11, 15} {
			d := c.dice("visits", date(day), i)
			count([]any{date(day), i}, clock(day, begins*60+d.IntN(60)), pick(d, purposes), pick(d, audiences), 1+d.IntN(most), false)
		}
	}
	count([]any{"twice"}, clock(epoch, 9*60), purposes[0], nil, 12, true)
}
