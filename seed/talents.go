package seed

var (
	_ = imports("talents", section{table: "talent_profiles", owner: []string{"community"}, places: []string{"skillZh", "skillEn"}, columns: []column{
		{from: "skillZh", as: text, need: true},
		{from: "skillEn", as: text},
		{from: "holderRole", to: "holder_role", as: text, need: true},
	}, derive: talent, derived: []string{"skills", "skills_en", "visibility"}})
	_ = grows("talents", grower{after: []string{"residents"}, grow: (*community).shine})
)

// talent makes lists of the skill that a report names, and shows it to everybody, as the report did.
func talent(_ *file, r *record) error {
	r.row["skills"], r.row["skills_en"], r.row["visibility"] = []any{r.raw["skillZh"]}, []any{}, "PUBLIC"
	if en := r.raw["skillEn"]; en != nil {
		r.row["skills_en"] = []any{en}
	}
	inferred(r.row["provenance"], "visibility")
	return nil
}

// shine lists what the first residents can do, who are grown up, shown to nobody, a team, staff and everybody in turn.
func (c *community) shine() {
	skills := []string{"书法", "二胡", "急救", "烘焙", "摄影", "理发", "木工", "太极", "朗诵", "剪纸"}
	for i, visibility := range []string{"PRIVATE", "TEAM", "STAFF", "PUBLIC", "STAFF", "PUBLIC", "PRIVATE", "PUBLIC"} {
		if i >= len(c.residents) {
			break
		}
		d := c.dice("talent", i)
		r := row{"id": c.id("talent", i), "holder_id": c.residents[i].id, "holder_role": "居民", "skills": []string{pick(d, skills)}, "visibility": visibility,
			"team_id": nil, "status": "LISTED"}
		if visibility == "TEAM" {
			r["team_id"] = c.teams[0].id
		}
		if i == 7 {
			r["status"] = "WITHDRAWN"
		}
		c.add("talent_profiles", r)
	}
}
