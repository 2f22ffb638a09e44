-- +goose Up
-- Renovations (改造): what was put into a place, what it was before and became, and its use before and after.

CREATE TABLE renovations (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  kind text NOT NULL CHECK (kind IN ('FULL', 'REFIT', 'MICRO_RENEWAL', 'DESIGN', 'OTHER')),
  room_id uuid,
  investment numeric(14,2) CHECK (investment > 0), -- CNY
  investment_qualifier text CHECK (investment_qualifier IN ('EXACT', 'MORE_THAN', 'NEARLY', 'APPROX', 'RANGE', 'DOUBLED')),
  investment_zh text,
  year int CHECK (year BETWEEN 1949 AND 2200),
  before_zh text,
  after_zh text,
  functions text[] NOT NULL DEFAULT '{}', -- that came of it
  improvements text[] NOT NULL DEFAULT '{}',
  designed_by_team_id uuid,
  participants_team_id uuid,
  reported_count jsonb,
  completed_on date,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh),
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, designed_by_team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, participants_team_id) REFERENCES volunteer_teams,
  CONSTRAINT investment_says_how_sure CHECK ((investment IS NULL) = (investment_qualifier IS NULL))
);
CREATE INDEX renovations_room ON renovations (owner, room_id) WHERE room_id IS NOT NULL;

CREATE TABLE renovation_stations (
  owner text COLLATE "C" NOT NULL,
  renovation_id uuid NOT NULL,
  station_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  PRIMARY KEY (owner, renovation_id, station_id),
  FOREIGN KEY (owner, renovation_id) REFERENCES renovations,
  FOREIGN KEY (owner, station_id) REFERENCES stations
);
CREATE INDEX renovation_stations_station ON renovation_stations (owner, station_id);

CREATE TABLE renovation_estates (
  owner text COLLATE "C" NOT NULL,
  renovation_id uuid NOT NULL,
  estate_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  PRIMARY KEY (owner, renovation_id, estate_id),
  FOREIGN KEY (owner, renovation_id) REFERENCES renovations,
  FOREIGN KEY (owner, estate_id) REFERENCES estates
);
CREATE INDEX renovation_estates_estate ON renovation_estates (owner, estate_id);

CALL linhui_protect('renovations', '*');
CALL linhui_protect('renovation_stations', 'owner, renovation_id, station_id');
CALL linhui_protect('renovation_estates', 'owner, renovation_id, estate_id');

-- +goose Down
DROP TABLE renovation_estates, renovation_stations, renovations;
