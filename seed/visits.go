package seed

var (
	_ = imports("opinionDrives", named("opinion_drives",
		column{from: "targets", to: "targets", as: texts},
		column{from: "aims", to: "aims", as: texts},
		column{from: "by", to: "by_org_id", refs: []string{"organisations"}},
		column{from: "outcome", to: "outcome", as: text},
		column{from: "followedBy", to: "followed_by", as: text},
		column{from: "ledTo", to: "led_to_programme_id", refs: []string{"programmes"}}).deriving(drive, "status"))
	_ = grows("visits", grower{after: []string{"residents"}, grow: (*community).visit})
)

// drive is over when a report tells what came of it.
func drive(_ *file, r *record) error {
	r.row["status"] = "OPEN"
	if r.row["outcome"] != nil {
		r.row["status"] = "CLOSED"
	}
	inferred(r.row["provenance"], "status")
	return nil
}

// visit goes from door to door for the last weeks, and asks in three surveys: one closed, one open and one that is not out.
func (c *community) visit() {
	drive := c.id("drive")
	c.add("opinion_drives", row{"id": drive, "name_zh": "进百家门（演示）", "name_en": "a hundred doors (demonstration)", "targets": []string{"居民家中", "沿街商铺"},
		"aims": []string{"问计问需"}, "starts_on": date(c.today.AddDate(0, 0, -45)), "status": "OPEN"})
	topics := []string{"充电", "照明", "停车", "为老服务", "噪声"}
	for day := range c.days(-42, -1) {
		d := c.dice("visit", date(day))
		r := row{"id": c.id("visit", date(day)), "drive_id": drive, "target": "HOUSEHOLD", "visited_on": date(day), "estate_id": nil, "resident_id": c.residents[d.IntN(len(c.residents))].id,
			"shop_name": nil, "topic": pick(d, topics), "need_zh": "希望改善（演示）", "findings": "面谈（演示）", "status": "RECORDED", "follow_up": nil}
		if len(c.estates) > 0 {
			r["estate_id"] = pick(d, c.estates).id
		}
		switch d.IntN(4) {
		case 0:
			r["target"], r["resident_id"], r["shop_name"] = "SHOP", nil, "便利店（演示）"
		case 1:
			r["need_zh"] = nil
		case 2:
			r["status"], r["follow_up"] = "FOLLOWED_UP", "已转相关部门（演示）"
		}
		c.add("home_visits", r)
	}
	for _, s := range []struct {
		zh, status     string
		opens, closes  int
		answered, each int
	}{
		{"食堂满意度问卷", "CLOSED", -60, -30, 48, 23}, {"加装电梯意愿问卷", "OPEN", -5, 20, 12, 0}, {"暑期课程需求问卷", "DRAFT", 10, 30, 0, 0},
	} {
		survey := c.id("survey", s.zh)
		c.add("surveys", row{"id": survey, "drive_id": drive, "title_zh": s.zh + "（演示）", "opens_on": date(c.today.AddDate(0, 0, s.opens)), "closes_on": date(c.today.AddDate(0, 0, s.closes)),
			"status": s.status, "response_count": s.answered})
		for i, kind := range []string{"SINGLE", "MULTIPLE", "TEXT"} {
			question := c.id("question", s.zh, i)
			c.add("survey_questions", row{"id": question, "survey_id": survey, "ordinal": i + 1, "text_zh": []string{"您满意吗？", "您关心什么？", "您的建议"}[i] + "（演示）", "kind": kind})
			if kind == "TEXT" {
				for n := range min(s.answered, 3) {
					c.add("survey_texts", row{"id": c.id("survey text", s.zh, n), "survey_id": survey, "question_id": question, "text": "建议（演示）"})
				}
				continue
			}
			for n, zh := range []string{"满意", "一般", "不满意"} {
				// 23, 23 and 2 of 48: the two are not told, and one of the others neither.
				c.add("survey_options", row{"id": c.id("option", s.zh, i, n), "question_id": question, "ordinal": n + 1, "label_zh": zh, "chosen": []int{s.each, s.each, s.answered - 2*s.each}[n]})
			}
		}
	}
}
