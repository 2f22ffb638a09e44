-- +goose Up
-- Rooms are booked (房间预约); what each day's opening hours were is kept, so that use can be told as a share of them.

CREATE TABLE room_bookings (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  room_id uuid NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL, -- excluded
  status text NOT NULL DEFAULT 'REQUESTED' CHECK (status IN ('REQUESTED', 'CONFIRMED', 'IN_USE', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
  team_id uuid,
  booked_by_id uuid, -- P2; NULL: the desk, for nobody in particular
  purpose text, -- P1
  requested_at timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  cancelled_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, booked_by_id) REFERENCES residents,
  CONSTRAINT booking_ends_after_start CHECK (ends_at > starts_at),
  CONSTRAINT booking_of_half_a_day CHECK (ends_at - starts_at <= interval '12 hours'),
  CONSTRAINT booking_confirmed_as_it_says CHECK (CASE status WHEN 'REQUESTED' THEN confirmed_at IS NULL WHEN 'CANCELLED' THEN true ELSE confirmed_at IS NOT NULL END),
  CONSTRAINT booking_started_as_it_says CHECK ((status IN ('IN_USE', 'COMPLETED')) = (started_at IS NOT NULL)),
  CONSTRAINT booking_completed_as_it_says CHECK ((status = 'COMPLETED') = (completed_at IS NOT NULL) AND completed_at >= started_at),
  CONSTRAINT booking_cancelled_as_it_says CHECK ((status = 'CANCELLED') = (cancelled_at IS NOT NULL)),
  CONSTRAINT room_not_double_booked EXCLUDE USING gist (owner WITH =, room_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
    WHERE (status IN ('CONFIRMED', 'IN_USE')) -- I12
);
COMMENT ON TABLE room_bookings IS 'Who booked is to be erased 180 days after the end.';
CREATE INDEX room_bookings_start ON room_bookings (owner, starts_at DESC, id);
CREATE INDEX room_bookings_room ON room_bookings (owner, room_id, starts_at, id);
CREATE INDEX room_bookings_booked_by ON room_bookings (owner, booked_by_id, starts_at DESC, id) WHERE booked_by_id IS NOT NULL;
CREATE INDEX room_bookings_due ON room_bookings (owner, status, ends_at) WHERE status IN ('REQUESTED', 'CONFIRMED', 'IN_USE');
CREATE INDEX course_sessions_room ON course_sessions (owner, room_id, starts_at) WHERE room_id IS NOT NULL;

-- What everybody may know: when a room is taken or asked for, never by whom. The view reads as its owner, past the policies
-- of the bookings.
CREATE VIEW room_slots AS
  SELECT owner, id, room_id, starts_at, ends_at, status, team_id FROM room_bookings WHERE status IN ('REQUESTED', 'CONFIRMED', 'IN_USE');
GRANT SELECT (owner, id, room_id, starts_at, ends_at, status, team_id) ON room_slots TO linhui_public, linhui_scoped, linhui_writer;

-- A room of a station that published no hours has no row: what is not known is not 0.
CREATE TABLE room_days (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  room_id uuid NOT NULL,
  day date NOT NULL,
  open_minutes int NOT NULL CHECK (open_minutes BETWEEN 0 AND 1440),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  CONSTRAINT room_days_one_a_day UNIQUE (owner, room_id, day)
);
CREATE INDEX room_days_day ON room_days (owner, day DESC, id);

CALL linhui_protect('room_bookings');
CALL linhui_protect('room_days');

-- +goose Down
DROP VIEW room_slots;
DROP TABLE room_days, room_bookings;
DROP INDEX course_sessions_room;
