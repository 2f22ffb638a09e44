-- linhui_scoped a
SELECT p.n, t.*
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n), LATERAL (SELECT t.owner, t.id, t.status, t.applied_at
 FROM enrolments t
 WHERE t.owner = p.owner
 AND t.course_id = p.id
 AND t.owner = ANY($3)
 ORDER BY t.applied_at, t.owner COLLATE "C", t.id
 LIMIT 51) t
-- $1 [a b]
-- $2 [01000000-0000-0000-0000-000000000000 02000000-0000-0000-0000-000000000000]
-- $3 [a]
-- linhui_scoped a
SELECT p.n, t.n
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n), LATERAL (SELECT count(*)
 FROM enrolments t
 WHERE t.owner = p.owner
 AND t.course_id = p.id
 AND t.owner = ANY($3)) t(n)
-- $1 [a b]
-- $2 [01000000-0000-0000-0000-000000000000 02000000-0000-0000-0000-000000000000]
-- $3 [a]
