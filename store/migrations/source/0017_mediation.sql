-- +goose Up
-- Neighbours settle a dispute face to face (小板凳会客厅), where needed with four parties at the table (四方联动).

CREATE TABLE mediation_cases (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  dispute text COLLATE "C" NOT NULL,
  dispute_zh text, -- in the words of who told of it
  room_id uuid,
  four_party boolean NOT NULL DEFAULT false,
  parties_count int NOT NULL DEFAULT 2 CHECK (parties_count >= 2),
  steps text[] NOT NULL DEFAULT '{}',
  side_a_id uuid, -- P2; NULL: not a registered resident, or told in a report
  side_b_id uuid, -- P2
  status text NOT NULL DEFAULT 'REGISTERED' CHECK (status IN ('REGISTERED', 'ACCEPTED', 'CONVENED', 'PROPOSED', 'AGREED', 'NOT_AGREED', 'REFERRED',
    'FOLLOW_UP', 'CLOSED', 'WITHDRAWN')),
  told_of jsonb, -- a date as published {year, month, day, part}, where the year is not known
  opened_at timestamptz,
  side_a_takes_part boolean NOT NULL DEFAULT false,
  side_b_takes_part boolean NOT NULL DEFAULT false,
  proposals int NOT NULL DEFAULT 0,
  settlement text, -- P3
  side_a_agrees boolean NOT NULL DEFAULT false, -- to the settlement that stands
  side_b_agrees boolean NOT NULL DEFAULT false,
  agreed_at timestamptz,
  referred_to text,
  followed_up_at timestamptz, -- after a week
  followed_up_again_at timestamptz, -- after a month
  closed_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  FOREIGN KEY (owner, side_a_id) REFERENCES residents,
  FOREIGN KEY (owner, side_b_id) REFERENCES residents,
  CONSTRAINT mediation_has_its_day CHECK (num_nonnulls(told_of, opened_at) = 1),
  CONSTRAINT mediation_of_two CHECK (side_a_id <> side_b_id),
  CONSTRAINT mediation_is_voluntary CHECK (status IN ('REGISTERED', 'WITHDRAWN') OR side_a_takes_part AND side_b_takes_part),
  CONSTRAINT mediation_proposes_three_times CHECK (proposals BETWEEN 0 AND 3),
  CONSTRAINT mediation_says_what_is_proposed CHECK (told_of IS NOT NULL OR (proposals > 0) = (settlement IS NOT NULL)
    AND (proposals > 0 OR status IN ('REGISTERED', 'ACCEPTED', 'CONVENED', 'WITHDRAWN'))),
  CONSTRAINT mediation_agreed_by_both CHECK (status NOT IN ('AGREED', 'FOLLOW_UP', 'CLOSED') OR side_a_agrees AND side_b_agrees), -- I15
  CONSTRAINT mediation_agreed_at_an_instant CHECK (told_of IS NOT NULL OR (status IN ('AGREED', 'FOLLOW_UP', 'CLOSED')) = (agreed_at IS NOT NULL)),
  CONSTRAINT mediation_referred_to_somebody CHECK ((status = 'REFERRED') = (btrim(coalesce(referred_to, '')) <> '')),
  CONSTRAINT mediation_followed_up_in_turn CHECK (followed_up_at >= agreed_at AND followed_up_again_at >= followed_up_at),
  CONSTRAINT mediation_closed_once_followed_up CHECK (CASE status WHEN 'CLOSED' THEN closed_at IS NOT NULL AND followed_up_again_at IS NOT NULL ELSE closed_at IS NULL END)
);
COMMENT ON TABLE mediation_cases IS 'The settlement is to be erased three years after the case is closed.';
CREATE INDEX mediation_cases_opened ON mediation_cases (owner, opened_at DESC, id);
CREATE INDEX mediation_cases_side_a ON mediation_cases (owner, side_a_id) WHERE side_a_id IS NOT NULL;
CREATE INDEX mediation_cases_side_b ON mediation_cases (owner, side_b_id) WHERE side_b_id IS NOT NULL;

CREATE TABLE mediation_sessions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  mediation_id uuid NOT NULL,
  held_at timestamptz, -- NULL: told in a report without a day
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, mediation_id) REFERENCES mediation_cases
);
CREATE INDEX mediation_sessions_case ON mediation_sessions (owner, mediation_id, held_at, id);

CREATE TABLE mediation_participants (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  session_id uuid NOT NULL,
  role text COLLATE "C" NOT NULL,
  role_zh text,
  attended boolean, -- NULL: invited, and not yet known
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, session_id) REFERENCES mediation_sessions,
  CONSTRAINT mediation_participants_once UNIQUE (owner, session_id, role)
);

-- +goose StatementBegin
CREATE FUNCTION linhui_four_invited() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT count(DISTINCT p.role) FROM mediation_sessions s JOIN mediation_participants p ON p.owner = s.owner AND p.session_id = s.id
      WHERE s.owner = NEW.owner AND s.mediation_id = NEW.id AND p.role IN ('STATIONED_CADRE', 'PROPERTY_MANAGEMENT', 'OWNERS_COMMITTEE', 'BUILDING_HEAD')) < 4 THEN
    RAISE EXCEPTION 'the four parties are invited before anything is proposed' USING ERRCODE = '23514', CONSTRAINT = 'four_parties_invited';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER four_parties_invited BEFORE UPDATE OF status ON mediation_cases FOR EACH ROW
  WHEN (NEW.four_party AND NEW.status = 'PROPOSED' AND OLD.status <> 'PROPOSED') EXECUTE FUNCTION linhui_four_invited();

CALL linhui_protect('mediation_cases');
CALL linhui_protect('mediation_sessions');
CALL linhui_protect('mediation_participants');

-- +goose Down
DROP TABLE mediation_participants, mediation_sessions, mediation_cases;
DROP FUNCTION linhui_four_invited();
