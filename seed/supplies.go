package seed

var _ = grows("supplies", grower{after: []string{"furnishing"}, grow: (*community).handOut, revise: map[string]string{
	"offerings": `UPDATE offerings t SET stock = r.stock FROM jsonb_populate_recordset(NULL::offerings, $1) r
		WHERE t.owner = r.owner AND t.id = r.id AND t.stock < r.stock / 2`}})

// handOut keeps a box of heat packs that goes down a little each day, and is filled again before it is empty: a run
// tops up at most the days that it looks back at.
func (c *community) handOut() {
	packs := c.id("offering", "heat packs")
	c.add("offerings", row{"id": packs, "station_id": c.stations[0].id, "name_zh": "暖宝（演示）", "name_en": "heat packs (demonstration)",
		"kind": "HEAT_PACK", "consumable": true, "stock": 2000})
	give := func(what any, on string, quantity int, audience, status string, why any) {
		c.add("supply_issues", row{"id": c.id("supply", what), "offering_id": packs, "given_on": on, "quantity": quantity, "audience": audience,
			"status": status, "cancelled_for": why})
	}
	for day := range c.days(-30, -1) {
		d := c.dice("supply", date(day))
		give(date(day), date(day), 1+d.IntN(20), pick(d, []string{"ON_DUTY_STAFF", "SANITATION_WORKERS", "RESIDENTS"}), "ISSUED", nil)
	}
	give("mistake", date(c.today.AddDate(0, 0, -2)), 200, "RESIDENTS", "CANCELLED", "多记一个零（演示）")
}
