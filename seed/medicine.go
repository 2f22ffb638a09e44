package seed

var (
	_ = imports("medicineBoxes", named("medicine_boxes",
		column{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		column{from: "brand", to: "brand_id", refs: []string{"brands"}},
		column{from: "donated", to: "donated_reported", as: quantity}))
	_ = grows("medicine", grower{after: []string{"furnishing"}, grow: (*community).medicate})
)

// medicate keeps a box of five lots: given out week by week, one past its day and thrown away, one on prescription.
func (c *community) medicate() {
	box := c.id("medicine box")
	c.add("medicine_boxes", row{"id": box, "name_zh": "共享药箱（演示）", "name_en": "shared medicine box (demonstration)", "station_id": c.stations[0].id})
	move := func(stock any, what, kind string, quantity, day int, reason any) {
		c.add("medicine_moves", row{"id": c.id("medicine move", stock, what), "stock_id": stock, "kind": kind, "quantity": quantity, "occurred_on": date(epoch.AddDate(0, 0, day)),
			"reason": reason, "recorded_by": principal})
	}
	for i, x := range []struct {
		zh           string
		expires      int
		prescription bool
	}{{"退热贴", 1500, false}, {"感冒冲剂", 1200, false}, {"碘伏棉签", 900, false}, {"止咳糖浆", 40, false}, {"降压药", 1100, true}} {
		stock := c.id("medicine", i)
		c.add("medicine_stocks", row{"id": stock, "box_id": box, "name_zh": x.zh + "（演示）", "lot": date(epoch.AddDate(0, -6, i))[:7], "expires_on": date(epoch.AddDate(0, 0, x.expires)),
			"prescription": x.prescription})
		move(stock, "donated", "DONATED", 6+i, i, nil)
		if !x.prescription {
			move(stock, "first", "DISPENSED", 1, 20+i, nil)
			move(stock, "second", "DISPENSED", 2, 30+i, nil)
		}
		if x.expires == 40 {
			move(stock, "expired", "DISCARDED", 2, 45, "过期（演示）")
		}
	}
}
