-- +goose Up
-- Residents (personal), volunteer teams (public), who serves where and when (personal).

-- Full values: masking is the gateway's work. Identity numbers, ethnicity and religion are not kept at all.
CREATE TABLE residents (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name text NOT NULL, -- P2
  phone text, -- P2
  birth_date date, -- P2
  gender text, -- P2
  id_hmac bytea, -- P3; keyed hash of an identity document, only to find the same person again
  estate_id uuid,
  building_id uuid, -- P2
  guardian_id uuid, -- P2
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, building_id) REFERENCES buildings,
  FOREIGN KEY (owner, guardian_id) REFERENCES residents,
  CHECK (guardian_id <> id)
);
CREATE UNIQUE INDEX residents_one_person ON residents (owner, id_hmac);
CREATE INDEX residents_estate ON residents (owner, estate_id, id);
CREATE INDEX residents_guardian ON residents (owner, guardian_id) WHERE guardian_id IS NOT NULL;

CREATE TABLE resident_tags (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  resident_id uuid NOT NULL,
  tag text NOT NULL, -- P3
  valid daterange NOT NULL CHECK (NOT isempty(valid)),
  basis text NOT NULL,
  recorded_by text NOT NULL,
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  CONSTRAINT tag_once_at_a_time EXCLUDE USING gist (owner WITH =, resident_id WITH =, tag WITH =, valid WITH &&)
);

CREATE TABLE volunteer_teams (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  parent_id uuid,
  brand_id uuid,
  home_station_id uuid,
  channel_id uuid,
  course_id uuid, -- an interest class that is also a team
  programme_id uuid,
  member_groups text[] NOT NULL DEFAULT '{}',
  self_formed boolean NOT NULL DEFAULT false,
  informal boolean NOT NULL DEFAULT false,
  founded_on date,
  founded_on_zh text, -- as published, where the year is not known
  member_count int CHECK (member_count >= 0), -- live memberships, kept by trigger; NULL: no roster
  reported_member_count jsonb,
  reported_team_count jsonb,
  volunteer_growth text, -- 人数倍增
  performs text[] NOT NULL DEFAULT '{}',
  needs text[] NOT NULL DEFAULT '{}',
  outputs text[] NOT NULL DEFAULT '{}',
  activities text[] NOT NULL DEFAULT '{}',
  playwrights int CHECK (playwrights >= 0),
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, parent_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, brand_id) REFERENCES brands,
  FOREIGN KEY (owner, home_station_id) REFERENCES stations,
  FOREIGN KEY (owner, channel_id) REFERENCES channels,
  FOREIGN KEY (owner, course_id) REFERENCES courses,
  FOREIGN KEY (owner, programme_id) REFERENCES programmes
);
CREATE UNIQUE INDEX volunteer_teams_one_of_a_name ON volunteer_teams (owner, name_zh, kind) WHERE retired_at IS NULL;
CREATE INDEX volunteer_teams_name ON volunteer_teams (owner, name_zh, id);
CREATE INDEX volunteer_teams_parent ON volunteer_teams (owner, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX volunteer_teams_brand ON volunteer_teams (owner, brand_id) WHERE brand_id IS NOT NULL;

CREATE TABLE team_memberships (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  team_id uuid NOT NULL,
  resident_id uuid NOT NULL, -- P2
  role text,
  since date NOT NULL,
  until date, -- first day no longer a member; NULL: a member now
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  CHECK (until >= since)
);
CREATE UNIQUE INDEX team_memberships_one_live ON team_memberships (owner, team_id, resident_id) WHERE until IS NULL;
CREATE INDEX team_memberships_team ON team_memberships (owner, team_id, since, id);
CREATE INDEX team_memberships_resident ON team_memberships (owner, resident_id, since, id);

-- +goose StatementBegin
CREATE FUNCTION linhui_count_members() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gained int := 0;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.team_id, NEW.resident_id) IS DISTINCT FROM (OLD.team_id, OLD.resident_id) THEN
    RAISE EXCEPTION 'a membership is ended and made anew, not moved' USING ERRCODE = '23001', CONSTRAINT = 'membership_is_fixed';
  END IF;
  IF TG_OP <> 'INSERT' THEN gained := -(OLD.until IS NULL)::int; END IF;
  IF TG_OP <> 'DELETE' THEN gained := gained + (NEW.until IS NULL)::int; END IF;
  IF gained <> 0 THEN
    UPDATE volunteer_teams SET member_count = coalesce(member_count, 0) + gained
    WHERE owner = coalesce(NEW.owner, OLD.owner) AND id = coalesce(NEW.team_id, OLD.team_id);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER count_members AFTER INSERT OR UPDATE OF until, team_id, resident_id OR DELETE ON team_memberships
  FOR EACH ROW EXECUTE FUNCTION linhui_count_members();

CREATE TABLE team_honours (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  team_id uuid NOT NULL,
  kind text NOT NULL,
  awarded_on date NOT NULL,
  by_org_id uuid NOT NULL,
  event_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, by_org_id) REFERENCES organizations,
  FOREIGN KEY (owner, event_id) REFERENCES events
);
CREATE INDEX team_honours_team ON team_honours (owner, team_id, awarded_on, id);

CREATE TABLE service_projects (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  team_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams
);
CREATE INDEX service_projects_name ON service_projects (owner, name_zh, id);
CREATE INDEX service_projects_team ON service_projects (owner, team_id) WHERE team_id IS NOT NULL;

CREATE TABLE service_records (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  volunteer_id uuid NOT NULL, -- P2
  project_id uuid,
  team_id uuid,
  station_id uuid,
  series_id uuid,
  during tstzrange NOT NULL,
  starts_at timestamptz NOT NULL GENERATED ALWAYS AS (lower(during)) STORED,
  ends_at timestamptz NOT NULL GENERATED ALWAYS AS (upper(during)) STORED,
  minutes int NOT NULL GENERATED ALWAYS AS (extract(epoch FROM upper(during) - lower(during))::int / 60) STORED,
  status text NOT NULL DEFAULT 'SUBMITTED' CHECK (status IN ('SUBMITTED', 'CONFIRMED', 'REJECTED')),
  content text,
  confirmed_by text,
  confirmed_at timestamptz,
  rating int CHECK (rating BETWEEN 1 AND 5),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, volunteer_id) REFERENCES residents,
  FOREIGN KEY (owner, project_id) REFERENCES service_projects,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, series_id) REFERENCES event_series,
  CONSTRAINT record_within_24_hours CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)
    AND upper(during) - lower(during) <= interval '24 hours'),
  CONSTRAINT record_is_confirmed_by_someone CHECK (status <> 'CONFIRMED' OR (confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL)),
  CONSTRAINT volunteer_in_one_place EXCLUDE USING gist (owner WITH =, volunteer_id WITH =, during WITH &&)
    WHERE (status IN ('SUBMITTED', 'CONFIRMED'))
);
CREATE INDEX service_records_start ON service_records (owner, starts_at DESC, id);
CREATE INDEX service_records_team ON service_records (owner, team_id, starts_at) WHERE team_id IS NOT NULL;
CREATE INDEX service_records_project ON service_records (owner, project_id, starts_at) WHERE project_id IS NOT NULL;
CREATE INDEX service_records_volunteer ON service_records (owner, volunteer_id, starts_at);

ALTER TABLE enrolments ADD CONSTRAINT enrolments_resident_fkey FOREIGN KEY (owner, resident_id) REFERENCES residents;
ALTER TABLE offerings ADD CONSTRAINT offerings_team_fkey FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams;
ALTER TABLE event_series ADD CONSTRAINT event_series_team_fkey FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams;
ALTER TABLE events ADD CONSTRAINT events_team_fkey FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams;
ALTER TABLE programme_items ADD CONSTRAINT programme_items_team_fkey FOREIGN KEY (owner, performer_team_id) REFERENCES volunteer_teams;
ALTER TABLE contest_entries ADD CONSTRAINT contest_entries_team_fkey FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams;
ALTER TABLE programmes ADD CONSTRAINT programmes_team_fkey FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams;

CALL linhui_protect('residents');
CALL linhui_protect('resident_tags');
CALL linhui_protect('volunteer_teams', '*');
CALL linhui_protect('team_memberships');
CALL linhui_protect('team_honours', '*');
CALL linhui_protect('service_projects', '*');
CALL linhui_protect('service_records');

-- +goose Down
ALTER TABLE programmes DROP CONSTRAINT programmes_team_fkey;
ALTER TABLE contest_entries DROP CONSTRAINT contest_entries_team_fkey;
ALTER TABLE programme_items DROP CONSTRAINT programme_items_team_fkey;
ALTER TABLE events DROP CONSTRAINT events_team_fkey;
ALTER TABLE event_series DROP CONSTRAINT event_series_team_fkey;
ALTER TABLE offerings DROP CONSTRAINT offerings_team_fkey;
ALTER TABLE enrolments DROP CONSTRAINT enrolments_resident_fkey;
DROP TABLE service_records, service_projects, team_honours, team_memberships, volunteer_teams, resident_tags, residents;
DROP FUNCTION linhui_count_members();
