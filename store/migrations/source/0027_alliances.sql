-- +goose Up
-- Alliances of bodies (联盟), dual reporting (双报到), and what is needed, offered and done together (三张清单).

CREATE TABLE alliances (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  founded_year int CHECK (founded_year BETWEEN 1949 AND 2200),
  base_station_id uuid,
  services text[] NOT NULL DEFAULT '{}',
  mechanisms text[] NOT NULL DEFAULT '{}',
  coordinates text[] NOT NULL DEFAULT '{}', -- 人, 财, 物
  sessions_reported jsonb,
  paired_projects_reported jsonb,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh),
  FOREIGN KEY (owner, base_station_id) REFERENCES stations
);
CREATE INDEX alliances_base ON alliances (owner, base_station_id) WHERE base_station_id IS NOT NULL;

CREATE TABLE alliance_memberships (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  alliance_id uuid NOT NULL,
  org_id uuid NOT NULL,
  since date, -- NULL: not known
  until date, -- first day no longer a member; NULL: a member now
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances,
  FOREIGN KEY (owner, org_id) REFERENCES organizations,
  CONSTRAINT alliance_left_after_it_is_joined CHECK (until >= since)
);
CREATE UNIQUE INDEX alliance_memberships_one_live ON alliance_memberships (owner, alliance_id, org_id) WHERE until IS NULL;
CREATE INDEX alliance_memberships_org ON alliance_memberships (owner, org_id);

-- Counts, never people: who is a member of the Party is nobody's business here.
CREATE TABLE dual_reporting_units (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  org_id uuid NOT NULL,
  targets text[] NOT NULL DEFAULT '{}', -- 沿街商铺, 居民家中
  aims text[] NOT NULL DEFAULT '{}',
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT dual_reporting_units_once UNIQUE (owner, org_id),
  FOREIGN KEY (owner, org_id) REFERENCES organizations
);

CREATE TABLE dual_reporting_entries (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  unit_id uuid NOT NULL,
  occurred_on date NOT NULL,
  people int NOT NULL CHECK (people > 0), -- who reported, that day
  visits int NOT NULL DEFAULT 0 CHECK (visits >= 0),
  target text NOT NULL CHECK (target IN ('SHOP', 'HOUSEHOLD', 'COMMUNITY', 'OTHER')),
  matter text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, unit_id) REFERENCES dual_reporting_units
);
CREATE INDEX dual_reporting_entries_day ON dual_reporting_entries (owner, occurred_on DESC, id);
CREATE INDEX dual_reporting_entries_unit ON dual_reporting_entries (owner, unit_id, occurred_on DESC, id);

CREATE TABLE item_lists (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  kind text NOT NULL CHECK (kind IN ('NEED', 'RESOURCE', 'PROJECT', 'SERVICE_MENU', 'OTHER')),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  alliance_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances
);
CREATE INDEX item_lists_alliance ON item_lists (owner, alliance_id) WHERE alliance_id IS NOT NULL;

CREATE TABLE alliance_projects (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  alliance_id uuid,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  started_on date NOT NULL,
  ended_on date,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances,
  CHECK (ended_on >= started_on)
);
CREATE INDEX alliance_projects_alliance ON alliance_projects (owner, alliance_id) WHERE alliance_id IS NOT NULL;

CREATE TABLE need_items (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  alliance_id uuid,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  origin text, -- where it was heard of
  status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'MATCHED', 'IN_PROJECT', 'MET', 'DROPPED')),
  raised_on date, -- NULL: not known
  met_by text, -- by what, as published or as it was closed
  closed_on date,
  dropped_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances,
  CONSTRAINT dropped_says_why CHECK ((status = 'DROPPED') = (btrim(coalesce(dropped_for, '')) <> '')),
  CONSTRAINT met_says_by_what CHECK ((status = 'MET') = (btrim(coalesce(met_by, '')) <> '')),
  CONSTRAINT closed_after_it_is_raised CHECK (closed_on >= raised_on AND (closed_on IS NULL OR status IN ('MET', 'DROPPED')))
);
CREATE INDEX need_items_raised ON need_items (owner, raised_on DESC, id);
CREATE INDEX need_items_alliance ON need_items (owner, alliance_id) WHERE alliance_id IS NOT NULL;

CREATE TABLE resource_items (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  alliance_id uuid,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  kind text NOT NULL CHECK (kind IN ('PEOPLE', 'MONEY', 'GOODS', 'VENUE', 'SKILL', 'OTHER')),
  offered_by_id uuid,
  quantity int CHECK (quantity > 0),
  withdrawn_on date,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances,
  FOREIGN KEY (owner, offered_by_id) REFERENCES organizations
);
CREATE INDEX resource_items_name ON resource_items (owner, name_zh, id);
CREATE INDEX resource_items_alliance ON resource_items (owner, alliance_id) WHERE alliance_id IS NOT NULL;

CREATE TABLE pairings (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  need_id uuid NOT NULL,
  resource_id uuid NOT NULL,
  project_id uuid,
  paired_on date NOT NULL,
  ended_on date, -- when it came to nothing; NULL: it stands
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, need_id) REFERENCES need_items,
  FOREIGN KEY (owner, resource_id) REFERENCES resource_items,
  FOREIGN KEY (owner, project_id) REFERENCES alliance_projects,
  CHECK (ended_on >= paired_on)
);
CREATE UNIQUE INDEX pairings_one_a_need ON pairings (owner, need_id) WHERE ended_on IS NULL;
CREATE INDEX pairings_paired ON pairings (owner, paired_on DESC, id);
CREATE INDEX pairings_need ON pairings (owner, need_id);
CREATE INDEX pairings_resource ON pairings (owner, resource_id);
CREATE INDEX pairings_project ON pairings (owner, project_id) WHERE project_id IS NOT NULL;

-- At the end of the transaction, since a need is there before its pairing.
-- +goose StatementBegin
CREATE FUNCTION linhui_need_is_paired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM need_items n WHERE n.owner = NEW.owner AND n.id = NEW.id AND n.status IN ('MATCHED', 'IN_PROJECT') AND NOT EXISTS (
      SELECT FROM pairings p WHERE p.owner = n.owner AND p.need_id = n.id AND p.ended_on IS NULL AND (p.project_id IS NOT NULL) = (n.status = 'IN_PROJECT'))) THEN
    RAISE EXCEPTION 'a need is matched by a pairing that stands, and in a project by that pairing''s project' USING ERRCODE = '23514', CONSTRAINT = 'need_is_paired';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER need_is_paired AFTER INSERT OR UPDATE ON need_items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linhui_need_is_paired();

CALL linhui_protect('alliances', '*');
CALL linhui_protect('alliance_memberships', '*');
CALL linhui_protect('dual_reporting_units', '*');
CALL linhui_protect('dual_reporting_entries', '*');
CALL linhui_protect('item_lists', '*');
CALL linhui_protect('alliance_projects', '*');
CALL linhui_protect('need_items', '*');
CALL linhui_protect('resource_items', '*');
CALL linhui_protect('pairings', '*');

-- +goose Down
DROP TABLE pairings, resource_items, need_items, alliance_projects, item_lists, dual_reporting_entries, dual_reporting_units, alliance_memberships, alliances;
DROP FUNCTION linhui_need_is_paired();
