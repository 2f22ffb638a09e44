-- linhui_scoped a,c
SELECT t.*
 FROM unnest($2::text[]) p(owner), LATERAL (SELECT t.owner, t.id, t.status, t.applied_at
 FROM enrolments t
 WHERE t.owner = ANY($1)
 AND t.owner = p.owner
 ORDER BY t.applied_at, t.owner COLLATE "C", t.id
 LIMIT 11) t
 ORDER BY t.applied_at, t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 [a c]
-- $2 [a b c]
