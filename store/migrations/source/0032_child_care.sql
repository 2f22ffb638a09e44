-- +goose Up
-- Children wait at a station until they are collected (儿童临托), by the guardian on file or whom the guardian named.

CREATE TABLE child_delegates (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  child_id uuid NOT NULL, -- P3
  delegate_id uuid NOT NULL, -- P2
  status text NOT NULL DEFAULT 'NAMED' CHECK (status IN ('NAMED', 'REVOKED')),
  valid_from date NOT NULL,
  valid_to date NOT NULL, -- the last day
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, child_id) REFERENCES residents,
  FOREIGN KEY (owner, delegate_id) REFERENCES residents,
  CONSTRAINT delegate_is_another CHECK (delegate_id <> child_id),
  CONSTRAINT delegate_for_some_days CHECK (valid_to >= valid_from)
);
CREATE INDEX child_delegates_child ON child_delegates (owner, child_id, valid_from, id);

CREATE TABLE child_care_sessions (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  room_id uuid,
  child_id uuid NOT NULL, -- P3
  status text NOT NULL DEFAULT 'PRESENT' CHECK (status IN ('PRESENT', 'COLLECTED')),
  in_at timestamptz NOT NULL DEFAULT now(),
  out_at timestamptz,
  collected_by_id uuid, -- P2
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, child_id) REFERENCES residents,
  FOREIGN KEY (owner, collected_by_id) REFERENCES residents,
  CONSTRAINT collected_by_somebody CHECK ((status = 'COLLECTED') = (out_at IS NOT NULL) AND (out_at IS NULL) = (collected_by_id IS NULL)),
  CONSTRAINT collected_after_it_came CHECK (out_at >= in_at),
  CONSTRAINT child_in_one_place EXCLUDE USING gist (owner WITH =, child_id WITH =, tstzrange(in_at, out_at) WITH &&)
);
COMMENT ON TABLE child_care_sessions IS 'To be erased 30 days after the child is collected.';
CREATE INDEX child_care_sessions_in ON child_care_sessions (owner, in_at DESC, id);
CREATE INDEX child_care_sessions_station ON child_care_sessions (owner, station_id, in_at DESC, id);
CREATE INDEX child_care_sessions_present ON child_care_sessions (owner, in_at DESC, id) WHERE out_at IS NULL;

-- I18. A rule over two tables: the guardian and the delegates are those of the moment at which the child leaves.
-- +goose StatementBegin
CREATE FUNCTION linhui_may_collect(of text, child uuid, collector uuid, at timestamptz) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM residents r WHERE r.owner = of AND r.id = child AND r.guardian_id = collector)
    OR EXISTS (SELECT FROM child_delegates d WHERE d.owner = of AND d.child_id = child AND d.delegate_id = collector
      AND d.status = 'NAMED' AND cst_date(at) BETWEEN d.valid_from AND d.valid_to) $$;
REVOKE EXECUTE ON FUNCTION linhui_may_collect FROM PUBLIC;

CREATE FUNCTION linhui_child_care() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NOT EXISTS (SELECT FROM residents WHERE owner = NEW.owner AND id = NEW.child_id AND guardian_id IS NOT NULL
    AND (birth_date IS NULL OR full_years(birth_date, cst_date(NEW.in_at)) < 18)) THEN
    RAISE EXCEPTION 'who is cared for is under 18 and has a guardian on file' USING ERRCODE = '23514', CONSTRAINT = 'child_has_a_guardian';
  END IF;
  IF TG_OP = 'INSERT' AND NEW.room_id IS NOT NULL AND NOT EXISTS (SELECT FROM rooms WHERE owner = NEW.owner AND id = NEW.room_id AND station_id = NEW.station_id) THEN
    RAISE EXCEPTION 'the room is one of the station' USING ERRCODE = '23514', CONSTRAINT = 'room_of_the_station';
  END IF;
  IF TG_OP = 'UPDATE' AND (NEW.child_id, NEW.in_at) IS DISTINCT FROM (OLD.child_id, OLD.in_at) THEN
    RAISE EXCEPTION 'who came when never changes' USING ERRCODE = '23001', CONSTRAINT = 'child_care_is_fixed';
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.out_at IS NOT NULL THEN
    RAISE EXCEPTION 'the child has left' USING ERRCODE = '23001', CONSTRAINT = 'child_care_is_fixed';
  END IF;
  IF NEW.collected_by_id IS NOT NULL AND NOT linhui_may_collect(NEW.owner, NEW.child_id, NEW.collected_by_id, NEW.out_at) THEN
    RAISE EXCEPTION 'a child leaves with the guardian on file or whom the guardian named' USING ERRCODE = '23514', CONSTRAINT = 'collected_by_the_guardian';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER child_care BEFORE INSERT OR UPDATE OF child_id, in_at, out_at, collected_by_id ON child_care_sessions
  FOR EACH ROW EXECUTE FUNCTION linhui_child_care();

CALL linhui_protect('child_delegates');
CALL linhui_protect('child_care_sessions');

-- +goose Down
DROP TABLE child_care_sessions, child_delegates;
DROP FUNCTION linhui_child_care(), linhui_may_collect(text, uuid, uuid, timestamptz);
