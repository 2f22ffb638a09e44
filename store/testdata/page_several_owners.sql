-- linhui_public 
SELECT t.*
 FROM unnest($1::text[]) p(owner), LATERAL (SELECT t.owner, t.id, t.name_zh, t.kind
 FROM stations t
 WHERE t.retired_at IS NULL
 AND t.owner = p.owner
 ORDER BY t.kind COLLATE "C" DESC, t.name_zh COLLATE "C" DESC, t.owner COLLATE "C" DESC, t.id DESC
 LIMIT 51) t
 ORDER BY t.kind COLLATE "C" DESC, t.name_zh COLLATE "C" DESC, t.owner COLLATE "C" DESC, t.id DESC
 LIMIT 51
-- $1 [a b]
