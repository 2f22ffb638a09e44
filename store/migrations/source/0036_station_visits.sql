-- +goose Up
-- How many came to a station, when and what for (到访). Nobody is named.

ALTER TABLE rooms ADD CONSTRAINT rooms_of_a_station UNIQUE (owner, station_id, id);

CREATE TABLE station_visits (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  room_id uuid,
  at timestamptz NOT NULL,
  purpose text COLLATE "C" NOT NULL, -- the kind of what the station offers
  audience text COLLATE "C",
  count int NOT NULL CONSTRAINT visits_are_of_some CHECK (count BETWEEN 1 AND 10000),
  status text NOT NULL DEFAULT 'RECORDED' CHECK (status IN ('RECORDED', 'VOIDED')),
  voided_at timestamptz,
  voided_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  CONSTRAINT visited_room_of_the_station FOREIGN KEY (owner, station_id, room_id) REFERENCES rooms (owner, station_id, id),
  CONSTRAINT voided_says_why CHECK ((status = 'VOIDED') = (voided_at IS NOT NULL) AND (voided_at IS NOT NULL) = (btrim(coalesce(voided_for, '')) <> ''))
);
CREATE INDEX station_visits_at ON station_visits (owner, at DESC, id);
CREATE INDEX station_visits_station ON station_visits (owner, station_id, at DESC, id);

-- A count that was wrong is voided and recorded anew (I21).
-- +goose StatementBegin
CREATE FUNCTION linhui_visits_are_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'VOIDED' OR (NEW.station_id, NEW.room_id, NEW.at, NEW.purpose, NEW.audience, NEW.count)
      IS DISTINCT FROM (OLD.station_id, OLD.room_id, OLD.at, OLD.purpose, OLD.audience, OLD.count) THEN
    RAISE EXCEPTION 'visits are never changed: void them and record them anew' USING ERRCODE = '23001', CONSTRAINT = 'visits_are_fixed';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER visits_are_fixed BEFORE UPDATE ON station_visits FOR EACH ROW EXECUTE FUNCTION linhui_visits_are_fixed();

CALL linhui_protect('station_visits');

-- +goose Down
DROP TABLE station_visits;
DROP FUNCTION linhui_visits_are_fixed();
ALTER TABLE rooms DROP CONSTRAINT rooms_of_a_station;
