package seed

import "time"

var (
	_ = imports("plannedImprovements", named("improvement_plans",
		column{from: "horizon", to: "horizon", as: text},
		column{from: "after", to: "after_window_id", refs: []string{"serviceWindows"}}).deriving(promised, "status"))
	_ = grows("improvement plans", grower{after: []string{"furnishing"}, grow: (*community).promise})
)

// promised says that what a report announces is a promise; of none of them a report tells what came of it.
func promised(_ *file, r *record) error {
	r.row["status"] = "ACCEPTED"
	inferred(r.row["provenance"], "status")
	return nil
}

// promise shows a plan in each state.
func (c *community) promise() {
	at := func(days int) time.Time { return c.today.AddDate(0, 0, days).Add(10 * time.Hour) }
	for _, p := range []row{
		{"name_zh": "延长晚间开放", "status": "PROPOSED"},
		{"name_zh": "增设雨伞借用点", "status": "ACCEPTED", "accepted_at": at(-40), "due_on": date(at(30))},
		{"name_zh": "更新站点标识", "status": "DONE", "accepted_at": at(-90), "finished_at": at(-10), "outcome": "新标识已经挂出"},
		{"name_zh": "引进自动售货机", "status": "DROPPED", "accepted_at": at(-120), "finished_at": at(-20), "dropped_for": "居民意见以为不需要"},
		{"name_zh": "夜间直播", "status": "DROPPED", "finished_at": at(-15), "dropped_for": "没有人手"},
	} {
		r := row{"id": c.id("plan", p["name_zh"]), "station_id": c.stations[0].id, "horizon": "今年", "goals": []string{"方便居民"},
			"accepted_at": nil, "due_on": nil, "finished_at": nil, "outcome": nil, "dropped_for": nil}
		for column, value := range p {
			r[column] = value
		}
		r["name_zh"] = p["name_zh"].(string) + "（演示）"
		c.add("improvement_plans", r)
	}
}
