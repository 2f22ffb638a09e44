package seed

import (
	"time"

	"github.com/google/uuid"
)

var (
	_ = grows("hours", grower{after: []string{"furnishing"}, grow: (*community).open})
	_ = grows("events", grower{after: []string{"furnishing"}, grow: (*community).schedule, moveOn: []string{
		`UPDATE events SET status = CASE WHEN over_at <= $1 THEN 'ENDED' ELSE 'ONGOING' END
		 WHERE provenance @> '{"synthetic": true}' AND starts_at <= $1 AND (status IN ('PUBLISHED', 'OPEN', 'FULL') OR status = 'ONGOING' AND over_at <= $1)`}})
	_ = grows("learning", grower{after: []string{"residents"}, grow: (*community).teach, moveOn: []string{
		`UPDATE course_sessions SET status = 'HELD' WHERE provenance @> '{"synthetic": true}' AND status = 'SCHEDULED' AND ends_at <= $1`}})
	_ = grows("service", grower{after: []string{"residents"}, grow: (*community).serve})
)

// open gives every station its hours, and some days others.
func (c *community) open() {
	weekly := "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
	for _, s := range c.stations {
		d := c.dice("hours", s.id)
		rule, opens, closes, zh := weekly, "08:30", "18:00", "周一至周五 8:30—18:00"
		switch {
		case s.kind == "OUTDOOR_PUBLIC_SPACE" || s.kind == "EVENT_GROUND":
			rule, opens, closes, zh = "FREQ=DAILY", "06:00", "22:00", "每天 6:00—22:00"
		case s.kind == "CANTEEN":
			rule, opens, closes, zh = "FREQ=DAILY", "10:30", "13:30", "每天 10:30—13:30"
		case d.IntN(2) == 0:
			rule, zh = "FREQ=DAILY", "每天 8:30—18:00"
		}
		hours := func(name, rule, opens, closes, zh string) {
			c.add("schedules", row{"id": c.id("schedule", s.id, name), "station_id": s.id, "rrule": rule, "dtstart": "2026-01-01",
				"opens_at": opens, "closes_at": closes, "zh": zh})
		}
		hours("day", rule, opens, closes, zh)
		if d.IntN(3) == 0 {
			hours("evening", "FREQ=WEEKLY;BYDAY=TU,FR,SA", "19:00", "21:30", "周二、周五、周六晚 19:00—21:30")
		}
		for day := range c.days(-7, 30) {
			x := row{"id": c.id("exception", s.id, date(day)), "station_id": s.id, "on_day": date(day), "kind": "CLOSED",
				"opens_at": nil, "closes_at": nil, "note": "内部整理（演示）"}
			switch c.dice("exception", s.id, date(day)).IntN(50) {
			case 0:
				c.add("schedule_exceptions", x)
			case 1:
				x["kind"], x["opens_at"], x["closes_at"], x["note"] = "CHANGED", "13:00", "20:00", "错时开放（演示）"
				c.add("schedule_exceptions", x)
			}
		}
	}
}

var occasions = []struct {
	zh, en, kind    string
	begins, minutes int // begins in minutes from midnight
	capacity        int
	audience        string
}{
	{"健康义诊", "free clinic", "CLINIC", 9 * 60, 150, 0, "ELDERS"},
	{"绘本故事会", "picture-book reading", "BOOK_CLUB", 10 * 60, 60, 30, "CHILDREN"},
	{"剪纸手工坊", "paper-cutting workshop", "WORKSHOP", 14 * 60, 120, 20, "FAMILIES"},
	{"露天电影", "open-air film", "SCREENING", 19*60 + 30, 120, 0, "RESIDENTS"},
	{"邻里跳蚤市场", "flea market", "FLEA_MARKET", 8*60 + 30, 210, 0, "RESIDENTS"},
	{"消防安全宣讲", "fire-safety talk", "TALK", 15 * 60, 90, 60, "RESIDENTS"},
	{"合唱排练", "choir rehearsal", "REHEARSAL", 9*60 + 30, 120, 0, "RESIDENTS"},
	{"乒乓球友谊赛", "table-tennis friendly", "SPORTS", 16 * 60, 150, 32, "RESIDENTS"},
	{"便民维修日", "repair day", "SERVICE_DAY", 9 * 60, 480, 0, "RESIDENTS"},
	{"居民议事会", "residents' deliberation", "MEETING", 19 * 60, 90, 40, "RESIDENTS"},
}

// schedule fills the days from 60 ago to 30 ahead: something all day, a patrol past midnight, and one
// to three occasions at their hours. With the patrol of the night before, a day shows four to six.
func (c *community) schedule() {
	for day := range c.days(-60, 30) {
		d := c.dice("events", date(day))
		c.occasion(day, "open", "站点开放日", "open day", "DROP_IN", day, day.AddDate(0, 0, 1), 0, "RESIDENTS", pick(d, c.stations).id, true)
		c.occasion(day, "patrol", "邻里夜巡", "night patrol", "OTHER", clock(day, 22*60), clock(day, 24*60+30), 0, "RESIDENTS", pick(d, c.stations).id, false)
		first := d.IntN(len(occasions))
		for i := range 1 + d.IntN(3) {
			o := occasions[(first+i*3)%len(occasions)]
			begins := clock(day, o.begins)
			c.occasion(day, o.en, o.zh, o.en, o.kind, begins, begins.Add(time.Duration(o.minutes)*time.Minute), o.capacity, o.audience, pick(d, c.stations).id, false)
		}
	}
}

func (c *community) occasion(day time.Time, name, zh, en, kind string, begins, ends time.Time, capacity int, audience string, station uuid.UUID, allDay bool) {
	d := c.dice("occasion", name, date(day))
	r := row{"id": c.id("event", date(day), name), "name_zh": zh, "name_en": en, "kind": kind, "scope": "COMMUNITY", "status": "PUBLISHED",
		"starts_at": begins, "ends_at": ends, "all_day": allDay, "station_id": station, "capacity": nil, "registered_count": 0,
		"audiences": []string{audience}}
	if capacity > 0 {
		r["capacity"], r["registered_count"] = capacity, d.IntN(capacity+1)
		r["status"] = "OPEN"
		if r["registered_count"] == capacity {
			r["status"] = "FULL"
		}
	}
	switch {
	case !allDay && d.IntN(30) == 0:
		r["status"] = "CANCELLED"
	case !ends.After(c.now):
		r["status"] = "ENDED"
	case !begins.After(c.now):
		r["status"] = "ONGOING"
	}
	c.add("events", r)
}

// teach holds every course once a week from 8 weeks ago to 4 ahead, and signs people up for it: to the
// last seat where seats are limited, with a waiting list behind.
func (c *community) teach() {
	for _, course := range c.courses {
		d := c.dice("course", course.id)
		weekday, begins := time.Weekday(d.IntN(7)), (9+d.IntN(11))*60
		for day := range c.days(-56, 28) {
			if day.Weekday() != weekday {
				continue
			}
			status, ends := "SCHEDULED", clock(day, begins+90)
			if !ends.After(c.now) {
				status = "HELD"
			}
			if c.dice("session", course.id, date(day)).IntN(20) == 0 {
				status = "CANCELLED"
			}
			c.add("course_sessions", row{"id": c.id("session", course.id, date(day)), "course_id": course.id, "kind": "CLASS", "status": status,
				"starts_at": clock(day, begins), "ends_at": ends, "class_hours": "2.00"})
		}
		seats, applicants := 10+d.IntN(16), c.fitting(course, epoch)
		if course.capacity > 0 {
			seats = course.capacity
		}
		for i, p := range applicants[:min(len(applicants), seats+6)] {
			e := row{"id": c.id("enrolment", course.id, p.id), "course_id": course.id, "resident_id": p.id, "status": "ATTENDING",
				"waitlist_position": nil, "age_at_start": p.age(epoch), "guardian_consent_id": nil, "applied_at": clock(epoch, i*95)}
			switch {
			case i >= seats+4:
				e["status"] = "WITHDRAWN"
			case i >= seats:
				e["status"], e["waitlist_position"] = "WAITLISTED", i-seats+1
			case i%5 == 0:
				e["status"] = "CONFIRMED"
			case i%7 == 0:
				e["status"] = "COMPLETED"
			}
			if p.age(epoch) < 14 {
				e["guardian_consent_id"] = c.id("consent", course.id, p.id)
			}
			c.add("enrolments", e)
		}
	}
}

var deeds = []string{"楼道清洁", "陪老人聊天", "秩序维护", "便民理发", "垃圾分类劝导", "图书整理"}

// kindsDelivered is weighted by repetition. Cleaning, phone help and comfort visits add up to
// ELDER_SUPPORT, which nothing is booked on directly.
var kindsDelivered = []string{"DIGITAL_HELP", "DIGITAL_HELP", "CLEANING", "CLEANING", "COMFORT_VISIT", "COMFORT_VISIT", "GENERAL", "GENERAL",
	"HOT_DRINK", "HOT_DRINK", "REPAIR", "LENDING", "CLINIC", "PATROL", "LEGAL", "TUTORING_HELP", "ERRAND", "AFFAIRS", "VACCINATION_SUPPORT", "HELP_REQUEST"}

// serve fills the last twelve months with members, their hours, and services counted without names.
func (c *community) serve() {
	var volunteers []struct{ who, team uuid.UUID }
	adults := c.fitting(thing{kind: "RESIDENTS", id: c.id("volunteers")}, epoch)
	for i, team := range c.teams {
		d := c.dice("team", team.id)
		for k := range min(len(adults), 8+d.IntN(13)) {
			p := adults[(i*17+k)%len(adults)]
			c.add("team_memberships", row{"id": c.id("member", team.id, p.id), "team_id": team.id, "resident_id": p.id, "role": "MEMBER",
				"since": date(epoch.AddDate(0, 0, -d.IntN(700))), "until": nil})
			volunteers = append(volunteers, struct{ who, team uuid.UUID }{p.id, team.id})
		}
	}
	for day := range c.days(-365, 0) {
		d := c.dice("service", date(day))
		served := map[uuid.UUID]bool{} // one record a person and day: nobody is in two places
		for i := range 1 + d.IntN(3) {
			v := pick(d, volunteers)
			begins, minutes, station := clock(day, 8*60+d.IntN(20)*30), 30+d.IntN(10)*15, pick(d, c.stations).id
			ends := begins.Add(time.Duration(minutes) * time.Minute)
			if served[v.who] || ends.After(c.now) {
				continue
			}
			served[v.who] = true
			r := row{"id": c.id("record", date(day), i), "volunteer_id": v.who, "team_id": v.team, "station_id": station,
				"during": "[" + begins.Format(time.RFC3339) + "," + ends.Format(time.RFC3339) + ")", "content": pick(d, deeds),
				"status": "CONFIRMED", "confirmed_by": principal, "confirmed_at": ends.Add(time.Hour)}
			if n := d.IntN(12); n < 2 {
				r["status"], r["confirmed_by"], r["confirmed_at"] = []string{"SUBMITTED", "REJECTED"}[n], nil, nil
			}
			c.add("service_records", r)
		}
		if !day.Before(c.today) {
			continue // what a day came to is known when it is over
		}
		for i := range 1 + d.IntN(2) {
			kind := pick(d, kindsDelivered)
			audience := "RESIDENTS"
			if kind == "DIGITAL_HELP" || kind == "CLEANING" || kind == "COMFORT_VISIT" {
				audience = "EMPTY_NEST_ELDERS"
			}
			c.add("service_deliveries", row{"id": c.id("delivery", date(day), i), "kind": kind, "occurred_on": date(day), "person_times": 1 + d.IntN(24),
				"sessions": d.IntN(2), "station_id": pick(d, c.stations).id, "team_id": pick(d, c.teams).id, "audience": audience})
		}
	}
}
