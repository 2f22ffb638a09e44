-- +goose Up
-- Programmes, courses, sessions; sign-ups that never exceed the seats.

CREATE TABLE programmes (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  brand_id uuid,
  station_id uuid,
  room_id uuid,
  event_id uuid, -- held at that event only
  team_id uuid, -- references volunteer_teams, from 0006 on
  provider_org_id uuid,
  age_min int CHECK (age_min >= 0),
  age_max int,
  audiences text[] NOT NULL DEFAULT '{}',
  recurrence jsonb,
  demand_driven boolean NOT NULL DEFAULT false,
  parents_join_volunteers boolean NOT NULL DEFAULT false,
  resource_source text,
  origin text,
  topics text[] NOT NULL DEFAULT '{}',
  reported_course_count jsonb,
  reported_class_hours jsonb,
  proceeds_share numeric(5,4) CHECK (proceeds_share BETWEEN 0 AND 1), -- of income, to the fund
  note text,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, brand_id) REFERENCES brands,
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, event_id) REFERENCES events,
  FOREIGN KEY (owner, provider_org_id) REFERENCES organizations,
  CHECK (age_min <= age_max)
);
CREATE UNIQUE INDEX programmes_one_of_a_name ON programmes (owner, name_zh) WHERE retired_at IS NULL;
CREATE INDEX programmes_name ON programmes (owner, name_zh, id);

CREATE TABLE courses (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  programme_id uuid,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  class_name_zh text, -- 葫芦丝兴趣班
  audience text NOT NULL,
  age_min int CHECK (age_min >= 0), -- both bounds included
  age_max int,
  capacity int CHECK (capacity > 0), -- NULL: no limit
  confirmed_count int NOT NULL DEFAULT 0 CHECK (confirmed_count >= 0), -- seats taken, kept by trigger
  enrolment_count int NOT NULL DEFAULT 0 CHECK (enrolment_count >= 0), -- live sign-ups, kept by trigger
  reported_enrolments jsonb,
  instructor_role text,
  instructor_age_band text,
  tutoring_zh text, -- extra lessons one to one, as published
  recurrence jsonb,
  weekdays smallint[] NOT NULL DEFAULT '{}' CHECK (weekdays <@ '{1,2,3,4,5,6,7}'), -- Monday is 1
  fee numeric(10,2) CHECK (fee >= 0), -- CNY
  public_benefit boolean NOT NULL DEFAULT false,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, programme_id) REFERENCES programmes,
  CHECK (age_min <= age_max),
  CONSTRAINT capacity_never_exceeded CHECK (confirmed_count <= capacity)
);
CREATE UNIQUE INDEX courses_one_of_a_name ON courses (owner, programme_id, name_zh) WHERE retired_at IS NULL;
CREATE INDEX courses_name ON courses (owner, name_zh, id);

CREATE TABLE course_sessions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  course_id uuid NOT NULL,
  room_id uuid,
  kind text NOT NULL DEFAULT 'CLASS',
  status text NOT NULL DEFAULT 'SCHEDULED',
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  class_hours numeric(6,2) NOT NULL DEFAULT 0 CHECK (class_hours >= 0),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, course_id) REFERENCES courses,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  CONSTRAINT session_ends_after_start CHECK (ends_at > starts_at)
);
CREATE INDEX course_sessions_course ON course_sessions (owner, course_id, starts_at, id);
CREATE INDEX course_sessions_start ON course_sessions (owner, starts_at, id);

CREATE TABLE enrolments (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  course_id uuid NOT NULL,
  resident_id uuid NOT NULL, -- P2; references residents, from 0006 on
  status text NOT NULL DEFAULT 'APPLIED' CHECK (status IN
    ('APPLIED', 'WAITLISTED', 'OFFERED', 'CONFIRMED', 'ATTENDING', 'COMPLETED', 'WITHDRAWN', 'REJECTED', 'EXPIRED')),
  waitlist_position int CHECK (waitlist_position > 0),
  offered_until timestamptz,
  age_at_start int NOT NULL CHECK (age_at_start >= 0), -- completed years
  guardian_consent_id uuid,
  parent_volunteer_opt_in boolean NOT NULL DEFAULT false,
  applied_at timestamptz NOT NULL DEFAULT now(),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, course_id) REFERENCES courses,
  CONSTRAINT under_14_needs_consent CHECK (age_at_start >= 14 OR guardian_consent_id IS NOT NULL
    OR status IN ('APPLIED', 'WITHDRAWN', 'REJECTED', 'EXPIRED')),
  CONSTRAINT offer_has_an_end CHECK (status <> 'OFFERED' OR offered_until IS NOT NULL)
);
CREATE UNIQUE INDEX enrolments_one_live ON enrolments (owner, course_id, resident_id)
  WHERE status NOT IN ('WITHDRAWN', 'REJECTED', 'EXPIRED');
CREATE INDEX enrolments_course ON enrolments (owner, course_id, status, applied_at, id);
CREATE INDEX enrolments_resident ON enrolments (owner, resident_id, applied_at DESC, id);

-- Seats are counted on the course, whose row lock makes two last seats one after the other.
-- +goose StatementBegin
CREATE FUNCTION linhui_seat_taken(status text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT (status IN ('OFFERED', 'CONFIRMED', 'ATTENDING', 'COMPLETED'))::int $$;

CREATE FUNCTION linhui_enrolment_live(status text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT (status NOT IN ('WITHDRAWN', 'REJECTED', 'EXPIRED'))::int $$;

CREATE FUNCTION linhui_count_new_enrolments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE courses c SET confirmed_count = confirmed_count + n.seats, enrolment_count = enrolment_count + n.live
  FROM (SELECT owner, course_id, sum(linhui_seat_taken(status)) AS seats, sum(linhui_enrolment_live(status)) AS live
        FROM added GROUP BY owner, course_id) n
  WHERE c.owner = n.owner AND c.id = n.course_id AND n.live > 0;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_count_changed_enrolment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  seats int := -linhui_seat_taken(OLD.status);
  live int := -linhui_enrolment_live(OLD.status);
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.course_id, NEW.resident_id) IS DISTINCT FROM (OLD.course_id, OLD.resident_id) THEN
      RAISE EXCEPTION 'a sign-up is withdrawn and made anew, not moved' USING ERRCODE = '23001', CONSTRAINT = 'enrolment_is_fixed';
    END IF;
    seats := seats + linhui_seat_taken(NEW.status);
    live := live + linhui_enrolment_live(NEW.status);
  END IF;
  IF seats <> 0 OR live <> 0 THEN
    UPDATE courses SET confirmed_count = confirmed_count + seats, enrolment_count = enrolment_count + live
    WHERE owner = OLD.owner AND id = OLD.course_id;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER count_new_enrolments AFTER INSERT ON enrolments REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION linhui_count_new_enrolments();
CREATE TRIGGER count_changed_enrolment AFTER UPDATE OF status, course_id, resident_id OR DELETE ON enrolments
  FOR EACH ROW EXECUTE FUNCTION linhui_count_changed_enrolment();

ALTER TABLE event_series ADD CONSTRAINT event_series_programme_fkey FOREIGN KEY (owner, programme_id) REFERENCES programmes;
ALTER TABLE programme_items ADD CONSTRAINT programme_items_programme_fkey FOREIGN KEY (owner, programme_id) REFERENCES programmes;
ALTER TABLE events ADD CONSTRAINT events_course_fkey FOREIGN KEY (owner, course_id) REFERENCES courses;

CALL linhui_protect('programmes', '*');
CALL linhui_protect('courses', '*');
CALL linhui_protect('course_sessions', '*');
CALL linhui_protect('enrolments');

-- +goose Down
ALTER TABLE events DROP CONSTRAINT events_course_fkey;
ALTER TABLE programme_items DROP CONSTRAINT programme_items_programme_fkey;
ALTER TABLE event_series DROP CONSTRAINT event_series_programme_fkey;
DROP TABLE enrolments, course_sessions, courses, programmes;
DROP FUNCTION linhui_count_new_enrolments(), linhui_count_changed_enrolment(), linhui_enrolment_live(text), linhui_seat_taken(text);
