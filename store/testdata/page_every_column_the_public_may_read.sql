-- linhui_public 
SELECT t.owner, t.id, t.code, t.label_zh, t.label_en, t.building_id, t.duty_phone, lower(t.term) AS term_from, upper(t.term) - 1 AS term_to
 FROM staff_posts t
 WHERE t.owner = $1
 ORDER BY (CASE WHEN t.code IN ('COMMUNITY_SECRETARY', 'COMMITTEE_DIRECTOR', 'COMMUNITY_HEAD', 'WORK_COMMITTEE_MEMBER', 'STATIONED_CADRE', 'PRACTICE_STATION_HEAD', 'STATION_STAFF', 'BUILDING_HEAD', 'FEEDBACK_CLERK', 'GRID_WORKER', 'OTHER') THEN t.code ELSE 'OTHER' END) COLLATE "C", t.label_zh COLLATE "C", t.owner COLLATE "C", t.id
 LIMIT 11
-- $1 a
