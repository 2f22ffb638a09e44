package seed

import (
	"fmt"
	"time"
)

var (
	_ = imports("serviceRequests", section{table: "service_requests", standing: true, owner: []string{"community"}, columns: []column{
		{from: "kind", to: "kind", as: text, need: true},
		{from: "titleZh", to: "title", as: text, need: true},
		{from: "building", to: "building_id", refs: []string{"buildings"}},
		{from: "requesterAlsoVolunteers", to: "co_produced", as: flag(false)},
		{from: "status", to: "status", as: one("SUBMITTED", "UNDER_REVIEW", "FEASIBILITY"), need: true},
		{from: "list", refs: []string{"lists"}},
	}, derive: serviceRequest, derived: []string{"menu_item_id", "requester_post_id", "rule_id", "ordered_at", "ordered_on_zh"},
		places: []string{"orderedOn", "requesterRole", "steps", "rule"}})
	_ = fills(table{name: "service_menu_items", columns: []string{"owner", "id", "name_zh", "name_en", "kind", "provenance"}})
	_ = fills(table{name: "community_rules", columns: []string{"owner", "id", "title_zh", "recurrence", "adopted_by", "provenance"}})
	_ = fills(table{name: "feasibility_steps", standing: true, columns: []string{"owner", "id", "request_id", "ordinal", "code", "name_zh", "state", "provenance"}})
	_ = grows("requests", grower{after: []string{"residents"}, grow: (*community).order})
)

// serviceRequest completes a request with the list's item that it orders, its steps and its rule.
func serviceRequest(f *file, r *record) error {
	ordered, expected := partialDate(r.raw["orderedOn"])
	if expected != "" {
		return r.bad("orderedOn", expected)
	}
	r.row["ordered_at"], r.row["ordered_on_zh"] = nil, ordered.zh
	if ordered.full != "" {
		r.row["ordered_at"] = ordered.full + "T00:00:00+08:00"
	}
	r.row["requester_post_id"], r.row["menu_item_id"], r.row["rule_id"] = nil, nil, nil
	for _, post := range f.sections["roles"] {
		if post.owner == r.owner && post.raw["code"] == r.raw["requesterRole"] && isPost(post) {
			r.row["requester_post_id"] = post.key()
		}
	}
	because := func(fields ...string) map[string]any {
		p := map[string]any{"source": r.raw["source"]}
		inferred(p, fields...)
		return p
	}
	if list := f.find(r.raw["list"], []string{"lists"}); list != nil && list.raw["kind"] == "SERVICE_MENU" {
		item := ID(r.owner, r.id+"/item")
		r.row["menu_item_id"] = item
		f.extra["service_menu_items"] = append(f.extra["service_menu_items"], row{"owner": r.owner, "id": item, "name_zh": r.raw["titleZh"],
			"name_en": r.raw["titleEn"], "kind": r.raw["kind"], "provenance": because("nameZh", "nameEn", "available")})
	}
	steps, _ := r.raw["steps"].([]any)
	for i, v := range steps {
		step, _ := v.(map[string]any)
		if step["code"] == nil || step["nameZh"] == nil || step["state"] == nil {
			return r.bad("steps", "steps with code, nameZh and state")
		}
		f.extra["feasibility_steps"] = append(f.extra["feasibility_steps"], row{"owner": r.owner, "id": ID(r.owner, fmt.Sprintf("%s/step/%d", r.id, i+1)),
			"request_id": r.row["id"], "ordinal": i + 1, "code": step["code"], "name_zh": step["nameZh"], "state": step["state"], "provenance": because("code", "state")})
	}
	if r.raw["rule"] == nil {
		return nil
	}
	title, schedule := r.field("rule.zh"), r.field("rule.schedule")
	when, expected := recurrence(schedule)
	if title == nil || expected != "" {
		return r.bad("rule", "zh and, where it is about a time, schedule")
	}
	rule := ID(r.owner, r.id+"/rule")
	r.row["rule_id"] = rule
	f.extra["community_rules"] = append(f.extra["community_rules"], row{"owner": r.owner, "id": rule, "title_zh": title, "recurrence": when,
		"adopted_by": "居民", "provenance": because("adoptedBy", "recurrence.rrule")})
	return nil
}

// order has a list to order from, small requests that were done in a day or three, and one in each
// state that lasts.
func (c *community) order() {
	menu := []struct{ zh, en, kind, title string }{
		{"上门小维修", "small repairs at home", "REPAIR", "更换楼道灯泡"}, {"邻里搭把手", "a helping hand", "HELP", "帮助搬运家具"},
		{"活动策划", "planning an activity", "ACTIVITY", "组织亲子阅读"}, {"非机动车停放架", "bicycle rack", "FACILITY", "安装停放架"},
	}
	for _, m := range menu {
		c.add("service_menu_items", row{"id": c.id("menu", m.kind), "name_zh": m.zh + "（演示）", "name_en": m.en + " (demonstration)", "kind": m.kind})
	}
	rule := c.id("rule", "rack")
	c.add("community_rules", row{"id": rule, "title_zh": "停放架只停放非机动车（演示）", "adopted_on": date(c.today.AddDate(0, 0, -30)), "adopted_by": "居民会议",
		"recurrence": map[string]any{"rrule": "FREQ=DAILY", "rdates": []any{}, "exdates": []any{}, "timeZone": "Asia/Shanghai", "zh": "每天"}})
	request := func(what any, of int, at time.Time, status string, more row) {
		m, d := menu[of], c.dice("request", what)
		r := row{"id": c.id("request", what), "kind": m.kind, "title": m.title + "（演示）", "status": status, "menu_item_id": c.id("menu", m.kind),
			"requester_id": pick(d, c.residents).id, "co_produced": d.IntN(3) == 0, "ordered_at": at, "rule_id": nil, "team_id": nil, "approved_at": nil,
			"claimed_at": nil, "delivered_at": nil, "rating": nil, "rated_at": nil, "reason": nil}
		for column, value := range more {
			r[column] = value
		}
		c.add("service_requests", r)
	}
	team := func(what any) any { return pick(c.dice("team", what), c.teams).id }
	// Those told of are over, so that their rows stay as they are.
	for day := range c.days(-180, -25) {
		d := c.dice("requests", date(day))
		if d.IntN(4) > 0 {
			continue
		}
		at := clock(day, 9*60+d.IntN(8*60))
		done := at.Add(time.Duration(6+d.IntN(72)) * time.Hour)
		request(date(day), d.IntN(3), at, "CLOSED", row{"team_id": team(date(day)), "approved_at": at.Add(time.Hour), "claimed_at": at.Add(2 * time.Hour),
			"delivered_at": done, "rating": 3 + d.IntN(3), "rated_at": done.Add(2 * time.Hour)})
	}
	ago := func(days int) time.Time { return clock(c.today.AddDate(0, 0, -days), 10*60) }
	request("new", 1, ago(1), "SUBMITTED", nil)
	request("declined", 0, ago(12), "DECLINED", row{"reason": "属于物业维保范围"})
	request("cancelled", 2, ago(9), "CANCELLED", nil)
	request("open", 1, ago(2), "DISPATCHED", row{"approved_at": ago(1)})
	request("claimed", 0, ago(3), "CLAIMED", row{"approved_at": ago(2), "claimed_at": ago(1), "team_id": team("claimed")})
	request("rack", 3, ago(40), "FEASIBILITY", row{"rule_id": rule})
	for i, s := range []struct{ code, zh, state string }{
		{"PRICE_SURVEY", "考察市场价格", "DONE"}, {"RESIDENT_RULES", "与居民制定停放规定", "DONE"}, {"SITE", "确定安装位置", "IN_PROGRESS"},
	} {
		var done any
		if s.state == "DONE" {
			done = ago(35 - 2*i)
		}
		c.add("feasibility_steps", row{"id": c.id("step", s.code), "request_id": c.id("request", "rack"), "ordinal": i + 1, "code": s.code, "name_zh": s.zh,
			"state": s.state, "done_at": done})
	}
}
