-- linhui_public 
SELECT t.owner, count(*)
 FROM stations t
 WHERE t.retired_at IS NULL
 AND t.owner = ANY($1)
 AND t.name_zh LIKE $2
 GROUP BY t.owner
-- $1 [a b]
-- $2 %站\_\%%
