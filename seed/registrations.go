package seed

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Registrations are made with their event, as REGISTERED, and move on with it.
var _ = grows("registrations", grower{after: []string{"residents", "events"}, grow: (*community).register, check: withTheirEvents, moveOn: []string{
	`UPDATE event_registrations g SET status = CASE WHEN left(md5(g.id::text), 1) < '2' THEN 'NO_SHOW' ELSE 'CHECKED_IN' END,
		checked_in_at = CASE WHEN left(md5(g.id::text), 1) < '2' THEN NULL ELSE e.starts_at END
	 FROM events e WHERE e.owner = g.owner AND e.id = g.event_id AND g.provenance @> '{"synthetic": true}' AND g.status = 'REGISTERED' AND e.over_at <= $1`}})

// register names a few of those who are counted as registered for an event with seats.
func (c *community) register() {
	for _, e := range c.rows["events"] {
		counted, _ := e["registered_count"].(int)
		if counted == 0 || e["status"] == "CANCELLED" {
			continue
		}
		start := e["starts_at"].(time.Time)
		d := c.dice("registrations", e["id"])
		first, n := d.IntN(len(c.residents)), min(counted, 1+d.IntN(4), len(c.residents))
		for i := range n {
			who := c.residents[(first+i*7)%len(c.residents)].id
			if len(c.residents)%7 == 0 {
				who = c.residents[(first+i)%len(c.residents)].id
			}
			c.add("event_registrations", row{"id": c.id("registration", e["id"], i), "event_id": e["id"], "resident_id": who,
				"registered_at": start.Add(-time.Duration(24+d.IntN(100)) * time.Hour), "status": "REGISTERED"})
		}
		e["registered_count"] = counted - n // which their rows bring up again
	}
}

// withTheirEvents leaves out registrations for events that are there: theirs were made with them, or never.
func withTheirEvents(ctx context.Context, tx *sql.Tx, c *community) error {
	there, err := identifiers(ctx, tx, `SELECT id FROM events WHERE owner = $1`, c.owner)
	c.rows["event_registrations"] = slices.DeleteFunc(c.rows["event_registrations"], func(r row) bool { return there[r["event_id"].(uuid.UUID)] })
	return err
}
