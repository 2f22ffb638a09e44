-- linhui_scoped a
SELECT t.owner, count(*)
 FROM enrolments t
 WHERE t.owner = ANY($1)
 GROUP BY t.owner
-- $1 [a]
