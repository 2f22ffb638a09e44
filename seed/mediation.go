package seed

import (
	"fmt"
	"time"
)

var (
	_ = imports("mediationCases", section{table: "mediation_cases", owner: []string{"community"}, columns: []column{
		{from: "disputeEn", to: "dispute", as: text, need: true},
		{from: "disputeZh", to: "dispute_zh", as: text},
		{from: "room", to: "room_id", refs: []string{"rooms"}},
		{from: "partiesCount", to: "parties_count", as: whole(2), need: true},
		{from: "steps", to: "steps", as: texts},
		{from: "status", to: "status", as: one("REGISTERED", "AGREED"), need: true},
		{from: "month", as: whole(1), need: true},
		{from: "mediators", as: texts},
		{from: "mediatorsZh", as: texts},
	}, derive: mediation, derived: []string{"told_of", "four_party", "side_a_takes_part", "side_b_takes_part", "side_a_agrees", "side_b_agrees"},
		places: []string{"month", "monthPart", "year"}})
	_ = fills(table{name: "mediation_sessions", standing: true, columns: []string{"owner", "id", "mediation_id", "provenance"}})
	_ = fills(table{name: "mediation_participants", standing: true, columns: []string{"owner", "id", "session_id", "role", "role_zh", "attended", "provenance"}})
	_ = grows("mediation", grower{after: []string{"residents"}, grow: (*community).settleDisputes})
)

// mediation makes a sitting of those who are said to have mediated. That both sides took part and
// accepted is what a report means by a dispute that was settled.
func mediation(f *file, r *record) error {
	roles, _ := r.raw["mediators"].([]any)
	zh, _ := r.raw["mediatorsZh"].([]any)
	if len(roles) != len(zh) {
		return r.bad("mediatorsZh", "as many names as mediators")
	}
	agreed := r.row["status"] == "AGREED"
	r.row["told_of"] = map[string]any{"year": r.raw["year"], "month": r.raw["month"], "day": nil, "part": r.raw["monthPart"]}
	r.row["four_party"] = len(roles) == 4
	for _, column := range []string{"side_a_takes_part", "side_b_takes_part", "side_a_agrees", "side_b_agrees"} {
		r.row[column] = agreed
	}
	if agreed {
		inferred(r.row["provenance"], "sideATakesPart", "sideBTakesPart", "sideAAgrees", "sideBAgrees")
	}
	source := map[string]any{"source": r.raw["source"], "inferred": false, "inferredFields": []any{}}
	session := ID(r.owner, r.id+"/session")
	f.extra["mediation_sessions"] = append(f.extra["mediation_sessions"], row{"owner": r.owner, "id": session, "mediation_id": r.row["id"], "provenance": source})
	for i, role := range roles {
		f.extra["mediation_participants"] = append(f.extra["mediation_participants"], row{"owner": r.owner, "id": ID(r.owner, fmt.Sprint(r.id, "/", role)),
			"session_id": session, "role": role, "role_zh": zh[i], "attended": true, "provenance": source})
	}
	return nil
}

// settleDisputes shows disputes of the last year that are over, and two that stay as they are: one
// that a side has not joined, and one for which a settlement is proposed.
func (c *community) settleDisputes() {
	kinds := []string{"UPSTAIRS_NOISE", "WATER_LEAK", "PARKING", "PETS"}
	parties := []string{"STATIONED_CADRE", "PROPERTY_MANAGEMENT", "OWNERS_COMMITTEE", "BUILDING_HEAD"}
	side := func(i int) any { return c.residents[i%len(c.residents)/25*25].id } // adults
	bring := func(what any, kind string, four bool, a int, status string, at time.Time, more row) {
		r := row{"id": c.id("mediation", what), "dispute": kind, "four_party": four, "side_a_id": side(a), "side_b_id": nil, "status": status, "opened_at": at,
			"side_a_takes_part": true, "side_b_takes_part": status != "REGISTERED", "proposals": 0, "settlement": nil, "side_a_agrees": false, "side_b_agrees": false,
			"agreed_at": nil, "referred_to": nil, "followed_up_at": nil, "followed_up_again_at": nil, "closed_at": nil}
		if status != "REGISTERED" {
			r["proposals"], r["settlement"] = 1, "双方互相体谅，约定安静时段（演示）"
		}
		for column, value := range more {
			r[column] = value
		}
		c.add("mediation_cases", r)
		if status == "REGISTERED" {
			return
		}
		session := c.id("sitting", what)
		c.add("mediation_sessions", row{"id": session, "mediation_id": r["id"], "held_at": at.AddDate(0, 0, 2)})
		invited := []string{"SIDE_A", "SIDE_B", parties[0]}
		if four {
			invited = append(invited, parties[1:]...)
		}
		for i, role := range invited {
			c.add("mediation_participants", row{"id": c.id("sitting", what, role), "session_id": session, "role": role, "attended": i < 5})
		}
	}
	for day := range c.days(-364, -50) {
		d := c.dice("mediation", date(day))
		if d.IntN(8) > 0 {
			continue
		}
		at := clock(day, 9*60+d.IntN(8*60))
		kind, four, a := pick(d, kinds), d.IntN(3) == 0, d.IntN(len(c.residents))
		if d.IntN(5) == 0 {
			bring(date(day), kind, four, a, "REFERRED", at, row{"proposals": 3, "referred_to": "人民调解委员会"})
			continue
		}
		agreed := at.AddDate(0, 0, 3+d.IntN(8))
		bring(date(day), kind, four, a, "CLOSED", at, row{"side_a_agrees": true, "side_b_agrees": true, "agreed_at": agreed, "followed_up_at": agreed.AddDate(0, 0, 7),
			"followed_up_again_at": agreed.AddDate(0, 0, 30), "closed_at": agreed.AddDate(0, 0, 31)})
	}
	bring("not joined", kinds[0], false, 0, "REGISTERED", c.today.AddDate(0, 0, -3), nil)
	bring("proposed", kinds[1], true, 1, "PROPOSED", c.today.AddDate(0, 0, -6), nil)
}
