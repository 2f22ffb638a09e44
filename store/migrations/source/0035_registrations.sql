-- +goose Up
-- Residents register for events (活动报名) and are checked in; seats of an event are counted as they go.

CREATE TABLE event_registrations (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  resident_id uuid NOT NULL, -- P2
  status text NOT NULL DEFAULT 'REGISTERED' CHECK (status IN ('REGISTERED', 'CHECKED_IN', 'CANCELLED', 'NO_SHOW')),
  registered_at timestamptz NOT NULL DEFAULT now(),
  checked_in_at timestamptz,
  cancelled_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events,
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  CONSTRAINT checked_in_as_it_says CHECK ((status = 'CHECKED_IN') = (checked_in_at IS NOT NULL)),
  CONSTRAINT registration_cancelled_as_it_says CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL))
);
CREATE UNIQUE INDEX event_registrations_one_live ON event_registrations (owner, event_id, resident_id) WHERE status <> 'CANCELLED';
CREATE INDEX event_registrations_registered ON event_registrations (owner, registered_at DESC, id);
CREATE INDEX event_registrations_event ON event_registrations (owner, event_id, registered_at DESC, id);
CREATE INDEX event_registrations_resident ON event_registrations (owner, resident_id, registered_at DESC, id);
CREATE INDEX event_registrations_due ON event_registrations (owner, event_id) WHERE status = 'REGISTERED';

-- The row lock on the event puts registrations one after the other, and its CHECK refuses the one too many (I1).
-- +goose StatementBegin
CREATE FUNCTION linhui_event_seats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  seats int := 0;
  at_owner text;
  at_event uuid;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.event_id, NEW.resident_id) IS DISTINCT FROM (OLD.event_id, OLD.resident_id) THEN
    RAISE EXCEPTION 'who registered for what never changes' USING ERRCODE = '23001', CONSTRAINT = 'registration_is_fixed';
  END IF;
  IF TG_OP <> 'INSERT' THEN
    seats := seats - (OLD.status <> 'CANCELLED')::int; at_owner := OLD.owner; at_event := OLD.event_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    seats := seats + (NEW.status <> 'CANCELLED')::int; at_owner := NEW.owner; at_event := NEW.event_id;
  END IF;
  IF seats <> 0 THEN
    UPDATE events SET registered_count = registered_count + seats, status = CASE
        WHEN status = 'OPEN' AND registered_count + seats = capacity THEN 'FULL'
        WHEN status = 'FULL' AND registered_count + seats < capacity THEN 'OPEN'
        ELSE status END
      WHERE owner = at_owner AND id = at_event;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION linhui_event_seats IS 'Counts an event''s registrations, beside those it was published with; an OPEN event without a seat left is FULL.';
-- +goose StatementEnd
CREATE TRIGGER event_seats AFTER INSERT OR DELETE OR UPDATE OF status, event_id, resident_id ON event_registrations
  FOR EACH ROW EXECUTE FUNCTION linhui_event_seats();

CALL linhui_protect('event_registrations');

-- +goose Down
DROP TABLE event_registrations;
DROP FUNCTION linhui_event_seats();
