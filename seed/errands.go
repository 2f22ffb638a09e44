package seed

import "time"

var (
	_ = imports("errandCases", section{table: "errand_cases", owner: []string{"community"}, columns: []column{
		{from: "matterEn", to: "matter", as: text, need: true},
		{from: "matterZh", to: "matter_zh", as: text},
		{from: "mode", to: "mode_zh", as: text},
		{from: "station", to: "station_id", refs: []string{"stations"}},
		{from: "estate", to: "estate_id", refs: []string{"estates"}},
		{from: "reason", to: "reason", as: text},
		{from: "status", to: "status", as: one("REQUESTED", "COMPLETED", "REFUSED_BY_AUTHORITY"), need: true},
	}, derive: errand, derived: []string{"granted", "beneficiary_group"}, places: []string{"beneficiaryGroup", "privacyClass"}})
	_ = grows("errands", grower{after: []string{"residents"}, grow: (*community).runErrands})
)

// beneficiaries are the audiences that reports name in the singular.
var beneficiaries = map[any]string{"EMPTY_NEST_ELDER": "EMPTY_NEST_ELDERS"}

func errand(f *file, r *record) error {
	group := r.raw["beneficiaryGroup"]
	if code, singular := beneficiaries[group]; singular {
		group = code
	}
	if group != nil && f.find(group, []string{"audiences"}) == nil {
		return r.bad("beneficiaryGroup", "the code of an audience of the file")
	}
	r.row["beneficiary_group"], r.row["granted"] = group, nil
	if r.row["status"] != "REQUESTED" {
		r.row["granted"] = r.row["status"] == "COMPLETED"
	}
	return nil
}

// runErrands shows errands of the last year that are over, and three that stay as they are: one just asked
// for, one that waits, and one whose document has not gone back.
func (c *community) runErrands() {
	matters := []string{"MEDICAL_INSURANCE", "OLD_AGE_ALLOWANCE", "PENSION", "MEDICAL_ASSISTANCE"}
	papers := []string{"IDENTITY_CARD", "HOUSEHOLD_BOOK", "MEDICAL_RECORD"}
	agent := c.post("GRID_WORKER")
	run := func(what any, matter string, resident int, status string, asked time.Time, more row) {
		r := row{"id": c.id("errand", what), "matter": matter, "station_id": c.stations[0].id, "resident_id": c.residents[resident%len(c.residents)].id,
			"agent_post_id": nil, "status": status, "requested_at": asked, "authorised_at": nil, "authorised_until": nil, "authorisation_form": nil,
			"authorisation_scope": nil, "submitted_at": nil, "submitted_to": nil, "decided_at": nil, "granted": nil, "outcome": nil, "closed_at": nil}
		if status != "REQUESTED" {
			at := asked.AddDate(0, 0, 1)
			r["agent_post_id"], r["authorised_at"], r["authorised_until"], r["authorisation_form"] = agent, at, date(at.AddDate(0, 3, 0)), "SIGNED"
			r["authorisation_scope"], r["submitted_at"], r["submitted_to"] = "代办全程（演示）", asked.AddDate(0, 0, 3), "街道便民服务中心"
		}
		for column, value := range more {
			r[column] = value
		}
		c.add("errand_cases", r)
	}
	hold := func(what any, n int, from time.Time, back any) {
		for i := range n {
			r := row{"id": c.id("errand paper", what, i), "errand_id": c.id("errand", what), "kind": papers[i], "receipt_no": i + 1, "held_from": from,
				"returned_at": back, "returned_to": nil}
			if back != nil {
				r["returned_to"] = "本人"
			}
			c.add("errand_documents", r)
		}
	}
	for day := range c.days(-364, -40) {
		d := c.dice("errand", date(day))
		if d.IntN(6) > 0 {
			continue
		}
		asked := clock(day, 9*60+d.IntN(7*60))
		decided := asked.AddDate(0, 0, 5+d.IntN(20))
		granted, outcome := d.IntN(8) > 0, any(nil)
		if !granted {
			outcome = "不符合条件（演示）"
		}
		run(date(day), pick(d, matters), d.IntN(len(c.residents)), "CLOSED", asked, row{"decided_at": decided, "granted": granted, "outcome": outcome,
			"closed_at": decided.AddDate(0, 0, 2)})
		hold(date(day), 1+d.IntN(len(papers)), asked.AddDate(0, 0, 2), decided.AddDate(0, 0, 1))
	}
	asked := c.today.AddDate(0, 0, -20)
	run("asked for", matters[0], 2, "REQUESTED", asked, nil)
	run("waits", matters[1], 5, "WAITING", asked, nil)
	hold("waits", 2, asked.AddDate(0, 0, 2), nil)
	run("granted", matters[2], 8, "COMPLETED", asked, row{"decided_at": asked.AddDate(0, 0, 12), "granted": true})
	hold("granted", 1, asked.AddDate(0, 0, 2), nil)
}
