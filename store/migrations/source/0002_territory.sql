-- +goose Up
-- Who and where: bodies, estates and buildings, posts, brands, channels.

CREATE TABLE organizations (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  uscc text CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'), -- 统一社会信用代码
  parent_id uuid,
  is_group boolean NOT NULL DEFAULT false, -- stands for several bodies that are not named
  served_only boolean NOT NULL DEFAULT false, -- receives services, takes no part
  contribution text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, parent_id) REFERENCES organizations,
  UNIQUE (owner, uscc)
);
CREATE INDEX organizations_name ON organizations (owner, name_zh, id);

CREATE TABLE estates (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  division_code text CHECK (division_code ~ '^[0-9]{12}$'),
  property_org_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, property_org_id) REFERENCES organizations,
  UNIQUE (owner, name_zh)
);

CREATE TABLE buildings (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  estate_id uuid NOT NULL,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  UNIQUE (owner, estate_id, name_zh)
);

-- Work is given to a post, not to a person: posts are public, holders are not.
CREATE TABLE staff_posts (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  code text NOT NULL,
  label_zh text COLLATE "C" NOT NULL,
  label_en text,
  building_id uuid,
  duty_phone text,
  holder_name text, -- P1
  term daterange,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, building_id) REFERENCES buildings
);
CREATE INDEX staff_posts_code ON staff_posts (owner, code, id);
CREATE INDEX staff_posts_building ON staff_posts (owner, building_id) WHERE building_id IS NOT NULL;

CREATE TABLE brands (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  parent_id uuid,
  launched_by_event_id uuid, -- references events, from 0004 on
  note text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, parent_id) REFERENCES brands,
  UNIQUE (owner, name_zh)
);
CREATE INDEX brands_parent ON brands (owner, parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE channels (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  raw_name text, -- as printed, where the report garbled it
  kind text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('INBOUND', 'OUTBOUND', 'TWO_WAY')),
  purpose text,
  publishes text[] NOT NULL DEFAULT '{}',
  collects text[] NOT NULL DEFAULT '{}',
  livestream boolean NOT NULL DEFAULT false,
  brand_id uuid,
  station_id uuid, -- references stations and rooms, from 0003 on
  room_id uuid,
  studied_by_org_id uuid,
  approved_by_org_id uuid,
  approved boolean NOT NULL DEFAULT false,
  approved_on date,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, brand_id) REFERENCES brands,
  FOREIGN KEY (owner, studied_by_org_id) REFERENCES organizations,
  FOREIGN KEY (owner, approved_by_org_id) REFERENCES organizations
);
CREATE INDEX channels_name ON channels (owner, name_zh, id);
CREATE INDEX channels_brand ON channels (owner, brand_id) WHERE brand_id IS NOT NULL;

CALL linhui_protect('organizations', '*');
CALL linhui_protect('estates', '*');
CALL linhui_protect('buildings', '*');
CALL linhui_protect('staff_posts', 'owner, id, code, label_zh, label_en, building_id, duty_phone, term, provenance, version, created_at, updated_at');
CALL linhui_protect('brands', '*');
CALL linhui_protect('channels', '*');

-- +goose Down
DROP TABLE channels, brands, staff_posts, buildings, estates, organizations;
