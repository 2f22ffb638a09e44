-- +goose Up
-- Lists stand in the order of an instant or a day that some rows have none of; those stand where the end of time does.
-- An index on the bare column does not read such a list.

CREATE INDEX events_in_order ON events (owner, (COALESCE(starts_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX echo_wall_posts_in_order ON echo_wall_posts (owner, (COALESCE(published_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX service_requests_in_order ON service_requests (owner, (COALESCE(ordered_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX errand_cases_in_order ON errand_cases (owner, (COALESCE(requested_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX mediation_cases_in_order ON mediation_cases (owner, (COALESCE(opened_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX media_issues_in_order ON media_issues (owner, (COALESCE(published_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX announcements_in_order ON announcements (owner, (COALESCE(published_at, '9999-12-31 00:00:00+00')), id);
CREATE INDEX productions_in_order ON productions (owner, (COALESCE(released_on, '9999-12-31')), id);
CREATE INDEX need_items_in_order ON need_items (owner, (COALESCE(raised_on, '9999-12-31')), id);
CREATE INDEX community_rules_in_order ON community_rules (owner, (COALESCE(adopted_on, '9999-12-31')), id);
CREATE INDEX free_meal_roster_in_order ON free_meal_roster (owner, (COALESCE(lower(valid), '9999-12-31')), id);
CREATE INDEX alliance_projects_in_order ON alliance_projects (owner, started_on, id);
CREATE INDEX child_delegates_in_order ON child_delegates (owner, valid_from, id);
CREATE INDEX sla_rules_in_order ON sla_rules (owner, due_in_hours, id);
CREATE INDEX item_lists_in_order ON item_lists (owner, name_zh COLLATE "C", id);

-- +goose Down
DROP INDEX events_in_order, echo_wall_posts_in_order, service_requests_in_order, errand_cases_in_order, mediation_cases_in_order,
  media_issues_in_order, announcements_in_order, productions_in_order, need_items_in_order, community_rules_in_order,
  free_meal_roster_in_order, alliance_projects_in_order, child_delegates_in_order, sla_rules_in_order, item_lists_in_order;
