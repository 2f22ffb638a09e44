package seed

import (
	"slices"
	"time"
)

var _ = grows("attendance", grower{after: []string{"learning"}, grow: (*community).callTheRoll})

// callTheRoll marks who came to the sessions that were held: most do.
func (c *community) callTheRoll() {
	pupils := map[any][]row{}
	for _, e := range c.rows["enrolments"] {
		if slices.Contains([]any{"ATTENDING", "COMPLETED"}, e["status"]) {
			pupils[e["course_id"]] = append(pupils[e["course_id"]], e)
		}
	}
	for _, s := range c.rows["course_sessions"] {
		if s["status"] != "HELD" {
			continue
		}
		for _, e := range pupils[s["course_id"]] {
			status := "PRESENT"
			switch d := c.dice("roll", s["id"], e["id"]); d.IntN(12) {
			case 0:
				status = "ABSENT"
			case 1:
				status = "EXCUSED"
			case 2:
				status = "LATE"
			}
			c.add("attendances", row{"id": c.id("roll", s["id"], e["id"]), "session_id": s["id"], "enrolment_id": e["id"], "status": status,
				"marked_at": s["starts_at"].(time.Time).Add(10 * time.Minute)})
		}
	}
}
