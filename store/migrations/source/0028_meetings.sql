-- +goose Up
-- Meetings that come again and that are held, what they decided, who does what of it, and what is deliberated (民主协商).

CREATE TABLE meeting_series (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL CHECK (kind IN ('JOINT', 'DELIBERATION', 'STAFF', 'PARTY_EDUCATION', 'OTHER')),
  alliance_id uuid,
  room_id uuid,
  recurrence jsonb,
  led_by text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh),
  FOREIGN KEY (owner, alliance_id) REFERENCES alliances,
  FOREIGN KEY (owner, room_id) REFERENCES rooms
);
CREATE INDEX meeting_series_alliance ON meeting_series (owner, alliance_id) WHERE alliance_id IS NOT NULL;

CREATE TABLE meetings (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  series_id uuid,
  kind text NOT NULL CHECK (kind IN ('JOINT', 'DELIBERATION', 'STAFF', 'PARTY_EDUCATION', 'OTHER')),
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  starts_at timestamptz NOT NULL,
  room_id uuid,
  status text NOT NULL DEFAULT 'PLANNED' CHECK (status IN ('PLANNED', 'HELD', 'CANCELLED')),
  attendance int CHECK (attendance > 0), -- a number, never a list
  summary_zh text,
  cancelled_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, series_id) REFERENCES meeting_series,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  CONSTRAINT held_by_somebody CHECK ((status = 'HELD') = (attendance IS NOT NULL)),
  CONSTRAINT meeting_cancelled_for_a_reason CHECK ((status = 'CANCELLED') = (btrim(coalesce(cancelled_for, '')) <> ''))
);
CREATE INDEX meetings_start ON meetings (owner, starts_at DESC, id);
CREATE INDEX meetings_series ON meetings (owner, series_id, starts_at DESC, id) WHERE series_id IS NOT NULL;

CREATE TABLE decisions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  meeting_id uuid NOT NULL,
  text_zh text NOT NULL CHECK (btrim(text_zh) <> ''),
  outcome text NOT NULL CHECK (outcome IN ('ADOPTED', 'REJECTED', 'POSTPONED', 'OTHER')),
  votes_for int CHECK (votes_for >= 0), -- NULL: without a count, as all three
  votes_against int CHECK (votes_against >= 0),
  votes_abstained int CHECK (votes_abstained >= 0),
  decided_on date NOT NULL,
  pairing_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, meeting_id) REFERENCES meetings,
  FOREIGN KEY (owner, pairing_id) REFERENCES pairings,
  CONSTRAINT votes_are_counted_together CHECK (num_nonnulls(votes_for, votes_against, votes_abstained) IN (0, 3)),
  CONSTRAINT outcome_follows_the_votes CHECK (votes_for IS NULL OR outcome IN ('POSTPONED', 'OTHER') OR (outcome = 'ADOPTED') = (votes_for > votes_against))
);
CREATE INDEX decisions_day ON decisions (owner, decided_on DESC, id);
CREATE INDEX decisions_meeting ON decisions (owner, meeting_id);
CREATE INDEX decisions_pairing ON decisions (owner, pairing_id) WHERE pairing_id IS NOT NULL;

CREATE TABLE action_items (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  decision_id uuid NOT NULL,
  text_zh text NOT NULL CHECK (btrim(text_zh) <> ''),
  post_id uuid NOT NULL, -- a post, not a person
  due_on date NOT NULL,
  status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'DONE', 'DROPPED')),
  closed_on date,
  closed_note text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, decision_id) REFERENCES decisions,
  FOREIGN KEY (owner, post_id) REFERENCES staff_posts,
  CONSTRAINT action_closed_when_it_says_so CHECK ((status = 'OPEN') = (closed_on IS NULL)),
  CONSTRAINT dropped_action_says_why CHECK (status <> 'DROPPED' OR btrim(coalesce(closed_note, '')) <> '')
);
CREATE INDEX action_items_due ON action_items (owner, due_on, id);
CREATE INDEX action_items_decision ON action_items (owner, decision_id);

CREATE TABLE deliberations (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  topic_zh text COLLATE "C" NOT NULL CHECK (btrim(topic_zh) <> ''),
  estate_id uuid,
  raised_on date NOT NULL,
  status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'RESOLVED', 'DROPPED')),
  resolution_zh text,
  decision_id uuid,
  closed_on date,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, decision_id) REFERENCES decisions,
  CONSTRAINT deliberation_closed_with_a_word CHECK ((status = 'OPEN') = (btrim(coalesce(resolution_zh, '')) = '') AND (status = 'OPEN') = (closed_on IS NULL)),
  CONSTRAINT decided_when_resolved CHECK (decision_id IS NULL OR status = 'RESOLVED')
);
CREATE INDEX deliberations_raised ON deliberations (owner, raised_on DESC, id);
CREATE INDEX deliberations_decision ON deliberations (owner, decision_id) WHERE decision_id IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION linhui_decided_where_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM meetings m WHERE m.owner = NEW.owner AND m.id = NEW.meeting_id AND m.status <> 'HELD') THEN
    RAISE EXCEPTION 'a meeting decides when it is held' USING ERRCODE = '23514', CONSTRAINT = 'decided_where_held';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER decided_where_held BEFORE INSERT OR UPDATE OF meeting_id ON decisions FOR EACH ROW EXECUTE FUNCTION linhui_decided_where_held();

CALL linhui_protect('meeting_series', '*');
CALL linhui_protect('meetings', '*');
CALL linhui_protect('decisions', '*');
CALL linhui_protect('action_items');
CALL linhui_protect('deliberations', '*');

-- +goose Down
DROP TABLE deliberations, action_items, decisions, meetings, meeting_series;
DROP FUNCTION linhui_decided_where_held();
