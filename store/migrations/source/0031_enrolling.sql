-- +goose Up
-- People sign up for courses and are marked present: the waiting list closes up, and who came is kept by session.

-- +goose StatementBegin
CREATE FUNCTION linhui_close_waitlist() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE enrolments SET waitlist_position = waitlist_position - 1
  WHERE owner = OLD.owner AND course_id = OLD.course_id AND status = 'WAITLISTED' AND waitlist_position > OLD.waitlist_position;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION linhui_close_waitlist IS 'Who stood behind moves up. As a trigger, so that it is no edit of their rows.';
-- +goose StatementEnd
CREATE TRIGGER close_waitlist AFTER UPDATE OF status ON enrolments FOR EACH ROW
  WHEN (OLD.status = 'WAITLISTED' AND NEW.status <> 'WAITLISTED' AND OLD.waitlist_position IS NOT NULL) EXECUTE FUNCTION linhui_close_waitlist();
CREATE INDEX enrolments_waiting ON enrolments (owner, course_id, waitlist_position) WHERE status = 'WAITLISTED';
CREATE INDEX enrolments_offers ON enrolments (owner, offered_until) WHERE status = 'OFFERED';

CREATE TABLE attendances (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  session_id uuid NOT NULL,
  enrolment_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('PRESENT', 'LATE', 'EXCUSED', 'ABSENT')),
  marked_at timestamptz NOT NULL DEFAULT now(),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, session_id) REFERENCES course_sessions,
  FOREIGN KEY (owner, enrolment_id) REFERENCES enrolments,
  CONSTRAINT attendances_one_mark UNIQUE (owner, session_id, enrolment_id)
);
CREATE INDEX attendances_enrolment ON attendances (owner, enrolment_id, session_id);

-- +goose StatementBegin
CREATE FUNCTION linhui_attends_its_course() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM enrolments e JOIN course_sessions s ON s.owner = e.owner AND s.course_id = e.course_id
      WHERE e.owner = NEW.owner AND e.id = NEW.enrolment_id AND s.id = NEW.session_id) THEN
    RAISE EXCEPTION 'the sign-up is for another course' USING ERRCODE = '23514', CONSTRAINT = 'attends_its_course';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER attends_its_course BEFORE INSERT OR UPDATE OF session_id, enrolment_id ON attendances
  FOR EACH ROW EXECUTE FUNCTION linhui_attends_its_course();

CALL linhui_protect('attendances');

-- +goose Down
DROP TABLE attendances;
DROP FUNCTION linhui_attends_its_course();
DROP TRIGGER close_waitlist ON enrolments;
DROP INDEX enrolments_waiting, enrolments_offers;
DROP FUNCTION linhui_close_waitlist();
