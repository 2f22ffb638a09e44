-- linhui_public 
SELECT t.owner, count(*)
 FROM staff_posts t
 WHERE t.owner = ANY($1)
 GROUP BY t.owner
-- $1 [a b]
