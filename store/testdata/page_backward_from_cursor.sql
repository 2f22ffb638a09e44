-- linhui_public 
SELECT t.*
 FROM unnest($1::text[]) p(owner), LATERAL (SELECT t.owner, t.id, t.name_zh, t.kind
 FROM stations t
 WHERE t.retired_at IS NULL
 AND t.owner = p.owner
 AND t.kind COLLATE "C" >= $2::text
 AND (t.kind COLLATE "C", t.name_zh COLLATE "C", t.owner COLLATE "C", t.id) > ($2::text, $3::text, $4::text, $5::uuid)
 ORDER BY t.kind COLLATE "C", t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11) t
 ORDER BY t.kind COLLATE "C", t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 [a b]
-- $2 OTHER
-- $3 站
-- $4 a
-- $5 00000000-0000-0000-0000-000000000000
