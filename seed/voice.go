package seed

import (
	"fmt"
	"time"
)

// Feedback as a report tells it lacks most of what the register demands: when it came, what was
// answered, by when an answer was due. The importer fills that in and says so: each such column
// stands in inferredFields.

var (
	_ = imports("feedbackPolicies", section{owner: []string{"community"}, complete: (*file).voices, columns: []column{{from: "nameZh", as: text, need: true}}})
	_ = imports("feedbackCases", section{owner: []string{"community"}, table: "feedbacks", standing: true, columns: []column{
		{from: "categoryZh", as: text, need: true},
		{from: "categoryEn", to: "category", as: matching(`^[A-Z][A-Z0-9_]*$`, "a code of capital letters"), need: true},
		{from: "kind", to: "kind", as: feedbackKind},
		{from: "summaryZh", to: "title", as: text, need: true},
		{from: "status", to: "status", as: one("RESOLVED", "CLOSED"), need: true},
		{from: "responsible", to: "responsible_org_id", refs: []string{"organisations"}},
		{from: "policy", refs: []string{"feedbackPolicies"}},
		{from: "publishedOnWall", as: flag(false)},
		{from: "handledBy", as: text},
		{from: "resolutionTime", as: text},
	}, derive: feedbackCase, derived: []string{"received_at", "due_at", "assignee_post_id", "reply", "replied_at",
		"outcome", "resolved_at", "closed_at"}})

	_ = fills(table{name: "staff_posts", columns: []string{"owner", "id", "code", "label_zh", "label_en", "provenance"}})
	_ = fills(table{name: "feedback_categories", columns: []string{"owner", "id", "code", "name_zh", "provenance"}})
	_ = fills(table{name: "sla_rules", standing: true, columns: []string{"owner", "id", "category", "due_in_hours", "working_days",
		"assignee_post_id", "responsible_org_id"}})
	_ = fills(table{name: "feedback_updates", standing: true, columns: []string{"owner", "id", "feedback_id", "at", "action", "from_status",
		"to_status", "by_post_id", "principal", "note"}})
	_ = fills(table{name: "echo_wall_posts", standing: true, columns: []string{"owner", "id", "feedback_id", "title_zh", "outcome_zh", "status",
		"authored_by", "reviewed_by", "reviewed_at", "published_at", "provenance"}})
)

var kinds = one("PROBLEM", "SUGGESTION", "HELP_REQUEST", "CONSULTATION", "PRAISE", "COMPLAINT")

func feedbackKind(v any) (any, string) {
	if v == nil {
		return "PROBLEM", ""
	}
	return kinds(v)
}

// Proposed deadlines: no report states one. Seven days for an ordinary matter is what guides of
// the 12345 hotline ask for; five workdays are that.
const (
	ordinaryHours = 5 * 24
	praiseHours   = 3 * 24
)

func dueHours(kind any) int {
	if kind == "PRAISE" {
		return praiseHours
	}
	return ordinaryHours
}

// feedbackCase completes the entry, with its history and, when it went on the wall, its post.
func feedbackCase(f *file, r *record) error {
	policy := f.find(r.raw["policy"], []string{"feedbackPolicies"})
	entry := r.row
	entry["assignee_post_id"] = nil
	if policy != nil {
		entry["assignee_post_id"] = clerk(policy)
	}
	if entry["status"] == "RESOLVED" {
		if policy == nil {
			return r.bad("policy", "the policy whose clerk had it, since it is RESOLVED")
		}
		if entry["responsible_org_id"] == nil {
			return r.bad("responsible", "the body that settled it, since it is RESOLVED")
		}
	}
	received := f.told(r).Add(-7*24*time.Hour + 10*time.Hour)
	due := received.Add(time.Duration(dueHours(entry["kind"])+48) * time.Hour) // across a weekend
	answered := received.Add(3 * 24 * time.Hour)

	entry["received_at"], entry["due_at"] = received, due
	entry["outcome"], entry["resolved_at"], entry["closed_at"] = nil, nil, nil
	entry["reply"], entry["replied_at"] = "感谢您的肯定，我们会继续做好服务。", answered
	if entry["status"] == "RESOLVED" {
		outcome := "已解决"
		if by, ok := r.raw["handledBy"].(string); ok {
			outcome = by + "，" + outcome
		}
		entry["reply"], entry["outcome"], entry["resolved_at"] = outcome+"。", outcome, answered
		f.history(r, received, answered, "submit", "RECEIVED", "triage", "TRIAGED", "assign", "ASSIGNED", "start", "IN_PROGRESS",
			"reply", "REPLIED", "resolve", "RESOLVED")
	} else {
		entry["closed_at"] = answered
		f.history(r, received, answered, "submit", "RECEIVED", "triage", "TRIAGED", "refuse", "NOT_ACCEPTED", "close", "CLOSED")
	}
	inferred(entry["provenance"], "receivedAt", "dueAt", "assignee", "reply", "repliedAt", "outcome", "resolvedAt", "closedAt")

	if r.raw["publishedOnWall"] == true {
		if entry["status"] != "RESOLVED" {
			return r.bad("publishedOnWall", "false, unless the case is RESOLVED")
		}
		f.extra["echo_wall_posts"] = append(f.extra["echo_wall_posts"], row{
			"owner": r.owner, "id": ID(r.owner, r.id+"/echo"), "feedback_id": entry["id"],
			"title_zh": entry["title"], "outcome_zh": entry["outcome"], "status": "PUBLISHED",
			"authored_by": "import", "reviewed_by": "import-review", "reviewed_at": answered, "published_at": answered,
			"provenance": entry["provenance"],
		})
	}
	return nil
}

// told is the day of the report that tells of r: when it was published, or else the first day of
// the year that it speaks of, or of the last year that it may speak of.
func (f *file) told(r *record) time.Time {
	for _, source := range f.sections["sources"] {
		if source.raw["file"] != r.raw["source"] {
			continue
		}
		if published, ok := source.raw["publishedOn"].(string); ok {
			if day, err := time.ParseInLocation(time.DateOnly, published, shanghai); err == nil {
				return day
			}
		}
		candidates, _ := source.raw["eventYearCandidates"].([]any)
		for _, v := range append(candidates, source.raw["eventYear"]) {
			if year, expected := whole(1949)(v); year != nil && expected == "" {
				return time.Date(int(year.(int64)), 1, 8, 0, 0, 0, 0, shanghai)
			}
		}
	}
	return time.Date(2020, 1, 8, 0, 0, 0, 0, shanghai)
}

// history writes the steps (action, status, …) of an entry, spread evenly from first to last.
func (f *file) history(r *record, first, last time.Time, steps ...string) {
	var from any
	for i := 0; i < len(steps); i += 2 {
		at := first.Add(last.Sub(first) * time.Duration(i) / time.Duration(len(steps)-2))
		f.extra["feedback_updates"] = append(f.extra["feedback_updates"], row{
			"owner": r.owner, "id": ID(r.owner, fmt.Sprintf("%s/step/%d", r.id, i/2)), "feedback_id": r.row["id"],
			"at": at, "action": steps[i], "from_status": from, "to_status": steps[i+1], "by_post_id": nil,
			"principal": "import", "note": nil,
		})
		from = steps[i+1]
	}
}

func clerk(policy *record) any { return ID(policy.owner, policy.id+"/clerk") }

// voices makes what the cases of a community need beside themselves: categories, and where a policy
// assigns by category the clerk's post and a rule each.
func (f *file) voices() {
	for _, p := range f.sections["feedbackPolicies"] {
		f.extra["staff_posts"] = append(f.extra["staff_posts"], row{
			"owner": p.owner, "id": clerk(p), "code": "FEEDBACK_CLERK", "label_zh": "意见整理专人", "label_en": "feedback clerk",
			"provenance": map[string]any{"source": p.raw["source"], "inferred": true, "inferredFields": []string{"code", "nameZh", "nameEn"}},
		})
	}
	seen := map[any]bool{}
	for _, r := range f.sections["feedbackCases"] {
		code, id := r.raw["categoryEn"].(string), categoryID(r.owner, r.raw["categoryEn"].(string))
		if seen[id] {
			continue
		}
		seen[id] = true
		p := map[string]any{"source": r.raw["source"], "inferred": true, "inferredFields": []string{"code", "slaRule.dueInHours"}}
		f.extra["feedback_categories"] = append(f.extra["feedback_categories"], row{
			"owner": r.owner, "id": id, "code": code, "name_zh": r.raw["categoryZh"], "provenance": p,
		})
		for _, policy := range f.sections["feedbackPolicies"] {
			responsible := f.responsible(r)
			if policy.owner != r.owner || responsible == nil {
				continue
			}
			f.extra["sla_rules"] = append(f.extra["sla_rules"], row{
				"owner": r.owner, "id": ID(r.owner, "sla/"+code), "category": code, "due_in_hours": dueHours(r.row["kind"]),
				"working_days": true, "assignee_post_id": clerk(policy), "responsible_org_id": responsible,
			})
		}
	}
}

// responsible is the body a case names, or else the community's own Party organisation.
func (f *file) responsible(r *record) any {
	if named := r.row["responsible_org_id"]; named != nil {
		return named
	}
	for _, org := range f.sections["organisations"] {
		if org.owner == r.owner && org.raw["kind"] == "PARTY_ORGANISATION" {
			return org.key()
		}
	}
	return nil
}

// categoryID is the id of a feedback category, which Import and Demo may both need.
func categoryID(owner, code string) any { return ID(owner, "category/"+code) }
