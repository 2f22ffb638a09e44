-- linhui_public 
SELECT p.n, t.owner, t.id, t.name_zh
 FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY p(owner, id, n)
 JOIN offerings t ON t.owner = p.owner
 AND t.station_id = p.id
 WHERE t.kind = ANY($3)
 AND t.retired_at IS NULL
 ORDER BY p.n, t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
-- $1 [a]
-- $2 [01000000-0000-0000-0000-000000000000]
-- $3 [OTHER]
