-- linhui_public 
SELECT t.owner, t.id, t.name_zh
 FROM stations t
 WHERE t.retired_at IS NULL
 AND t.owner = $1
 ORDER BY t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 51
-- $1 a
