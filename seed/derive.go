package seed

import (
	"slices"
	"strings"
)

// What one field alone does not say.

func isPost(r *record) bool { return r.raw["roleClass"] == "POST" }

func divisionParent(_ *file, r *record) error {
	if (r.row["parent_code"] == nil) != (r.row["level"] == "PROVINCE") {
		return r.bad("parentCode12", "the division above, and none above a province")
	}
	return nil
}

func communityID(_ *file, r *record) error {
	r.row["id"] = ID(r.id, r.id)
	return nil
}

// servedGroups finds the audiences that a report calls by their usual names.
func servedGroups(f *file, r *record) error {
	codes := []string{}
	for _, zh := range r.row["served_groups_zh"].([]any) {
		for _, audience := range f.sections["audiences"] {
			if audience.raw["nameZh"] == zh {
				codes = append(codes, audience.id)
			}
		}
	}
	r.row["served_groups"] = codes
	return nil
}

func audiences(f *file, r *record) error {
	for _, code := range r.row["audiences"].([]any) {
		if f.find(code, []string{"audiences"}) == nil {
			return r.bad("audiences", "codes of audiences of the file")
		}
	}
	return nil
}

var weekdayOf = map[string]int{"MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6, "SU": 7}

// weekdays reads them off a weekly rule.
func weekdays(_ *file, r *record) error {
	days := []int{}
	rule, _ := r.field("schedule.rrule").(string)
	for _, part := range strings.Split(rule, ";") {
		if names, ok := strings.CutPrefix(part, "BYDAY="); ok {
			for _, name := range strings.Split(names, ",") {
				number := weekdayOf[name]
				if number == 0 {
					return r.bad("schedule", "a schedule whose BYDAY lists MO to SU")
				}
				days = append(days, number)
			}
		}
	}
	r.row["weekdays"] = days
	return nil
}

var (
	_ = fills(table{name: "team_honours", columns: []string{"owner", "id", "team_id", "kind", "awarded_on", "by_org_id", "event_id", "provenance"}})
	_ = fills(table{name: "campaign_communities", columns: []string{"owner", "campaign_id", "community"}, key: []string{"owner", "campaign_id", "community"}})
)

// team splits its date of foundation, and makes an honour of the flag it was given.
func team(f *file, r *record) error {
	r.row["founded_on"], r.row["founded_on_zh"] = nil, nil
	if v := r.raw["foundedOn"]; v != nil {
		founded, expected := partialDate(v)
		if expected != "" {
			return r.bad("foundedOn", expected)
		}
		if founded.full != "" {
			r.row["founded_on"] = founded.full
		}
		if founded.zh != "" {
			r.row["founded_on_zh"] = founded.zh
		}
	}
	if r.raw["flagAward"] == nil {
		return nil
	}
	by := f.find(r.field("flagAward.by"), []string{"organisations"})
	on := r.field("flagAward.on")
	if by == nil || on == nil {
		return r.bad("flagAward", "by and on")
	}
	honour := row{
		"owner": r.owner, "id": ID(r.owner, r.id+"/flag"), "team_id": r.row["id"], "kind": "FLAG",
		"awarded_on": on, "by_org_id": by.key(), "event_id": nil,
		"provenance": map[string]any{"source": r.raw["source"], "inferred": false, "inferredFields": []any{}},
	}
	if at := f.find(r.field("flagAward.event"), []string{"events"}); at != nil {
		honour["event_id"] = at.key()
	}
	f.extra["team_honours"] = append(f.extra["team_honours"], honour)
	return nil
}

func campaign(f *file, r *record) error {
	communities, _ := r.raw["communities"].([]any)
	if r.raw["community"] != nil {
		communities = []any{r.raw["community"]}
	}
	for _, slug := range communities {
		f.extra["campaign_communities"] = append(f.extra["campaign_communities"],
			row{"owner": r.owner, "campaign_id": r.row["id"], "community": slug})
	}
	return nil
}

var levels = one("PROVINCE", "CITY", "DISTRICT", "STREET", "COMMUNITY")

func scope(v any) (any, string) {
	if v == nil {
		return "COMMUNITY", ""
	}
	return levels(v)
}

// event places it in time and in a campaign. What a report tells of is over; of a day without a
// year only the words are kept.
func event(f *file, r *record) error {
	for _, name := range []string{"starts_at", "held_on", "year", "campaign_owner", "district_campaign_id"} {
		r.row[name] = nil
	}
	r.row["status"], r.row["all_day"] = "ENDED", false
	year, expected := whole(1949)(r.raw["year"])
	if expected != "" {
		return r.bad("year", expected)
	}
	r.row["year"] = year
	if v := r.raw["heldOn"]; v != nil {
		held, expected := partialDate(v)
		switch {
		case expected != "":
			return r.bad("heldOn", expected)
		case held.full != "":
			r.row["starts_at"], r.row["all_day"] = held.full+"T00:00:00+08:00", true
		default:
			r.row["held_on"] = held.published
		}
	}
	inferred(r.row["provenance"], "status")

	if c := f.find(r.raw["campaign"], []string{"campaigns"}); c != nil && c.owner != r.owner {
		r.row["campaign_owner"], r.row["district_campaign_id"] = c.owner, c.key()
	}
	if b := f.find(r.raw["launchesBrand"], []string{"brands"}); b != nil {
		b.row["launched_by_event_id"] = r.row["id"]
	}
	r.row["served_by"] = []any{}
	if served, ok := r.raw["servedBy"].([]any); ok {
		r.row["served_by"] = served
	}
	return nil
}

// serviceKindCodes are the codes of service_kinds, which every source has from its migrations.
var serviceKindCodes = []string{
	"GENERAL", "AFFAIRS", "ELDER_SUPPORT", "DIGITAL_HELP", "CLEANING", "COMFORT_VISIT", "VACCINATION_SUPPORT",
	"HOLIDAY_TEACHING", "TUTORING_HELP", "CLINIC", "PATROL", "LEGAL", "COUNSELLING", "REPAIR", "ERRAND",
	"MEAL_DELIVERY", "LENDING", "STORAGE", "HOT_DRINK", "HELP_REQUEST", "OTHER",
}

func serviceKind(v any) (any, string) { return one(serviceKindCodes...)(v) }

func serviceKinds(v any) (any, string) {
	kinds, expected := texts(v)
	if expected == "" {
		for _, kind := range kinds.([]any) {
			if !slices.Contains(serviceKindCodes, kind.(string)) {
				return nil, "a list of " + strings.Join(serviceKindCodes, ", ")
			}
		}
	}
	return kinds, expected
}
