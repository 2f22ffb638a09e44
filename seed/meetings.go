package seed

import "time"

var (
	_ = imports("meetings", named("meeting_series",
		column{from: "alliance", to: "alliance_id", refs: []string{"alliances"}},
		column{from: "room", to: "room_id", refs: []string{"rooms"}},
		column{from: "schedule", to: "recurrence", as: recurrence},
		column{from: "ledBy", to: "led_by", as: text},
	).deriving(meeting, "kind"))
	_ = grows("meetings", grower{after: []string{"furnishing", "alliances"}, grow: (*community).meet, revise: map[string]string{"meetings": `
		UPDATE meetings m SET status = r.status, attendance = r.attendance, summary_zh = r.summary_zh, cancelled_for = r.cancelled_for
		FROM jsonb_populate_recordset(NULL::meetings, $1) r WHERE m.owner = r.owner AND m.id = r.id AND m.status = 'PLANNED' AND r.status <> 'PLANNED'`}})
)

// meeting is joint where an alliance holds it; the others are named as deliberations.
func meeting(_ *file, r *record) error {
	r.row["kind"] = "DELIBERATION"
	if r.row["alliance_id"] != nil {
		r.row["kind"] = "JOINT"
	}
	inferred(r.row["provenance"], "kind")
	return nil
}

// meet holds a joint meeting and a deliberation a month for a year, with what they decided, and plans the next.
func (c *community) meet() {
	joint, talk := c.id("meeting series", "joint"), c.id("meeting series", "talk")
	c.add("meeting_series", row{"id": joint, "name_zh": "共建联席会议（演示）", "name_en": "joint meeting (demonstration)", "kind": "JOINT", "alliance_id": c.id("alliance"), "led_by": nil})
	c.add("meeting_series", row{"id": talk, "name_zh": "居民议事（演示）", "name_en": "residents' deliberation (demonstration)", "kind": "DELIBERATION", "alliance_id": nil, "led_by": "居民"})
	first := time.Date(epoch.Year()-1, epoch.Month(), 1, 0, 0, 0, 0, shanghai)
	topics := []string{"电动车停放", "楼道清理", "广场舞时间", "晾晒架", "垃圾桶位置", "夜间路灯"}
	for month, n := first, 0; month.Before(c.today.AddDate(0, 1, 0)); month, n = month.AddDate(0, 1, 0), n+1 {
		d := c.dice("meeting", date(month))
		for i, series := range []any{joint, talk} {
			at := clock(month.AddDate(0, 0, 5+i*10), 19*60)
			id := c.id("meeting", i, date(month))
			r := row{"id": id, "series_id": series, "kind": []string{"JOINT", "DELIBERATION"}[i], "title_zh": []string{"共建联席会议", "居民议事会"}[i] + "（演示）", "starts_at": at,
				"status": "PLANNED", "attendance": nil, "summary_zh": nil, "cancelled_for": nil}
			c.add("meetings", r)
			switch held := at.Before(c.today); {
			case held && n%6 == 5:
				r["status"], r["cancelled_for"] = "CANCELLED", "大雨（演示）"
			case held:
				r["status"], r["attendance"], r["summary_zh"] = "HELD", 6+d.IntN(30), "演示数据"
				c.decide(id, at, i, n, topics[n%len(topics)])
			}
		}
	}
	c.add("deliberations", row{"id": c.id("deliberation", "raised"), "topic_zh": "儿童滑梯维修（演示）", "raised_on": date(epoch), "status": "RAISED", "resolution_zh": nil, "decision_id": nil, "closed_on": nil})
	c.add("deliberations", row{"id": c.id("deliberation", "open"), "topic_zh": "快递柜位置（演示）", "raised_on": date(epoch), "status": "OPEN", "resolution_zh": nil, "decision_id": nil, "closed_on": nil})
}

// decide settles a topic; of a joint meeting something is to be done.
func (c *community) decide(meeting any, at time.Time, kind, n int, topic string) {
	d := c.dice("decision", meeting)
	decision, pro, against := c.id("decision", meeting), 4+d.IntN(20), d.IntN(12)
	outcome := "REJECTED"
	if pro > against {
		outcome = "ADOPTED"
	}
	c.add("decisions", row{"id": decision, "meeting_id": meeting, "text_zh": topic + "（演示）", "outcome": outcome, "votes_for": pro, "votes_against": against,
		"votes_abstained": d.IntN(4), "decided_on": date(at)})
	if kind == 1 {
		c.add("deliberations", row{"id": c.id("deliberation", meeting), "topic_zh": topic + "（演示）", "raised_on": date(at.AddDate(0, 0, -20)), "status": "RESOLVED",
			"resolution_zh": "按表决结果办理（演示）", "decision_id": decision, "closed_on": date(at)})
		return
	}
	r := row{"id": c.id("action", meeting), "decision_id": decision, "text_zh": topic + "：落实（演示）", "post_id": pick(d, c.posts).id, "due_on": date(at.AddDate(0, 0, 14)),
		"status": "DONE", "closed_on": date(at.AddDate(0, 0, 10)), "closed_note": nil}
	switch n % 5 {
	case 2:
		r["status"], r["closed_note"] = "DROPPED", "没有经费（演示）"
	case 4:
		r["status"], r["closed_on"] = "OPEN", nil
	}
	c.add("action_items", r)
}
