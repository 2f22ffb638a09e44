-- linhui_scoped a
SELECT t.*
 FROM unnest($2::text[]) p(owner), LATERAL (SELECT t.owner, t.id, t.code, t.label_zh, CASE WHEN t.owner = ANY($1) THEN t.holder_name END AS holder_name
 FROM staff_posts t
 WHERE t.owner = p.owner
 ORDER BY t.code COLLATE "C", t.label_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11) t
 ORDER BY t.code COLLATE "C", t.label_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 [a]
-- $2 [a b]
