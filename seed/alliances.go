package seed

import (
	"fmt"

	"github.com/google/uuid"
)

var (
	_ = imports("alliances", section{table: "alliances", owner: []string{"community"}, columns: []column{
		{from: "nameZh", to: "name_zh", as: text, need: true},
		{from: "nameEn", to: "name_en", as: text},
		{from: "foundedYear", to: "founded_year", as: whole(1949)},
		{from: "base", to: "base_station_id", refs: []string{"stations"}},
		{from: "services", to: "services", as: texts},
		{from: "mechanisms", to: "mechanisms", as: texts},
		{from: "coordinates", to: "coordinates", as: texts},
		{from: "sessions", to: "sessions_reported", as: quantity},
		{from: "pairedProjects", to: "paired_projects_reported", as: quantity},
		{from: "members", refs: []string{"organisations"}},
	}, derive: alliance, places: []string{"members"}, complete: reportingUnits})
	_ = imports("lists", named("item_lists",
		column{from: "kind", to: "kind", as: one("NEED", "RESOURCE", "PROJECT", "SERVICE_MENU"), need: true},
		column{from: "alliance", to: "alliance_id", refs: []string{"alliances"}}))
	_ = imports("needs", named("need_items",
		column{from: "alliance", to: "alliance_id", refs: []string{"alliances"}},
		column{from: "metBy", as: text},
	).deriving(need, "status", "met_by").placing("metBy"))
	_ = fills(table{name: "alliance_memberships", columns: []string{"owner", "id", "alliance_id", "org_id", "provenance"}})
	_ = fills(table{name: "dual_reporting_units", columns: []string{"owner", "id", "org_id", "targets", "aims", "provenance"}})
	_ = grows("alliances", grower{after: []string{"furnishing"}, grow: (*community).ally})
)

// alliance makes each member a membership; since when is not told.
func alliance(f *file, r *record) error {
	members, _ := r.raw["members"].([]any)
	for _, m := range members {
		org := f.find(m, []string{"organisations"})
		f.extra["alliance_memberships"] = append(f.extra["alliance_memberships"], row{"owner": r.owner, "id": ID(r.owner, r.id+"/"+org.id), "alliance_id": r.row["id"],
			"org_id": org.key(), "provenance": map[string]any{"source": r.raw["source"], "inferred": false, "inferredFields": []any{}}})
	}
	return nil
}

// reportingUnits are the bodies that report twice, with where their visits lead.
func reportingUnits(f *file) {
	for _, org := range f.sections["organisations"] {
		if org.raw["kind"] != "DUAL_REPORTING_UNIT" {
			continue
		}
		unit := row{"owner": org.owner, "id": ID(org.owner, org.id+"/dual reporting"), "org_id": org.key(), "targets": []any{}, "aims": []any{},
			"provenance": map[string]any{"source": org.raw["source"], "inferred": false, "inferredFields": []any{}}}
		for _, visit := range f.sections["opinionDrives"] {
			if visit.raw["by"] != org.id {
				continue
			}
			for _, name := range []string{"targets", "aims"} {
				if list, ok := visit.raw[name].([]any); ok {
					unit[name] = list
				}
			}
		}
		f.extra["dual_reporting_units"] = append(f.extra["dual_reporting_units"], unit)
	}
}

// need is met by another record, whose name is kept.
func need(f *file, r *record) error {
	r.row["status"], r.row["met_by"] = "OPEN", nil
	if r.raw["metBy"] == nil {
		return nil
	}
	by := f.byID[fmt.Sprint(r.raw["metBy"])]
	if by == nil {
		return r.bad("metBy", "the id of a record of the file")
	}
	for _, name := range []string{"nameZh", "titleZh", "handledBy", "disputeZh", "summaryZh"} {
		if by.raw[name] != nil && r.row["met_by"] == nil {
			r.row["met_by"] = by.raw[name]
		}
	}
	if r.row["met_by"] == nil {
		r.row["met_by"] = by.id
	}
	r.row["status"] = "MET"
	inferred(r.row["provenance"], "status")
	return nil
}

// ally keeps an alliance whose needs stand in every state, and a year of days on which a unit reported.
func (c *community) ally() {
	alliance, unit := c.id("alliance"), c.id("reporting unit")
	c.add("alliances", row{"id": alliance, "name_zh": "邻里共建联盟（演示）", "name_en": "neighbourhood alliance (demonstration)", "founded_year": 2024,
		"base_station_id": c.stations[0].id, "services": []string{"健康义诊", "公益教学"}, "mechanisms": []string{"三张清单", "联席会议"}, "coordinates": []string{"人", "财", "物"}})
	for i, org := range c.organizations[len(c.organizations)-3:] {
		c.add("alliance_memberships", row{"id": c.id("alliance member", i), "alliance_id": alliance, "org_id": org.id, "since": "2024-05-01", "until": []any{nil, nil, "2025-05-01"}[i]})
	}
	for kind, zh := range map[string]string{"NEED": "需求清单（演示）", "RESOURCE": "资源清单（演示）", "PROJECT": "项目清单（演示）"} {
		c.add("item_lists", row{"id": c.id("list", kind), "kind": kind, "name_zh": zh, "alliance_id": alliance})
	}
	var resources []uuid.UUID
	for i, x := range []struct{ zh, kind string }{{"周末场地", "VENUE"}, {"义诊医生", "PEOPLE"}, {"闲置图书", "GOODS"}, {"书法教师", "SKILL"}, {"助学金", "MONEY"}} {
		id := c.id("resource", i)
		resources = append(resources, id)
		c.add("resource_items", row{"id": id, "alliance_id": alliance, "name_zh": x.zh + "（演示）", "kind": x.kind, "offered_by_id": c.organizations[len(c.organizations)-1-i%2].id,
			"quantity": i + 1, "withdrawn_on": nil})
	}
	day := func(n int) string { return date(epoch.AddDate(0, 0, n)) }
	project := c.id("project")
	c.add("alliance_projects", row{"id": project, "alliance_id": alliance, "name_zh": "周末书屋（演示）", "started_on": day(40), "ended_on": nil})
	for i, x := range []struct{ zh, status string }{{"儿童阅读场地", "IN_PROJECT"}, {"老人量血压", "MATCHED"}, {"暑期书法课", "MET"}, {"露天停车", "DROPPED"}, {"夜间照明", "OPEN"}, {"旧书交换", "MET"}} {
		id := c.id("need", i)
		r := row{"id": id, "alliance_id": alliance, "name_zh": x.zh + "（演示）", "origin": "联席会议（演示）", "status": x.status, "raised_on": day(10 + i), "met_by": nil, "closed_on": nil, "dropped_for": nil}
		switch x.status {
		case "MET":
			r["met_by"], r["closed_on"] = "结对资源（演示）", day(60+i)
		case "DROPPED":
			r["dropped_for"], r["closed_on"] = "没有场地（演示）", day(30)
		}
		c.add("need_items", r)
		if x.status == "OPEN" {
			continue
		}
		pairing := row{"id": c.id("pairing", i), "need_id": id, "resource_id": resources[i%len(resources)], "project_id": nil, "paired_on": day(20 + i), "ended_on": nil}
		if x.status == "IN_PROJECT" || x.status == "MET" {
			pairing["project_id"] = project
		}
		if x.status == "DROPPED" {
			pairing["ended_on"] = day(30)
		}
		c.add("pairings", pairing)
	}
	c.add("dual_reporting_units", row{"id": unit, "org_id": c.organizations[len(c.organizations)-2].id, "targets": []string{"沿街商铺", "居民家中"}, "aims": []string{"问计问需"}})
	for day := range c.days(-365, -1) {
		if d := c.dice("reported", date(day)); d.IntN(7) == 0 {
			c.add("dual_reporting_entries", row{"id": c.id("reported", date(day)), "unit_id": unit, "occurred_on": date(day), "people": 1 + d.IntN(9), "visits": d.IntN(12),
				"target": pick(d, []string{"SHOP", "HOUSEHOLD", "COMMUNITY"}), "matter": "问计问需（演示）"})
		}
	}
}
