-- linhui_public 
SELECT t.owner, t.id, t.name_zh
 FROM stations t
 WHERE t.retired_at IS NULL
 AND t.owner = $1
 AND t.kind = ANY($2)
 AND t.name_zh LIKE $3
 AND t.name_zh COLLATE "C" >= $4::text
 AND (t.name_zh COLLATE "C", t.owner COLLATE "C", t.id) > ($4::text, $5::text, $6::uuid)
 ORDER BY t.name_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 a
-- $2 [RED_STATION OTHER]
-- $3 %站\_\%%
-- $4 站
-- $5 a
-- $6 00000000-0000-0000-0000-000000000000
