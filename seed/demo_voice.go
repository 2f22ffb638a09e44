package seed

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Feedback that stands is brought to its present state; nobody is told of less than was told before.
var _ = grows("feedback", grower{after: []string{"residents"}, grow: (*community).listen, check: leaveAlone, revise: map[string]string{
	"feedbacks": fmt.Sprintf(`UPDATE feedbacks t SET (%s, escalation_level) = ROW(%s, greatest(t.escalation_level, r.escalation_level))
		FROM jsonb_populate_recordset(NULL::feedbacks, $1) r
		WHERE t.owner = r.owner AND t.id = r.id AND (t.status <> r.status OR t.escalation_level < r.escalation_level)`,
		list("", stands), list("r.", stands))}})

// stands are the columns that tell how an entry stands.
var stands = []string{"status", "category", "due_at", "review_at", "assignee_post_id", "responsible_org_id", "referred_to", "reply", "replied_at",
	"outcome", "resolved_at", "closed_at", "duplicate_of", "escalated_at", "reopened_count", "satisfaction"}

// matter is what feedback is about.
type matter struct {
	code, zh string
	kind     string
	workdays int // proposed
	titles   []string
}

var matters = []matter{
	{"FACILITIES", "公共设施", "PROBLEM", 5, []string{"三单元楼道灯不亮", "健身器材松动", "单元门禁失灵", "下水井盖破损"}},
	{"ENVIRONMENT", "环境卫生", "PROBLEM", 3, []string{"垃圾桶清运不及时", "楼前绿化带有杂物", "电梯间有异味"}},
	{"NOISE", "噪声扰民", "COMPLAINT", 5, []string{"夜间广场舞音量过大", "装修时间过早"}},
	{"PARKING", "停车秩序", "COMPLAINT", 5, []string{"消防通道被占用", "电动车乱停放"}},
	{"ELDER_CARE", "为老服务", "HELP_REQUEST", 2, []string{"独居老人需要代买药品", "老人手机不会使用"}},
	{"CONSULTATION", "政策咨询", "CONSULTATION", 2, []string{"医保报销怎么办", "居住证如何办理"}},
	{"ACTIVITY", "活动建议", "SUGGESTION", 10, []string{"希望增加周末亲子活动", "建议开设书法夜校"}},
	{"THANKS", "感谢表扬", "PRAISE", 3, []string{"感谢志愿者上门帮助", "驿站服务很贴心"}},
}

// step is one line of an entry's history.
type step struct {
	at         time.Time
	action, to string
}

// entry is a feedback with all that will come to pass; how much of it is past depends on now.
type entry struct {
	id       uuid.UUID
	day      string
	received time.Time
	matter   matter
	steps    []step
	root     *entry // of a duplicate
	dice     *rand.Rand
}

// listen keeps the register of the last twelve months: about ninety entries, each with a course of its
// own, and the Echo Wall that comes of them.
func (c *community) listen() {
	clerk, worker := c.post("FEEDBACK_CLERK"), c.post("GRID_WORKER")
	for _, m := range matters {
		c.add("feedback_categories", row{"id": categoryID(c.owner, m.code), "code": m.code, "name_zh": m.zh})
		c.add("sla_rules", row{"id": ID(c.owner, "sla/"+m.code), "category": m.code, "due_in_hours": m.workdays * 24, "working_days": true,
			"assignee_post_id": clerk, "responsible_org_id": c.body(m)})
	}
	var entries []*entry
	for day := range c.days(-364, 0) {
		d := c.dice("feedback", date(day))
		if d.IntN(4) > 0 {
			continue // chosen: one day in four, 91 a year
		}
		e := &entry{id: c.id("feedback", date(day)), day: date(day), received: clock(day, 8*60+d.IntN(12*60)), matter: pick(d, matters), dice: d}
		if e.received.After(c.now) {
			continue
		}
		e.plan(entries)
		entries = append(entries, e)
		c.enter(e, clerk, worker)
	}
}

func (c *community) post(code string) any {
	for _, p := range c.posts {
		if p.kind == code {
			return p.id
		}
	}
	return nil
}

func (c *community) body(m matter) any {
	kind := "RESIDENTS_COMMITTEE"
	switch m.code {
	case "FACILITIES", "ENVIRONMENT":
		kind = "PROPERTY_MANAGEMENT"
	case "NOISE", "PARKING":
		kind = "GOVERNMENT_UNIT"
	}
	for _, o := range c.organizations {
		if o.kind == kind {
			return o.id
		}
	}
	return nil
}

// plan lays the course of an entry. Of a hundred about sixty go straight, the rest are slow, stuck,
// merged, referred, refused, withdrawn, suspended or reopened.
func (e *entry) plan(before []*entry) {
	at := e.received
	then := func(action, to string, least, most int) { // hours later
		if action != "submit" {
			at = at.Add(time.Duration(least*60+e.dice.IntN((most-least)*60)) * time.Minute)
		}
		e.steps = append(e.steps, step{at, action, to})
	}
	finish := func(slowest int) {
		then("start", "IN_PROGRESS", 1, 20)
		then("reply", "REPLIED", 12, slowest)
		if e.matter.kind != "CONSULTATION" && e.matter.kind != "PRAISE" {
			then("resolve", "RESOLVED", 2, 40)
		}
		then("close", "CLOSED", 24, 24*7)
	}
	then("submit", "RECEIVED", 0, 1)
	chance := e.dice.IntN(100)
	if chance < 2 {
		return // nobody looks at it
	}
	then("triage", "TRIAGED", 1, 20)
	switch {
	case chance < 6:
		if root := lastRoot(before, e.received.AddDate(0, 0, -20)); root != nil {
			e.root = root
			then("markDuplicate", "DUPLICATE", 1, 8)
			return
		}
	case chance < 9:
		then("withdraw", "WITHDRAWN", 1, 30)
		return
	case chance < 12:
		then("refuse", "NOT_ACCEPTED", 4, 30)
		if chance > 9 {
			then("close", "CLOSED", 24*7, 24*14)
		}
		return
	case chance < 16:
		then("refer", "REFERRED", 4, 30)
		if chance > 12 {
			then("close", "CLOSED", 24*5, 24*30)
		}
		return
	case chance < 17:
		return // sorted and then forgotten
	}
	then("assign", "ASSIGNED", 1, 6)
	switch {
	case chance < 19:
		return // given to somebody who does nothing
	case chance < 24:
		then("start", "IN_PROGRESS", 1, 20)
		then("suspend", "SUSPENDED", 5, 40)
		then("resume", "IN_PROGRESS", 24*10, 24*25)
		then("reply", "REPLIED", 12, 72)
		then("close", "CLOSED", 24, 24*7)
	case chance < 27:
		finish(48)
		then("reopen", "REOPENED", 24, 24*14)
		if chance == 24 {
			return
		}
		then("assign", "ASSIGNED", 2, 20)
		finish(48)
	case chance < 42:
		finish(24 * 30)
	default:
		finish(60)
	}
}

// lastRoot is the newest entry since then that is no duplicate.
func lastRoot(entries []*entry, since time.Time) *entry {
	for i := len(entries) - 1; i >= 0 && entries[i].received.After(since); i-- {
		if entries[i].root == nil {
			return entries[i]
		}
	}
	return nil
}

// enter makes the rows of an entry as it stands now.
func (c *community) enter(e *entry, clerk, worker any) {
	d := e.dice
	reply := pick(d, []string{"已联系责任单位处理，感谢您的反映。", "已安排工作人员上门查看并答复。", "情况已核实，处理结果已告知。"})
	private := d.IntN(8) == 0
	r := row{"id": e.id, "kind": e.matter.kind, "title": pick(d, e.matter.titles), "body": "（演示）" + e.matter.zh + "方面的反映。", "status": nil,
		"category": nil, "received_at": e.received, "due_at": workdays(e.received, 1), "review_at": nil, "assignee_post_id": nil, "responsible_org_id": nil,
		"referred_to": nil, "reply": nil, "replied_at": nil, "outcome": nil, "resolved_at": nil, "closed_at": nil, "duplicate_of": nil,
		"escalation_level": 0, "escalated_at": nil, "reopened_count": 0, "satisfaction": nil, "private": private,
		"anonymous": d.IntN(6) == 0, "reporter_id": nil, "channel_id": nil, "station_id": nil, "estate_id": nil}
	if r["anonymous"] == false {
		r["reporter_id"] = c.residents[d.IntN(len(c.residents))/25*25].id // an adult
	}
	for _, x := range c.channels {
		if x.kind != "OUTBOUND" {
			r["channel_id"] = x.id
		}
	}
	if d.IntN(2) == 0 {
		r["station_id"] = pick(d, c.stations).id
	}
	satisfaction := 1 + d.IntN(5)

	var waiting time.Time // since when nobody is owed an answer; zero while somebody is
	var from any
	for i, s := range e.steps {
		if s.at.After(c.now) {
			break
		}
		by := clerk
		waiting = time.Time{}
		switch s.action {
		case "triage":
			r["category"], r["due_at"] = e.matter.code, workdays(e.received, e.matter.workdays)
		case "assign":
			r["assignee_post_id"], r["responsible_org_id"] = worker, c.body(e.matter)
			if r["reopened_count"] == 1 {
				r["due_at"] = workdays(s.at, e.matter.workdays)
			}
		case "markDuplicate":
			r["duplicate_of"] = e.root.id
		case "refer":
			r["referred_to"] = "街道办事处"
		case "suspend":
			r["review_at"] = s.at.AddDate(0, 0, 28)
		case "reply", "refuse":
			r["reply"], r["replied_at"] = reply, s.at
		case "resolve":
			r["outcome"], r["resolved_at"] = e.matter.zh+"问题已处理完毕", s.at
		case "close":
			r["closed_at"] = s.at
			if r["reply"] == nil {
				r["reply"], r["replied_at"] = "街道已办理并回复。", s.at
			}
			if satisfaction > 1 {
				r["satisfaction"] = satisfaction
			}
		case "reopen":
			r["closed_at"], r["resolved_at"], r["satisfaction"], r["reopened_count"] = nil, nil, nil, 1
			r["due_at"] = workdays(s.at, 1)
		}
		switch s.to {
		case "SUSPENDED", "REPLIED", "RESOLVED", "CLOSED", "DUPLICATE", "NOT_ACCEPTED", "WITHDRAWN":
			waiting = s.at
		}
		if s.action == "start" || s.action == "reply" || s.action == "resolve" || s.action == "resume" {
			by = worker
		}
		if s.action == "submit" || s.action == "withdraw" || s.action == "reopen" {
			by = nil
		}
		r["status"] = s.to
		c.add("feedback_updates", row{"id": c.id("step", e.day, i), "feedback_id": e.id, "at": s.at, "action": s.action, "from_status": from,
			"to_status": s.to, "by_post_id": by, "principal": principal, "note": nil})
		from = s.to
	}
	c.escalate(e, r, waiting)
	c.add("feedbacks", r)
	c.echo(e, r)
}

// ladder is who is told how many days after a deadline.
var ladder = []struct {
	days int
	told string
}{{0, "承办岗位"}, {1, "社区书记"}, {3, "街道"}, {7, "区"}}

// escalate tells those above of a deadline that passed before answered, or until now.
func (c *community) escalate(e *entry, r row, answered time.Time) {
	until := c.now
	if !answered.IsZero() {
		until = answered
		for _, s := range e.steps { // the first answer stopped the clock
			if !s.at.After(c.now) && (s.to == "REPLIED" || s.to == "NOT_ACCEPTED") {
				until = s.at
				break
			}
		}
	}
	due := r["due_at"].(time.Time)
	for i, rung := range ladder {
		at := due.AddDate(0, 0, rung.days)
		if at.After(until) {
			return
		}
		r["escalation_level"], r["escalated_at"] = i+1, at
		c.add("escalations", row{"id": c.id("escalation", e.day, date(due), i), "feedback_id": e.id, "due_at": due, "level": i + 1, "at": at, "to_post_id": nil, "told": rung.told})
	}
}

// echo puts two of three settled entries on the wall, but for some whose review is not done.
func (c *community) echo(e *entry, r row) {
	settled, ok := r["resolved_at"].(time.Time)
	if !ok || r["private"] == true || e.dice.IntN(3) == 0 || settled.Add(2*time.Hour).After(c.now) {
		return
	}
	for _, s := range e.steps {
		if s.action == "reopen" {
			return // it would be taken down again
		}
	}
	p := row{"id": c.id("echo", e.day), "feedback_id": e.id, "title_zh": r["title"], "outcome_zh": r["outcome"], "status": "PUBLISHED",
		"authored_by": "demo-clerk", "reviewed_by": "demo-secretary", "reviewed_at": settled.Add(time.Hour), "published_at": settled.Add(2 * time.Hour)}
	if e.dice.IntN(12) == 0 {
		p["status"], p["reviewed_by"], p["reviewed_at"], p["published_at"] = "DRAFT", nil, nil, nil
	}
	c.add("echo_wall_posts", p)
}

// workdays is n days of 24 hours later that are Mondays to Fridays.
func workdays(from time.Time, n int) time.Time {
	at := from
	for n > 0 {
		at = at.AddDate(0, 0, 1)
		if day := at.Weekday(); day != time.Saturday && day != time.Sunday {
			n--
		}
	}
	return at
}

// leaveAlone drops what concerns feedback that somebody else has acted on, or its duplicates.
func leaveAlone(ctx context.Context, tx *sql.Tx, c *community) error {
	touched, err := identifiers(ctx, tx, `SELECT DISTINCT feedback_id FROM feedback_updates WHERE owner = $1 AND principal <> $2`, c.owner, principal)
	if err != nil {
		return err
	}
	for _, r := range c.rows["feedbacks"] {
		if root, ok := r["duplicate_of"].(uuid.UUID); ok && touched[root] {
			touched[r["id"].(uuid.UUID)] = true
		}
	}
	for _, name := range []string{"feedbacks", "feedback_updates", "escalations", "echo_wall_posts"} {
		c.rows[name] = slices.DeleteFunc(c.rows[name], func(r row) bool {
			of, ok := r["feedback_id"].(uuid.UUID)
			if !ok {
				of = r["id"].(uuid.UUID)
			}
			return touched[of]
		})
	}
	return nil
}
