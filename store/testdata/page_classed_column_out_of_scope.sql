-- linhui_public 
SELECT t.owner, t.id, t.code, t.label_zh, NULL AS holder_name
 FROM staff_posts t
 WHERE t.owner = $1
 ORDER BY t.code COLLATE "C", t.label_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 b
