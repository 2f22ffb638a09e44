package seed

import (
	"time"

	"github.com/google/uuid"
)

var _ = grows("child care", grower{after: []string{"residents"}, grow: (*community).mindChildren})

// child is a synthetic resident below 17 and who collects it.
type child struct{ id, guardian uuid.UUID }

// children are those of the residents; a settlement too small to have two gets three.
func (c *community) children() (all []child) {
	for i, p := range c.residents {
		if n := i % 25; n >= 20 && n <= 23 && p.age(c.now) < 17 { // as settle deals ages and guardians
			all = append(all, child{p.id, c.residents[i-n].id})
		}
	}
	if len(all) > 1 {
		return all
	}
	all = nil
	for i := range 3 {
		k := child{c.id("child", i), c.residents[0].id}
		c.add("residents", row{"id": k.id, "name": "王小童", "birth_date": date(epoch.AddDate(-8, 0, 0)), "gender": "F", "phone": nil, "guardian_id": k.guardian, "estate_id": nil})
		all = append(all, k)
	}
	return all
}

// mindChildren lets children wait for their guardians on the workdays of the last weeks; one is there
// since an hour, and may be collected by another adult, as others may.
func (c *community) mindChildren() {
	children := c.children()
	stay := func(what any, k child, in time.Time, out, collector any, status string) {
		c.add("child_care_sessions", row{"id": c.id("child care", what), "station_id": c.stations[0].id, "child_id": k.id, "status": status,
			"in_at": in, "out_at": out, "collected_by_id": collector})
	}
	for day := range c.days(-28, -1) {
		d := c.dice("child care", date(day))
		if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
			continue
		}
		k, in := pick(d, children[1:]), clock(day, 15*60+d.IntN(90))
		stay(date(day), k, in, in.Add(time.Duration(30+d.IntN(120))*time.Minute), k.guardian, "COLLECTED")
	}
	stay("present", children[0], c.now.Add(-time.Hour), nil, nil, "PRESENT")
	for n, k := range children[:min(4, len(children))] {
		c.add("child_delegates", row{"id": c.id("delegate", n), "child_id": k.id, "delegate_id": c.residents[1].id,
			"valid_from": date(c.today.AddDate(0, 0, -n)), "valid_to": date(c.today.AddDate(0, 0, 30)), "status": []string{"NAMED", "REVOKED"}[n%2]})
	}
}
