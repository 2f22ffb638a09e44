package store

import (
	"time"

	"github.com/lib/pq"
)

// Rung is one step of the ladder up which a passed deadline is told.
type Rung struct {
	After time.Duration // since the deadline
	Told  string        // ASSIGNEE, the code of a post, STREET or DISTRICT
}

// Ladder is model.md §5: the post in charge at once, the community's secretary a day later,
// then the street, then the district. Days are calendar days.
var Ladder = []Rung{{0, "ASSIGNEE"}, {24 * time.Hour, "COMMUNITY_SECRETARY"}, {3 * 24 * time.Hour, "STREET"}, {7 * 24 * time.Hour, "DISTRICT"}}

// The next rungs are told of every waiting feedback whose deadline had passed: none twice of one
// deadline and rung.
var _ = keeps(Chore{Name: "escalation", AtOnce: 500, Do: func(r *Round) (int, error) { // chosen: well below a second
	after, told := make([]float64, len(Ladder)), make([]string, len(Ladder))
	for i, rung := range Ladder {
		after[i], told[i] = rung.After.Seconds(), rung.Told
	}
	v := r.Ask.Viewer
	return r.Count(escalate, v.At, pq.Array(r.Owners), EnumTexts(waiting), pq.Array(after), pq.Array(told), v.Principal, r.AtOnce)
}})

// Levels count rungs from 1. A run that comes late tells every rung that was missed. An entry
// without a post in charge is told to the clerk who keeps the book.
const escalate = `
WITH rungs AS (
  SELECT level::int, make_interval(secs => after) AS after, told
  FROM unnest($4::float8[], $5::text[]) WITH ORDINALITY r(after, told, level)
), late AS MATERIALIZED (
  SELECT f.owner, f.id, f.status, f.due_at, f.escalation_level, f.assignee_post_id
  FROM feedbacks f
  WHERE f.owner = ANY($2) AND f.status = ANY($3) AND f.due_at < $1
    AND f.escalation_level < (SELECT max(level) FROM rungs WHERE f.due_at + after < $1)
  ORDER BY f.due_at LIMIT $7 FOR UPDATE OF f SKIP LOCKED
), steps AS (
  SELECT l.owner, l.id, l.due_at, r.level, r.told,
    CASE r.told WHEN 'ASSIGNEE' THEN coalesce(l.assignee_post_id, p.clerk) ELSE p.named END AS to_post_id
  FROM late l JOIN rungs r ON r.level > l.escalation_level AND l.due_at + r.after < $1,
    LATERAL (SELECT min(s.id::text) FILTER (WHERE s.code = 'FEEDBACK_CLERK')::uuid AS clerk, min(s.id::text) FILTER (WHERE s.code = r.told)::uuid AS named
      FROM staff_posts s WHERE s.owner = l.owner AND s.code IN ('FEEDBACK_CLERK', r.told)) p
), told AS (
  INSERT INTO escalations (owner, feedback_id, due_at, level, at, to_post_id, told)
  SELECT owner, id, due_at, level, $1, to_post_id, told FROM steps
  ON CONFLICT (owner, feedback_id, due_at, level) DO NOTHING
), raised AS (
  UPDATE feedbacks f SET escalation_level = s.level, escalated_at = $1
  FROM (SELECT owner, id, max(level) AS level FROM steps GROUP BY owner, id) s WHERE f.owner = s.owner AND f.id = s.id
), logged AS (
  INSERT INTO feedback_updates (owner, feedback_id, at, action, from_status, to_status, principal)
  SELECT owner, id, $1, 'escalate', status, status, $6 FROM late
), sent AS (
  INSERT INTO outbox_events (owner, topic, entity_type, entity_id, payload, created_at)
  SELECT owner, 'feedback', 'Feedback', id, jsonb_build_object('action', 'escalate', 'status', status), $1 FROM late
)
SELECT count(*) FROM late`
