package seed

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
)

var _ = grows("bookings", grower{after: []string{"residents"}, grow: (*community).bookRooms, check: keepFree, moveOn: []string{
	`UPDATE room_bookings SET status = CASE WHEN ends_at <= $1 THEN 'COMPLETED' ELSE 'IN_USE' END, started_at = starts_at,
		completed_at = CASE WHEN ends_at <= $1 THEN ends_at END
	 WHERE provenance @> '{"synthetic": true}' AND (status = 'CONFIRMED' AND starts_at <= $1 OR status = 'IN_USE' AND ends_at <= $1)`,
	`UPDATE room_bookings SET status = 'CANCELLED', cancelled_at = starts_at WHERE provenance @> '{"synthetic": true}' AND status = 'REQUESTED' AND starts_at <= $1`}})

// bookRooms shows a house of two rooms that is open from 8:30 to 21:00 every day: who booked them in the last weeks and came or
// did not, and who has for the next two weeks.
func (c *community) bookRooms() {
	house := c.id("house")
	c.add("stations", row{"id": house, "name_zh": "邻里活动中心（演示）", "name_en": "activity centre (demonstration)", "kind": "ACTIVITY_ROOM",
		"functions": []string{"文娱活动"}, "served_groups": []string{"RESIDENTS"}})
	c.add("schedules", row{"id": c.id("schedule", house), "station_id": house, "rrule": "FREQ=DAILY", "dtstart": "2026-01-01",
		"opens_at": "08:30", "closes_at": "21:00", "zh": "每天 8:30—21:00"})
	purposes := []string{"合唱排练", "民乐排练", "朗诵录音", "豫剧演唱", "书画练习"}
	for _, name := range []string{"排练室", "录音室"} {
		room := c.id("room", name)
		c.add("rooms", row{"id": room, "station_id": house, "name_zh": name + "（演示）", "kind": "ACTIVITY_ROOM", "capacity": 20})
		for day := range c.days(-60, 14) {
			if day.Before(c.today) {
				c.add("room_days", row{"id": c.id("room day", name, date(day)), "room_id": room, "day": date(day), "open_minutes": 12*60 + 30})
			}
			for i, begins := range []int{9 * 60, 14 * 60, 19 * 60} {
				d := c.dice("booking", name, date(day), i)
				if d.IntN(2) == 0 {
					continue
				}
				start := clock(day, begins)
				end := start.Add(time.Duration(60+30*d.IntN(3)) * time.Minute)
				r := row{"id": c.id("booking", name, date(day), i), "room_id": room, "starts_at": start, "ends_at": end, "status": "CONFIRMED", "team_id": nil,
					"booked_by_id": c.residents[d.IntN(min(len(c.residents), 20))].id, "purpose": pick(d, purposes), "requested_at": start.AddDate(0, 0, -5),
					"confirmed_at": start.AddDate(0, 0, -4), "started_at": nil, "completed_at": nil, "cancelled_at": nil}
				if d.IntN(2) == 0 {
					r["team_id"] = pick(d, c.teams).id
				}
				switch n := d.IntN(12); {
				case n == 0:
					r["status"], r["cancelled_at"] = "CANCELLED", start.AddDate(0, 0, -4)
				case n == 1 && !end.After(c.now):
					r["status"] = "NO_SHOW"
				case n < 4 && start.After(c.now):
					r["status"], r["confirmed_at"] = "REQUESTED", nil
				}
				c.add("room_bookings", r)
			}
		}
	}
}

// keepFree leaves out days that the keeper has written and bookings of a time that somebody else has taken since.
func keepFree(ctx context.Context, tx *sql.Tx, c *community) error {
	taken := func(name, condition string) (map[uuid.UUID]bool, error) {
		rows := c.rows[name]
		list, err := json.Marshal(rows)
		if err != nil {
			return nil, err
		}
		return identifiers(ctx, tx, `SELECT g.id FROM json_populate_recordset(NULL::`+name+`, $1) g WHERE EXISTS
			(SELECT FROM `+name+` t WHERE t.owner = g.owner AND t.id <> g.id AND t.room_id = g.room_id AND `+condition+`)`, string(list))
	}
	for name, condition := range map[string]string{
		"room_days":     "t.day = g.day",
		"room_bookings": "t.status IN ('CONFIRMED', 'IN_USE') AND tstzrange(t.starts_at, t.ends_at) && tstzrange(g.starts_at, g.ends_at)",
	} {
		there, err := taken(name, condition)
		if err != nil {
			return err
		}
		c.rows[name] = slices.DeleteFunc(c.rows[name], func(r row) bool { return there[r["id"].(uuid.UUID)] })
	}
	return nil
}
