-- linhui_public 
SELECT p.n, t.owner, t.id, t.name_zh
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n)
 JOIN stations t ON t.owner = p.owner
 AND t.id = p.id
 WHERE t.retired_at IS NULL
-- $1 [a b]
-- $2 [00000000-0000-0000-0000-000000000000 00000000-0000-0000-0000-000000000000]
