-- +goose Up
-- Stations and what they hold, offer and state; when they are open.

CREATE TABLE stations (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  aliases text[] NOT NULL DEFAULT '{}',
  kind text NOT NULL,
  group_label text, -- 四站
  structure text, -- 四站四室
  estate_id uuid,
  parent_id uuid,
  brand_id uuid,
  location_zh text,
  lat numeric(9,6) CHECK (lat BETWEEN -90 AND 90), -- WGS-84; GCJ-02 only at the edge
  lng numeric(9,6) CHECK (lng BETWEEN -180 AND 180),
  area_sqm jsonb,
  public_phone text,
  public_contact_posted boolean,
  open_to_public boolean NOT NULL DEFAULT true,
  former_owner_id uuid,
  former_use text,
  functions text[] NOT NULL DEFAULT '{}',
  functions_en text[] NOT NULL DEFAULT '{}',
  served_groups text[] NOT NULL DEFAULT '{}', -- audiences
  served_groups_zh text[] NOT NULL DEFAULT '{}', -- as published
  staffed_by text[] NOT NULL DEFAULT '{}',
  pilot boolean NOT NULL DEFAULT false,
  upgraded boolean NOT NULL DEFAULT false,
  heating_in_winter boolean,
  air_conditioning_in_summer boolean,
  is_lending_point boolean NOT NULL DEFAULT false,
  limitation text,
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, parent_id) REFERENCES stations,
  FOREIGN KEY (owner, brand_id) REFERENCES brands,
  FOREIGN KEY (owner, former_owner_id) REFERENCES organizations,
  CHECK ((lat IS NULL) = (lng IS NULL))
);
CREATE UNIQUE INDEX stations_one_of_a_name ON stations (owner, name_zh, kind) WHERE retired_at IS NULL;
CREATE INDEX stations_name ON stations (owner, name_zh, id);
CREATE INDEX stations_estate ON stations (owner, estate_id) WHERE estate_id IS NOT NULL;
CREATE INDEX stations_parent ON stations (owner, parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE rooms (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  group_label text, -- 四室
  capacity int CHECK (capacity > 0),
  area_sqm numeric(8,2) CHECK (area_sqm > 0),
  space_use text NOT NULL DEFAULT 'SERVICE' CHECK (space_use IN ('OFFICE', 'SERVICE', 'STORAGE')),
  functions text[] NOT NULL DEFAULT '{}',
  hosts text[] NOT NULL DEFAULT '{}',
  noise_rule text,
  peak jsonb, -- recurrence
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations
);
CREATE UNIQUE INDEX rooms_one_of_a_name ON rooms (owner, station_id, name_zh, kind) WHERE retired_at IS NULL;

CREATE TABLE offerings (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  room_id uuid,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  audience text,
  consumable boolean NOT NULL DEFAULT false,
  stock int CHECK (stock >= 0), -- P1; NULL not counted
  available boolean NOT NULL GENERATED ALWAYS AS (retired_at IS NULL AND coalesce(stock > 0, true)) STORED,
  fee numeric(10,2) CHECK (fee >= 0), -- CNY
  required_documents text[] NOT NULL DEFAULT '{}',
  process text[] NOT NULL DEFAULT '{}',
  event_id uuid, -- offered at that event only; references events, from 0004 on
  team_id uuid, -- references volunteer_teams, from 0006 on
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms
);
CREATE INDEX offerings_station ON offerings (owner, station_id, name_zh, id);
CREATE INDEX offerings_kind ON offerings (owner, kind, station_id);

CREATE TABLE signage (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  estate_id uuid,
  place_zh text COLLATE "C" NOT NULL,
  label_zh text NOT NULL,
  states text[] NOT NULL DEFAULT '{}',
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, estate_id) REFERENCES estates
);
CREATE INDEX signage_station ON signage (owner, station_id, place_zh, id);

-- A day by the rule, Shanghai; closes_at not after opens_at means the day after.
CREATE TABLE schedules (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  room_id uuid,
  offering_id uuid,
  rrule text, -- RFC 5545 without "RRULE:"; NULL with rdates only
  dtstart date NOT NULL,
  rdates date[] NOT NULL DEFAULT '{}',
  exdates date[] NOT NULL DEFAULT '{}',
  opens_at time NOT NULL,
  closes_at time NOT NULL,
  valid daterange NOT NULL DEFAULT '(,)' CHECK (NOT isempty(valid)),
  zh text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, offering_id) REFERENCES offerings,
  CONSTRAINT schedule_has_days CHECK (rrule IS NOT NULL OR rdates <> '{}')
);
CREATE INDEX schedules_station ON schedules (owner, station_id, id);

CREATE TABLE schedule_exceptions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  room_id uuid, -- NULL: the whole station
  on_day date NOT NULL,
  kind text NOT NULL CHECK (kind IN ('CLOSED', 'CHANGED')),
  opens_at time,
  closes_at time,
  note text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  CONSTRAINT changed_states_hours CHECK (num_nonnulls(opens_at, closes_at) = CASE kind WHEN 'CHANGED' THEN 2 ELSE 0 END)
);
CREATE UNIQUE INDEX schedule_exceptions_one_a_day ON schedule_exceptions
  (owner, station_id, on_day, coalesce(room_id, '00000000-0000-0000-0000-000000000000'));

CREATE TABLE service_windows (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  event_id uuid, -- references events, from 0004 on; NULL for an event of the district
  name_zh text COLLATE "C",
  name_en text,
  starts_on date,
  ends_on date,
  opens_at time,
  closes_at time,
  pilot boolean NOT NULL DEFAULT false,
  review text,
  follow_up text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  CHECK (starts_on <= ends_on),
  CHECK ((opens_at IS NULL) = (closes_at IS NULL))
);
CREATE INDEX service_windows_station ON service_windows (owner, station_id, starts_on, id);

ALTER TABLE channels
  ADD CONSTRAINT channels_station_fkey FOREIGN KEY (owner, station_id) REFERENCES stations,
  ADD CONSTRAINT channels_room_fkey FOREIGN KEY (owner, room_id) REFERENCES rooms;

CALL linhui_protect('stations', '*');
CALL linhui_protect('rooms', '*');
CALL linhui_protect('offerings', 'owner, id, station_id, room_id, name_zh, name_en, kind, audience, consumable, available, fee, '
  'required_documents, process, event_id, team_id, note, retired_at, provenance, version, created_at, updated_at');
CALL linhui_protect('signage', '*');
CALL linhui_protect('schedules', '*');
CALL linhui_protect('schedule_exceptions', '*');
CALL linhui_protect('service_windows', '*');
CALL linhui_feeds_hot('stations', 'OPEN_STATIONS_NOW');
CALL linhui_feeds_hot('schedules', 'OPEN_STATIONS_NOW');
CALL linhui_feeds_hot('schedule_exceptions', 'OPEN_STATIONS_NOW');
CALL linhui_feeds_hot('service_windows', 'OPEN_STATIONS_NOW');

-- +goose Down
ALTER TABLE channels DROP CONSTRAINT channels_room_fkey, DROP CONSTRAINT channels_station_fkey;
DROP TABLE service_windows, schedule_exceptions, schedules, signage, offerings, rooms, stations;
