-- +goose Up
-- What was done (counted here, no person in it) and what was published (kept as printed, never added to it).

-- Not keyed by owner: the same in every source, a reference table for a sharded one.
CREATE TABLE service_kinds (
  code text PRIMARY KEY,
  parent text REFERENCES service_kinds,
  name_zh text NOT NULL
);
COMMENT ON COLUMN service_kinds.parent IS 'The kind that rolls this one up.';
INSERT INTO service_kinds (code, parent, name_zh) VALUES
  ('GENERAL', NULL, '综合服务'), ('AFFAIRS', NULL, '办事'), ('ELDER_SUPPORT', NULL, '为老服务'),
  ('DIGITAL_HELP', 'ELDER_SUPPORT', '手机使用'), ('CLEANING', 'ELDER_SUPPORT', '打扫'), ('COMFORT_VISIT', 'ELDER_SUPPORT', '慰问'),
  ('VACCINATION_SUPPORT', NULL, '疫苗接种组织'), ('HOLIDAY_TEACHING', NULL, '假期公益教学'), ('TUTORING_HELP', NULL, '日常教育帮扶'),
  ('CLINIC', NULL, '健康义诊'), ('PATROL', NULL, '综治巡管'), ('LEGAL', NULL, '法律服务'), ('COUNSELLING', NULL, '心理疏导'),
  ('REPAIR', NULL, '便民维修'), ('ERRAND', NULL, '代办'), ('MEAL_DELIVERY', NULL, '送餐'), ('LENDING', NULL, '借用'),
  ('STORAGE', NULL, '寄存'), ('HOT_DRINK', NULL, '饮水'), ('HELP_REQUEST', NULL, '邻里求助'), ('OTHER', NULL, '其他');
GRANT SELECT ON service_kinds TO linhui_public, linhui_scoped, linhui_writer;

CREATE TABLE work_methods (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  parts text[] NOT NULL DEFAULT '{}', -- empty where the report names the method and not its steps
  note text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh)
);

CREATE TABLE service_deliveries (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  kind text NOT NULL REFERENCES service_kinds,
  occurred_on date NOT NULL,
  person_times int NOT NULL CHECK (person_times > 0), -- 人次, additive
  sessions int NOT NULL DEFAULT 0 CHECK (sessions >= 0),
  station_id uuid,
  team_id uuid,
  method_id uuid,
  audience text,
  supersedes_id uuid, -- the row that this one corrects
  superseded_by uuid, -- both kept by trigger; totals take rows where they are NULL
  superseded_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, method_id) REFERENCES work_methods,
  FOREIGN KEY (owner, supersedes_id) REFERENCES service_deliveries,
  UNIQUE (owner, supersedes_id),
  CHECK (supersedes_id <> id),
  CHECK ((superseded_by IS NULL) = (superseded_at IS NULL))
);
CREATE INDEX service_deliveries_day ON service_deliveries (owner, occurred_on DESC, id);
CREATE INDEX service_deliveries_kind ON service_deliveries (owner, kind, occurred_on) WHERE superseded_at IS NULL;
CREATE INDEX service_deliveries_station ON service_deliveries (owner, station_id, occurred_on) WHERE station_id IS NOT NULL;
CREATE INDEX service_deliveries_team ON service_deliveries (owner, team_id, occurred_on) WHERE team_id IS NOT NULL;
CREATE INDEX service_deliveries_method ON service_deliveries (owner, method_id, occurred_on) WHERE method_id IS NOT NULL;

-- The only edit is the mark that a correction leaves: one trigger deep, so it comes from the other trigger.
-- +goose StatementBegin
CREATE FUNCTION linhui_supersede() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE service_deliveries SET superseded_by = NEW.id, superseded_at = NEW.created_at
  WHERE owner = NEW.owner AND id = NEW.supersedes_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER supersede AFTER INSERT ON service_deliveries FOR EACH ROW WHEN (NEW.supersedes_id IS NOT NULL)
  EXECUTE FUNCTION linhui_supersede();
CREATE TRIGGER append_only BEFORE UPDATE ON service_deliveries FOR EACH ROW WHEN (pg_trigger_depth() = 0)
  EXECUTE FUNCTION linhui_append_only();
CREATE TRIGGER append_only_all BEFORE DELETE OR TRUNCATE ON service_deliveries EXECUTE FUNCTION linhui_append_only();

CREATE TABLE reported_statistics (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  metric text NOT NULL,
  service_kind text REFERENCES service_kinds,
  components text[] NOT NULL DEFAULT '{}', -- service kinds that the figure sums up
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  quantity jsonb NOT NULL CHECK (quantity ? 'qualifier' AND quantity ? 'unit' AND quantity ? 'zh'),
  as_of date,
  period text, -- CUMULATIVE_TO_DATE
  station_id uuid,
  room_id uuid,
  method_id uuid,
  event_id uuid,
  series_id uuid,
  programme_id uuid,
  course_id uuid,
  team_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, method_id) REFERENCES work_methods,
  FOREIGN KEY (owner, event_id) REFERENCES events,
  FOREIGN KEY (owner, series_id) REFERENCES event_series,
  FOREIGN KEY (owner, programme_id) REFERENCES programmes,
  FOREIGN KEY (owner, course_id) REFERENCES courses,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams
);
CREATE INDEX reported_statistics_metric ON reported_statistics (owner, metric, id);

CALL linhui_protect('work_methods', '*');
CALL linhui_protect('service_deliveries', '*');
REVOKE UPDATE ON service_deliveries FROM linhui_writer;
CALL linhui_protect('reported_statistics', '*');

-- +goose Down
DROP TABLE reported_statistics, service_deliveries, work_methods, service_kinds;
DROP FUNCTION linhui_supersede();
