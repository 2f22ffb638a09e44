package seed

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// What a community of the benchmark set has.
const (
	scaledStations   = 8
	scaledCourses    = 30
	scaledSessions   = 5 // a course
	scaledEnrolments = 2500
	scaledFeedback   = 1000
	scaledTeams      = 12
	scaledResidents  = 200
	scaledMonths     = 24
)

// scaled is one community of the set.
type scaled struct {
	owner                        string
	seed                         int64
	now, today                   time.Time
	stations, courses, residents []uuid.UUID
	posts, organizations         []uuid.UUID
}

func newScaled(i int, o ScaleOptions) *scaled {
	return &scaled{owner: scaledOwner(i), seed: o.Seed, now: o.Now.In(shanghai), today: startOfDay(o.Now)}
}

// name makes the ids that several tables need, once and only when a load begins.
func (s *scaled) name() {
	ids := func(kind string, n int) []uuid.UUID {
		all := make([]uuid.UUID, n)
		for i := range all {
			all[i] = s.id(kind, i)
		}
		return all
	}
	s.stations, s.courses, s.residents = ids("station", scaledStations), ids("course", scaledCourses), ids("resident", scaledResidents)
	s.posts, s.organizations = ids("post", 2), ids("organization", 3)
}

func (s *scaled) id(kind string, i int) uuid.UUID {
	return ID(s.owner, "scale/"+kind+"/"+strconv.Itoa(i))
}

func (s *scaled) dice(table string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, s.owner, "/", table)
	return rand.New(rand.NewPCG(uint64(s.seed), h.Sum64()))
}

const scaledProvenance = `{"source": "scale", "inferred": false, "inferredFields": [], "synthetic": true}`

var scaledTables = []copied{
	{"owners", []string{"owner", "kind"}, func(s *scaled, put func(...any)) {
		s.name()
		put(s.owner, "COMMUNITY")
	}},
	{"organizations", []string{"owner", "id", "name_zh", "kind", "provenance"}, func(s *scaled, put func(...any)) {
		for i, kind := range []string{"PROPERTY_MANAGEMENT", "GOVERNMENT_UNIT", "RESIDENTS_COMMITTEE"} {
			put(s.owner, s.organizations[i], "测试单位"+strconv.Itoa(i+1), kind, scaledProvenance)
		}
	}},
	{"staff_posts", []string{"owner", "id", "code", "label_zh", "provenance"}, func(s *scaled, put func(...any)) {
		put(s.owner, s.posts[0], "FEEDBACK_CLERK", "意见整理专人", scaledProvenance)
		put(s.owner, s.posts[1], "GRID_WORKER", "网格员", scaledProvenance)
	}},
	{"stations", []string{"owner", "id", "name_zh", "kind", "served_groups", "provenance"}, func(s *scaled, put func(...any)) {
		kinds := []string{"ESTATE_PARTY_STATION", "RED_STATION", "ACTIVITY_ROOM", "CONVENIENCE_POINT"}
		for i, id := range s.stations {
			put(s.owner, id, "测试站点"+strconv.Itoa(i+1), kinds[i%len(kinds)], "{RESIDENTS}", scaledProvenance)
		}
	}},
	{"schedules", []string{"owner", "id", "station_id", "rrule", "dtstart", "opens_at", "closes_at", "zh", "provenance"}, func(s *scaled, put func(...any)) {
		for i, id := range s.stations {
			put(s.owner, s.id("schedule", 2*i), id, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-01-01", "08:30", "18:00", "周一至周五 8:30—18:00", scaledProvenance)
			put(s.owner, s.id("schedule", 2*i+1), id, "FREQ=WEEKLY;BYDAY=SA,SU", "2026-01-01", "09:30", "16:00", "周末 9:30—16:00", scaledProvenance)
		}
	}},
	{"events", []string{"owner", "id", "name_zh", "kind", "status", "starts_at", "ends_at", "station_id", "audiences", "provenance"}, scaledEvents},
	{"courses", []string{"owner", "id", "name_zh", "audience", "capacity", "provenance"}, func(s *scaled, put func(...any)) {
		for i, id := range s.courses {
			var capacity any
			if i%2 == 0 {
				capacity = 120
			}
			put(s.owner, id, "测试课程"+strconv.Itoa(i+1), []string{"RESIDENTS", "ELDERS", "YOUTH"}[i%3], capacity, scaledProvenance)
		}
	}},
	{"course_sessions", []string{"owner", "id", "course_id", "status", "starts_at", "ends_at", "class_hours", "provenance"}, func(s *scaled, put func(...any)) {
		for i, course := range s.courses {
			for k := range scaledSessions {
				starts, status := clock(s.today.AddDate(0, 0, 7*(k-3)+i%7), (9+i%10)*60), "SCHEDULED"
				if starts.Before(s.now) {
					status = "HELD"
				}
				put(s.owner, s.id("session", i*scaledSessions+k), course, status, starts, starts.Add(90*time.Minute), "2.00", scaledProvenance)
			}
		}
	}},
	{"residents", []string{"owner", "id", "name", "phone", "birth_date", "gender", "provenance"}, func(s *scaled, put func(...any)) {
		surname, given, d := []rune(surnames), []rune(givenNames), s.dice("residents")
		for i, id := range s.residents {
			name := string(pick(d, surname)) + string(pick(d, given)) + string(pick(d, given))
			put(s.owner, id, name, fmt.Sprintf("1380000%04d", i), date(s.born(i)), []string{"F", "M"}[d.IntN(2)], scaledProvenance)
		}
	}},
	{"enrolments", []string{"owner", "id", "course_id", "resident_id", "status", "age_at_start", "applied_at", "provenance"}, scaledSignUps},
	{"volunteer_teams", []string{"owner", "id", "name_zh", "kind", "provenance"}, func(s *scaled, put func(...any)) {
		for i := range scaledTeams {
			put(s.owner, s.id("team", i), "测试队"+strconv.Itoa(i+1), "VOLUNTEER_TEAM", scaledProvenance)
		}
	}},
	{"feedback_categories", []string{"owner", "id", "code", "name_zh", "provenance"}, func(s *scaled, put func(...any)) {
		for _, m := range matters {
			put(s.owner, categoryID(s.owner, m.code), m.code, m.zh, scaledProvenance)
		}
	}},
	{"sla_rules", []string{"owner", "id", "category", "due_in_hours", "working_days", "assignee_post_id", "responsible_org_id"}, func(s *scaled, put func(...any)) {
		for i, m := range matters {
			put(s.owner, ID(s.owner, "sla/"+m.code), m.code, m.workdays*24, true, s.posts[1], s.organizations[i%3])
		}
	}},
	{"feedbacks", []string{"owner", "id", "book_year", "book_no", "kind", "category", "title", "status", "reporter_id", "anonymous", "received_at", "due_at",
		"review_at", "assignee_post_id", "responsible_org_id", "referred_to", "reply", "replied_at", "outcome", "resolved_at", "closed_at", "duplicate_of",
		"escalation_level", "escalated_at", "reopened_count", "satisfaction", "provenance"}, scaledBook},
}

// born gives residents ages from 18 to 89, none of whom needs a guardian's consent.
func (s *scaled) born(i int) time.Time { return epoch.AddDate(-18-i*37%72, 0, -i) }

// scaledEvents are three of today, in the morning, in the afternoon and from the evening into the night,
// and six of other days.
func scaledEvents(s *scaled, put func(...any)) {
	event := func(n, days, from, minutes int) {
		starts := clock(s.today.AddDate(0, 0, days), from)
		ends, status := starts.Add(time.Duration(minutes)*time.Minute), "PUBLISHED"
		switch {
		case !ends.After(s.now):
			status = "ENDED"
		case !starts.After(s.now):
			status = "ONGOING"
		}
		o := occasions[n]
		put(s.owner, s.id("event", n), o.zh, o.kind, status, starts, ends, s.stations[n%scaledStations], "{"+o.audience+"}", scaledProvenance)
	}
	event(0, 0, 9*60, 120)
	event(1, 0, 14*60, 120)
	event(2, 0, 21*60, 240)
	for i, days := range []int{-20, -9, -3, 4, 11, 25} {
		event(3+i, days, 10*60, 90)
	}
}

// scaledSignUps spread over the courses, nobody twice in one.
func scaledSignUps(s *scaled, put func(...any)) {
	statuses := []string{"ATTENDING", "ATTENDING", "CONFIRMED", "COMPLETED", "COMPLETED", "APPLIED", "WITHDRAWN"}
	d, n := s.dice("enrolments"), 0
	for i, course := range s.courses {
		first := d.IntN(scaledResidents)
		for k := range (scaledEnrolments + i) / scaledCourses { // which adds up to all of them
			resident := (first + k*7) % scaledResidents // 7 and 200 have no common factor
			applied := s.today.AddDate(0, 0, -60-d.IntN(300)).Add(time.Duration(d.IntN(86400)) * time.Second)
			put(s.owner, s.id("enrolment", n), course, s.residents[resident], pick(d, statuses), 18+resident*37%72, applied, scaledProvenance)
			n++
		}
	}
}

// scaledBook is a register over 24 months. What is older than a month is mostly closed; what is open past
// its deadline has been escalated.
func scaledBook(s *scaled, put func(...any)) {
	d := s.dice("feedbacks")
	begin := s.today.AddDate(0, -scaledMonths, 0)
	apart := s.now.Add(-time.Hour).Sub(begin) / scaledFeedback
	book := map[int]int{}
	root := -1
	for i := range scaledFeedback {
		received := begin.Add(time.Duration(i)*apart + time.Duration(d.Int64N(int64(apart)))).Truncate(time.Second)
		m := pick(d, matters)
		due := workdays(received, m.workdays)
		status := pick(d, lateStates)
		if s.now.Sub(received) < 30*24*time.Hour {
			status = pick(d, earlyStates)
		}
		if status == "DUPLICATE" && root < 0 {
			status = "CLOSED"
		}
		e := scaledEntry{status: status, answered: received.Add(time.Duration(2+d.IntN(24*9)) * time.Hour)}
		if e.answered.After(s.now) {
			e.answered = s.now
		}
		e.settle(s, d, due, root)
		if status != "DUPLICATE" {
			root = i
		}
		category := any(m.code)
		if status == "RECEIVED" {
			category = nil
		}
		anonymous, reporter := d.IntN(10) == 0, any(s.residents[d.IntN(scaledResidents)])
		if anonymous {
			reporter = nil
		}
		year := received.In(shanghai).Year()
		book[year]++
		put(s.owner, s.id("feedback", i), year, book[year], m.kind, category, pick(d, m.titles), status, reporter, anonymous, received, due,
			e.review, e.post, e.body, e.referred, e.reply, e.replied, e.outcome, e.resolved, e.closed, e.duplicate,
			e.level, e.escalated, e.reopened, e.satisfaction, scaledProvenance)
	}
}

var (
	lateStates = []string{"CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED",
		"CLOSED", "CLOSED", "CLOSED", "CLOSED", "RESOLVED", "DUPLICATE", "WITHDRAWN", "NOT_ACCEPTED", "REFERRED", "IN_PROGRESS"}
	earlyStates = []string{"RECEIVED", "RECEIVED", "TRIAGED", "ASSIGNED", "ASSIGNED", "IN_PROGRESS", "IN_PROGRESS", "SUSPENDED", "REPLIED", "RESOLVED",
		"CLOSED", "CLOSED", "REOPENED", "DUPLICATE", "REFERRED", "NOT_ACCEPTED", "WITHDRAWN"}
)

// scaledEntry is what the status of an entry demands; nil is NULL.
type scaledEntry struct {
	status   string
	answered time.Time

	review, post, body, referred, reply, replied, outcome, resolved, closed, duplicate, escalated, satisfaction any
	level, reopened                                                                                             int
}

func (e *scaledEntry) settle(s *scaled, d *rand.Rand, due time.Time, root int) {
	open := false
	switch e.status {
	case "RECEIVED", "TRIAGED":
		open = true
	case "REFERRED":
		open, e.referred = true, "街道办事处"
	case "DUPLICATE":
		e.duplicate = s.id("feedback", root)
	case "NOT_ACCEPTED":
		e.reply, e.replied = "不属于社区受理范围，已说明。", e.answered
	case "ASSIGNED", "IN_PROGRESS", "SUSPENDED", "REPLIED", "RESOLVED", "CLOSED", "REOPENED":
		e.post, e.body = s.posts[1], s.organizations[d.IntN(3)]
		open = e.status == "ASSIGNED" || e.status == "IN_PROGRESS" || e.status == "REOPENED"
	}
	switch e.status {
	case "SUSPENDED":
		e.review = s.today.AddDate(0, 0, 20)
	case "REPLIED", "RESOLVED", "CLOSED", "REOPENED":
		e.reply, e.replied = "已办理并答复。", e.answered
	}
	switch e.status {
	case "RESOLVED":
		e.outcome, e.resolved = "已处理完毕", e.answered
	case "CLOSED":
		e.outcome, e.resolved, e.closed = "已处理完毕", e.answered, e.answered
		if d.IntN(3) > 0 {
			e.satisfaction = 1 + d.IntN(5)
		}
	case "REOPENED":
		e.reopened = 1
	}
	if open && due.Before(s.now) || e.replied != nil && due.Before(e.answered) {
		e.level, e.escalated = 1, due
	}
}
