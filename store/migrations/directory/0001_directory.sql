-- +goose Up
-- The gateway's own database: which community lives where, the divisions above it, calendars, the audit chain.

CREATE TABLE divisions (
  code text COLLATE "C" PRIMARY KEY CHECK (code ~ '^[0-9]{12}$'),
  gb2260 text NOT NULL GENERATED ALWAYS AS (left(code, 6)) STORED,
  name text COLLATE "C" NOT NULL,
  level text NOT NULL CHECK (level IN ('PROVINCE', 'CITY', 'DISTRICT', 'STREET', 'COMMUNITY')),
  parent_code text COLLATE "C" REFERENCES divisions, -- the truth; never cut from the digits
  successor_code text COLLATE "C" REFERENCES divisions,
  valid_from date,
  valid_to date, -- first day no longer in force
  urban_class text CHECK (urban_class IN ('111', '112', '121', '122', '123', '210', '220')), -- 城乡分类
  provenance jsonb NOT NULL DEFAULT '{}', -- also reference, certainty and the editions that list the code
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (parent_code <> code),
  CHECK (successor_code <> code),
  CHECK (valid_from < valid_to),
  CONSTRAINT only_a_province_has_no_parent CHECK ((level = 'PROVINCE') = (parent_code IS NULL))
);
CREATE INDEX divisions_parent ON divisions (parent_code, code);
CREATE INDEX divisions_name ON divisions (name);

CREATE TABLE communities (
  slug text COLLATE "C" PRIMARY KEY CHECK (slug ~ '^[a-z0-9-]{1,40}$' AND slug !~ '^[0-9]{12}$'),
  id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  aliases text[] NOT NULL DEFAULT '{}',
  division_code text COLLATE "C" UNIQUE CHECK (division_code ~ '^[0-9]{12}$'), -- its own code where known; perhaps not in divisions
  parent_code text COLLATE "C" NOT NULL REFERENCES divisions, -- the street
  time_zone text NOT NULL DEFAULT 'Asia/Shanghai',
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX communities_parent ON communities (parent_code, slug);
CREATE INDEX communities_name ON communities (name_zh, slug);

-- What the gateway last knew of its sources; their addresses are configuration and never stand here.
CREATE TABLE sources (
  key text COLLATE "C" PRIMARY KEY CHECK (key ~ '^[a-z0-9-]{1,40}$'),
  level text CHECK (level IN ('COMMUNITY', 'STREET', 'DISTRICT')),
  state text NOT NULL DEFAULT 'UP' CHECK (state IN ('UP', 'DEGRADED', 'DOWN')),
  schema_version bigint,
  checked_at timestamptz,
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE work_calendar (
  day date PRIMARY KEY,
  is_workday boolean NOT NULL,
  note text
);
COMMENT ON TABLE work_calendar IS 'Days of the yearly notice, 调休 included. A day that is not listed: Monday to Friday are workdays.';

CREATE TABLE festival_days (
  festival text COLLATE "C" NOT NULL,
  year int NOT NULL, -- Gregorian year of day
  day date NOT NULL,
  PRIMARY KEY (festival, year),
  CHECK (extract(year FROM day) = year)
);
CREATE INDEX festival_days_day ON festival_days (day);

-- +goose StatementBegin
CREATE FUNCTION linhui_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('linhui_directory', TG_TABLE_NAME);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER touch BEFORE UPDATE ON divisions FOR EACH ROW EXECUTE FUNCTION linhui_touch();
CREATE TRIGGER touch BEFORE UPDATE ON communities FOR EACH ROW EXECUTE FUNCTION linhui_touch();
CREATE TRIGGER touch BEFORE UPDATE ON sources FOR EACH ROW EXECUTE FUNCTION linhui_touch();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON divisions EXECUTE FUNCTION linhui_directory_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON communities EXECUTE FUNCTION linhui_directory_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON work_calendar EXECUTE FUNCTION linhui_directory_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON festival_days EXECUTE FUNCTION linhui_directory_changed();

-- +goose Down
DROP TABLE festival_days, work_calendar, sources, communities, divisions;
DROP FUNCTION linhui_directory_changed(), linhui_touch();
