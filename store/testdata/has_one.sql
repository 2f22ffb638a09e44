-- linhui_public 
SELECT p.n, t.owner, t.id, t.name_zh
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n)
 JOIN estates t ON t.owner = p.owner
 AND t.id = p.id
 WHERE true
-- $1 [a b]
-- $2 [01000000-0000-0000-0000-000000000000 01000000-0000-0000-0000-000000000000]
