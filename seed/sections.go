package seed

// What the sections of a file mean that no domain of its own declares: territory, places, learning, people,
// events and published figures.
var (
	_ = imports("sources", section{})
	_ = imports("audiences", section{id: "code", codes: true, columns: []column{{from: "nameZh", as: text, need: true}}})
	_ = imports("divisions", section{table: "divisions", id: "code12", key: []string{"code"}, columns: []column{
		{from: "code12", to: "code", as: matching(`^\d{12}$`, "twelve digits")},
		{from: "name", to: "name", as: text, need: true},
		{from: "level", to: "level", as: one("PROVINCE", "CITY", "DISTRICT", "STREET", "COMMUNITY"), need: true},
		{from: "parentCode12", to: "parent_code", refs: []string{"divisions"}},
		{from: "successorCode12", to: "successor_code", refs: []string{"divisions"}},
		{from: "gb2260", as: matching(`^\d{6}$`, "six digits")},
		{from: "firstSeenEdition", as: day},
		{from: "lastSeenEdition", as: day},
	}, derive: divisionParent})
	_ = imports("communities", section{table: "communities", key: []string{"slug"}, columns: []column{
		{from: "id", to: "slug", as: matching(`^[a-z][a-z0-9-]{0,39}$`, "a slug of lower-case letters, digits and hyphens")},
		{from: "nameZh", to: "name_zh", as: text, need: true},
		{from: "nameEn", to: "name_en", as: text},
		{from: "aliases", to: "aliases", as: texts},
		{from: "divisionCode12", to: "division_code", refs: []string{"divisions"}},
		{from: "streetCode12", to: "parent_code", refs: []string{"divisions"}, need: true},
		{from: "timeZone", to: "time_zone", as: one("Asia/Shanghai"), need: true},
		{from: "note", to: "note", as: text},
	}, derive: communityID, derived: []string{"id"}})
	_ = imports("organisations", named("organizations",
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "isGroup", to: "is_group", as: flag(false)},
		column{from: "servedOnly", to: "served_only", as: flag(false)},
		column{from: "contribution", to: "contribution", as: text}))
	_ = imports("estates", named("estates"))
	_ = imports("buildings", named("buildings",
		column{from: "estate", to: "estate_id", refs: []string{"estates"}, need: true}))
	_ = imports("roles", section{table: "staff_posts", owner: []string{"community"}, keep: isPost, columns: []column{
		{from: "code", to: "code", as: text, need: true},
		{from: "nameZh", to: "label_zh", as: text, need: true},
		{from: "nameEn", to: "label_en", as: text},
		{from: "roleClass", as: one("POST", "MEMBER_GROUP"), need: true},
	}})
	_ = imports("brands", named("brands",
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "parentBrand", to: "parent_id", refs: []string{"brands"}},
		column{from: "note", to: "note", as: text}).deriving(nil, "launched_by_event_id").late("launched_by_event_id"))
	_ = imports("channels", named("channels",
		column{from: "rawName", to: "raw_name", as: text},
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "direction", to: "direction", as: one("INBOUND", "OUTBOUND", "TWO_WAY"), need: true},
		column{from: "purpose", to: "purpose", as: text},
		column{from: "publishes", to: "publishes", as: texts},
		column{from: "collects", to: "collects", as: texts},
		column{from: "livestream", to: "livestream", as: flag(false)},
		column{from: "station|studio", to: "station_id", refs: []string{"stations"}, late: true},
		column{from: "room", to: "room_id", refs: []string{"rooms"}, late: true},
		column{from: "team", refs: []string{"teams"}}, // the team has the column
		column{from: "approval.approved", as: flag(false)}).deriving(approval).placing("approval"))
	_ = imports("stations", named("stations", stationColumns...).deriving(servedGroups, "served_groups"))
	_ = imports("rooms", inside("rooms", "station",
		column{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "groupLabel", to: "group_label", as: text},
		column{from: "functions", to: "functions", as: texts},
		column{from: "hosts", to: "hosts", as: texts},
		column{from: "peak", to: "peak", as: recurrence},
		column{from: "note", to: "note", as: text}))
	_ = imports("programmes", named("programmes", programmeColumns...).deriving(audiences))
	_ = imports("courses", inside("courses", "programme", courseColumns...).deriving(weekdays, "weekdays"))
	_ = imports("teams", named("volunteer_teams", teamColumns...).deriving(team, "founded_on", "founded_on_zh").placing("foundedOn", "flagAward"))
	_ = imports("eventSeries", named("event_series", seriesColumns...).ownedBy("community", "district"))
	_ = imports("regularActivities", named("event_series", seriesColumns...))
	_ = imports("campaigns", named("campaigns",
		column{from: "year", to: "year", as: whole(1949)},
		column{from: "forms", to: "forms", as: texts},
		column{from: "communities", refs: []string{"communities"}}).ownedBy("community", "district").deriving(campaign).placing("communities"))
	_ = imports("events", named("events", eventColumns...).ownedBy("community", "series").
		deriving(event, "starts_at", "all_day", "held_on", "year", "status", "campaign_owner", "district_campaign_id", "served_by").
		placing("heldOn", "year", "campaign", "servedBy", "launchesBrand"))
	_ = imports("eventParts", inside("event_parts", "event",
		column{from: "event", to: "event_id", refs: []string{"events"}, need: true},
		column{from: "order", to: "ordinal", as: whole(1), need: true}))
	_ = imports("eventActivities", inside("event_activities", "event",
		column{from: "event", to: "event_id", refs: []string{"events"}, need: true},
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "runBy", to: "run_by", as: text}))
	_ = imports("programmeItems", section{table: "programme_items", owner: []string{"event"}, columns: []column{
		{from: "event", to: "event_id", refs: []string{"events"}, need: true},
		{from: "order", to: "ordinal", as: whole(1), need: true},
		{from: "titleZh", to: "title_zh", as: text, need: true},
		{from: "titleEn", to: "title_en", as: text},
		{from: "kind", to: "kind", as: text, need: true},
		{from: "performer", to: "performer_team_id", refs: []string{"teams"}},
		{from: "programme", to: "programme_id", refs: []string{"programmes"}},
	}})
	_ = imports("stalls", inside("stalls", "event",
		column{from: "event", to: "event_id", refs: []string{"events"}, need: true},
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "price", to: "price", as: money},
		column{from: "currency", as: one("CNY")}))
	_ = imports("offerings", inside("offerings", "station",
		column{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		column{from: "room", to: "room_id", refs: []string{"rooms"}},
		column{from: "kind", to: "kind", as: text, need: true},
		column{from: "audience", to: "audience", refs: []string{"audiences"}},
		column{from: "consumable", to: "consumable", as: flag(false)},
		column{from: "process", to: "process", as: texts},
		column{from: "atEvent", to: "event_id", refs: []string{"events"}},
		column{from: "providedBy", to: "team_id", refs: []string{"teams"}},
		column{from: "note", to: "note", as: text}))
	_ = imports("signage", section{table: "signage", owner: []string{"station"}, columns: []column{
		{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		{from: "estate", to: "estate_id", refs: []string{"estates"}},
		{from: "placeZh", to: "place_zh", as: text, need: true},
		{from: "labelZh", to: "label_zh", as: text, need: true},
		{from: "states", to: "states", as: texts},
	}})
	_ = imports("serviceWindows", inside("service_windows", "station",
		column{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		column{from: "eventEdition", to: "event_id", refs: []string{"events"}},
		column{from: "pilot", to: "pilot", as: flag(false)},
		column{from: "startsOn", to: "starts_on", as: day},
		column{from: "endsOn", to: "ends_on", as: day},
		column{from: "followUp", to: "follow_up", as: text}))
	_ = imports("serviceProjects", named("service_projects"))
	_ = imports("methods", named("work_methods",
		column{from: "parts", to: "parts", as: texts},
		column{from: "note", to: "note", as: text}))
	_ = imports("serviceStatistics", named("reported_statistics",
		column{from: "metric", to: "metric", as: text, need: true},
		column{from: "quantity", to: "quantity", as: quantity, need: true},
		column{from: "serviceKind", to: "service_kind", as: serviceKind},
		column{from: "components", to: "components", as: serviceKinds},
		column{from: "period", to: "period", as: one("CUMULATIVE_TO_DATE")},
		column{from: "station", to: "station_id", refs: []string{"stations"}},
		column{from: "room", to: "room_id", refs: []string{"rooms"}},
		column{from: "method", to: "method_id", refs: []string{"methods"}},
		column{from: "event", to: "event_id", refs: []string{"events"}},
		column{from: "series", to: "series_id", refs: []string{"eventSeries", "mediaSeries"}},
		column{from: "programme", to: "programme_id", refs: []string{"programmes"}},
		column{from: "course", to: "course_id", refs: []string{"courses"}},
		column{from: "alliance", refs: []string{"alliances"}},
		column{from: "medicineBox", refs: []string{"medicineBoxes"}}).deriving(statisticSeries, "media_series_id"))
)

// named describes a table whose rows have names and whose records name their community.
func named(table string, columns ...column) section {
	return section{table: table, owner: []string{"community"}, columns: append([]column{
		{from: "nameZh", to: "name_zh", as: text, need: true},
		{from: "nameEn", to: "name_en", as: text},
	}, columns...)}
}

// inside is named for records that belong to another record, which field names.
func inside(table, field string, columns ...column) section {
	return named(table, columns...).ownedBy(field)
}

func (s section) ownedBy(fields ...string) section {
	s.owner = fields
	return s
}

func (s section) deriving(derive func(*file, *record) error, columns ...string) section {
	s.derive, s.derived = derive, columns
	return s
}

// placing names the fields that derive reads.
func (s section) placing(fields ...string) section {
	s.places = fields
	return s
}

// late marks derived columns that are set at the end.
func (s section) late(columns ...string) section {
	s.derivedLate = columns
	return s
}

var stationColumns = []column{
	{from: "aliases", to: "aliases", as: texts},
	{from: "kind", to: "kind", as: text, need: true},
	{from: "groupLabel", to: "group_label", as: text},
	{from: "structure", to: "structure", as: text},
	{from: "estate", to: "estate_id", refs: []string{"estates"}},
	{from: "parent", to: "parent_id", refs: []string{"stations"}},
	{from: "brand", to: "brand_id", refs: []string{"brands"}},
	{from: "locationZh", to: "location_zh", as: text},
	{from: "areaSqm", to: "area_sqm", as: quantity},
	{from: "contact", to: "public_phone", as: text},
	{from: "publicContactPosted", to: "public_contact_posted", as: flag(nil)},
	{from: "openToPublic", to: "open_to_public", as: flag(true)},
	{from: "formerOwner", to: "former_owner_id", refs: []string{"organisations"}},
	{from: "formerUse", to: "former_use", as: text},
	{from: "functions", to: "functions", as: texts},
	{from: "functionsEn", to: "functions_en", as: texts},
	{from: "servedGroups", to: "served_groups_zh", as: texts},
	{from: "staffedBy", to: "staffed_by", as: texts},
	{from: "pilot", to: "pilot", as: flag(false)},
	{from: "upgraded", to: "upgraded", as: flag(false)},
	{from: "heatingInWinter", to: "heating_in_winter", as: flag(nil)},
	{from: "airConditioningInSummer", to: "air_conditioning_in_summer", as: flag(nil)},
	{from: "isLendingPoint", to: "is_lending_point", as: flag(false)},
	{from: "limitation", to: "limitation", as: text},
	{from: "note", to: "note", as: text},
	{from: "hosts", refs: []string{"alliances"}},
}

var programmeColumns = []column{
	{from: "brand", to: "brand_id", refs: []string{"brands"}},
	{from: "station", to: "station_id", refs: []string{"stations"}},
	{from: "room", to: "room_id", refs: []string{"rooms"}},
	{from: "event", to: "event_id", refs: []string{"events"}, late: true},
	{from: "team", to: "team_id", refs: []string{"teams"}, late: true},
	{from: "providers", to: "provider_org_id", refs: []string{"organisations"}},
	{from: "ageMin", to: "age_min", as: whole(0)},
	{from: "ageMax", to: "age_max", as: whole(0)},
	{from: "audiences", as: texts, to: "audiences"},
	{from: "schedule", to: "recurrence", as: recurrence},
	{from: "demandDriven", to: "demand_driven", as: flag(false)},
	{from: "parentsJoinVolunteers", to: "parents_join_volunteers", as: flag(false)},
	{from: "resourceSource", to: "resource_source", as: text},
	{from: "origin", to: "origin", as: text},
	{from: "topics", to: "topics", as: texts},
	{from: "courseCount", to: "reported_course_count", as: quantity},
	{from: "classHours", to: "reported_class_hours", as: quantity},
	{from: "note", to: "note", as: text},
	{from: "proceedsTo", refs: []string{"funds"}},
}

var courseColumns = []column{
	{from: "programme", to: "programme_id", refs: []string{"programmes"}, need: true},
	{from: "classNameZh", to: "class_name_zh", as: text},
	{from: "audience", to: "audience", refs: []string{"audiences"}, need: true},
	{from: "ageMin", to: "age_min", as: whole(0)},
	{from: "ageMax", to: "age_max", as: whole(0)},
	{from: "enrolments", to: "reported_enrolments", as: quantity},
	{from: "teacherRole", to: "instructor_role", as: text},
	{from: "teacherAgeBand", to: "instructor_age_band", as: text},
	{from: "tutoringZh", to: "tutoring_zh", as: text},
	{from: "schedule", to: "recurrence", as: recurrence},
	{from: "publicBenefit", to: "public_benefit", as: flag(false)},
}

var teamColumns = []column{
	{from: "kind", to: "kind", as: text, need: true},
	{from: "station", to: "home_station_id", refs: []string{"stations"}},
	{from: "channel", to: "channel_id", refs: []string{"channels"}},
	{from: "course", to: "course_id", refs: []string{"courses"}},
	{from: "programme", to: "programme_id", refs: []string{"programmes"}},
	{from: "composedOf|members", to: "member_groups", as: texts},
	{from: "selfFormed", to: "self_formed", as: flag(false)},
	{from: "informal", to: "informal", as: flag(false)},
	{from: "memberCount", to: "reported_member_count", as: quantity},
	{from: "teamCount", to: "reported_team_count", as: quantity},
	{from: "volunteerGrowth", to: "volunteer_growth", as: text},
	{from: "performs", to: "performs", as: texts},
	{from: "needs", to: "needs", as: texts},
	{from: "outputs", to: "outputs", as: texts},
	{from: "activities", to: "activities", as: texts},
	{from: "playwrights", to: "playwrights", as: whole(0)},
	{from: "note", to: "note", as: text},
	{from: "flagAward.by", refs: []string{"organisations"}},
	{from: "flagAward.event", refs: []string{"events"}},
	{from: "flagAward.on", as: day},
}

// seriesColumns serve eventSeries and regularActivities alike: an activity held regularly is a
// series whose occasions no report dates.
var seriesColumns = []column{
	{from: "kind", to: "kind", as: text},
	{from: "format", to: "format", as: text},
	{from: "schedule", to: "recurrence", as: recurrence},
	{from: "editions", to: "edition_count", as: quantity},
	{from: "announcedOn", to: "announced_on", as: day},
	{from: "station", to: "station_id", refs: []string{"stations"}},
	{from: "room", to: "room_id", refs: []string{"rooms"}},
	{from: "programme", to: "programme_id", refs: []string{"programmes"}},
	{from: "team|teams", to: "team_id", refs: []string{"teams"}},
	{from: "canteen", refs: []string{"canteens"}},
}

var eventColumns = []column{
	{from: "kind", to: "kind", as: text, need: true},
	{from: "series", to: "series_id", refs: []string{"eventSeries", "regularActivities"}},
	{from: "edition", to: "edition", as: whole(1)},
	{from: "campaign", to: "campaign_id", refs: []string{"campaigns"}},
	{from: "station", to: "station_id", refs: []string{"stations"}},
	{from: "room", to: "room_id", refs: []string{"rooms"}},
	{from: "course", to: "course_id", refs: []string{"courses"}},
	{from: "team", to: "team_id", refs: []string{"teams"}},
	{from: "theme", to: "theme", as: text},
	{from: "scope", to: "scope", as: scope},
	{from: "organiser", to: "organiser", as: text},
	{from: "attendance", to: "attendance", as: quantity},
	{from: "attendeeGroups", to: "attendee_groups", as: texts},
	{from: "servedBy", refs: []string{"communities"}},
	{from: "activityCount", to: "activities_reported", as: quantity},
	{from: "launchesBrand", refs: []string{"brands"}},
	{from: "announces", to: "announces_series_id", refs: []string{"eventSeries", "regularActivities"}},
}
