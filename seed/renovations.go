package seed

var (
	_ = imports("renovations", named("renovations",
		column{from: "room", to: "room_id", refs: []string{"rooms"}},
		column{from: "investment.amount", to: "investment", as: amount},
		column{from: "investment.qualifier", to: "investment_qualifier", as: qualifiers},
		column{from: "investment.zh", to: "investment_zh", as: text},
		column{from: "investment.currency", as: one("CNY")},
		column{from: "year", to: "year", as: whole(1949)},
		column{from: "resultFunctions", to: "functions", as: texts},
		column{from: "improvements", to: "improvements", as: texts},
		column{from: "designedBy", to: "designed_by_team_id", refs: []string{"teams"}},
		column{from: "participants", to: "participants_team_id", refs: []string{"teams"}},
		column{from: "count", to: "reported_count", as: quantity},
		column{from: "station", refs: []string{"stations"}},
		column{from: "stations", refs: []string{"stations"}},
		column{from: "estates", refs: []string{"estates"}},
	).deriving(renovation, "kind").placing("investment", "station", "stations", "estates"))
	_ = fills(table{name: "renovation_stations", columns: []string{"owner", "renovation_id", "station_id"}, key: []string{"owner", "renovation_id", "station_id"}})
	_ = fills(table{name: "renovation_estates", columns: []string{"owner", "renovation_id", "estate_id"}, key: []string{"owner", "renovation_id", "estate_id"}})
	_ = grows("renovations", grower{after: []string{"furnishing"}, grow: (*community).renovate})
)

// renovation finds its places, and its kind by who does it: volunteers design, residents renew in small, and what lists
// improvements is a refit.
func renovation(f *file, r *record) error {
	kind := "FULL"
	switch {
	case r.raw["designedBy"] != nil:
		kind = "DESIGN"
	case r.raw["participants"] != nil:
		kind = "MICRO_RENEWAL"
	case r.raw["improvements"] != nil:
		kind = "REFIT"
	}
	r.row["kind"] = kind
	inferred(r.row["provenance"], "kind")
	places := func(field, section, table, column string) {
		ids, isList := r.raw[field].([]any)
		if !isList && r.raw[field] != nil {
			ids = []any{r.raw[field]}
		}
		for _, id := range ids {
			f.extra[table] = append(f.extra[table], row{"owner": r.owner, "renovation_id": r.row["id"], column: f.find(id, []string{section}).key()})
		}
	}
	places("station", "stations", "renovation_stations", "station_id")
	places("stations", "stations", "renovation_stations", "station_id")
	places("estates", "estates", "renovation_estates", "estate_id")
	return nil
}

// renovate keeps three, of one of which only the kind is known.
func (c *community) renovate() {
	for i, x := range []struct{ zh, kind, investment, qualifier string }{{"活动室整修（演示）", "REFIT", "35000.00", "APPROX"}, {"楼前微更新（演示）", "MICRO_RENEWAL", "8200.00", "EXACT"}, {"架空层设计（演示）", "DESIGN", "", ""}} {
		r := row{"id": c.id("renovation", i), "name_zh": x.zh, "kind": x.kind, "investment": nil, "investment_qualifier": nil, "year": 2025 + i%2,
			"before_zh": "闲置（演示）", "after_zh": "开放使用（演示）", "functions": []string{"阅读", "下棋"}[:1+i%2]}
		if x.investment != "" {
			r["investment"], r["investment_qualifier"] = x.investment, x.qualifier
		}
		c.add("renovations", r)
		c.add("renovation_stations", row{"id": c.id("renovated", i), "renovation_id": r["id"], "station_id": c.stations[i%len(c.stations)].id})
	}
}
