-- linhui_public 
SELECT p.n, t.*
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n), LATERAL (SELECT t.owner, t.id, t.name_zh
 FROM stations t
 WHERE t.owner = p.owner
 AND t.retired_at IS NULL
 ORDER BY t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 6) t
-- $1 [a b]
-- $2 [00000000-0000-0000-0000-000000000000 00000000-0000-0000-0000-000000000000]
-- linhui_public 
SELECT p.n, t.n
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n), LATERAL (SELECT count(*)
 FROM stations t
 WHERE t.owner = p.owner
 AND t.retired_at IS NULL) t(n)
-- $1 [a b]
-- $2 [00000000-0000-0000-0000-000000000000 00000000-0000-0000-0000-000000000000]
