-- +goose Up
-- 回音簿: a register, not a queue. Gapless numbers, nothing deleted, duplicates linked to a root, a deadline from
-- the first moment, no close without a reply. 回音壁: what of it is published, in words that are not the resident's.

CREATE TABLE feedback_categories (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  code text COLLATE "C" NOT NULL,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  open311_service_code text NOT NULL GENERATED ALWAYS AS (owner || '/' || code) STORED,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, code)
);

CREATE TABLE sla_rules (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  category text COLLATE "C" NOT NULL,
  due_in_hours int NOT NULL CHECK (due_in_hours > 0),
  working_days boolean NOT NULL DEFAULT true, -- count work_calendar days of the directory, 24 hours each
  assignee_post_id uuid NOT NULL,
  responsible_org_id uuid NOT NULL,
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, category) REFERENCES feedback_categories (owner, code),
  FOREIGN KEY (owner, assignee_post_id) REFERENCES staff_posts,
  FOREIGN KEY (owner, responsible_org_id) REFERENCES organizations,
  UNIQUE (owner, category)
);

CREATE TABLE feedback_counters (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  book_year int NOT NULL,
  last_no int NOT NULL,
  PRIMARY KEY (owner, book_year)
);

CREATE TABLE feedbacks (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  book_year int NOT NULL, -- Shanghai year of received_at; both are drawn by trigger
  book_no int NOT NULL CHECK (book_no > 0),
  number text COLLATE "C" NOT NULL GENERATED ALWAYS AS
    (owner || '-' || book_year || '-' || lpad(book_no::text, greatest(6, length(book_no::text)), '0')) STORED,
  kind text NOT NULL,
  category text COLLATE "C",
  title text NOT NULL, -- P1
  body text, -- P2
  status text NOT NULL DEFAULT 'RECEIVED' CHECK (status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'SUSPENDED',
    'REPLIED', 'RESOLVED', 'CLOSED', 'REOPENED', 'DUPLICATE', 'REFERRED', 'NOT_ACCEPTED', 'WITHDRAWN')),
  channel_id uuid,
  station_id uuid,
  estate_id uuid,
  reporter_id uuid, -- P2
  anonymous boolean NOT NULL DEFAULT false,
  private boolean NOT NULL DEFAULT false, -- never on the Echo Wall
  received_at timestamptz NOT NULL DEFAULT now(),
  due_at timestamptz NOT NULL, -- of triage first, of the category after it: nothing is ever without a deadline
  review_at timestamptz, -- while suspended
  assignee_post_id uuid,
  responsible_org_id uuid,
  referred_to text,
  reply text,
  replied_at timestamptz,
  outcome text,
  resolved_at timestamptz,
  closed_at timestamptz,
  duplicate_of uuid,
  escalation_level int NOT NULL DEFAULT 0 CHECK (escalation_level >= 0),
  escalated_at timestamptz,
  reopened_count int NOT NULL DEFAULT 0 CHECK (reopened_count BETWEEN 0 AND 2),
  satisfaction int CHECK (satisfaction BETWEEN 1 AND 5),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, book_year, book_no),
  FOREIGN KEY (owner, category) REFERENCES feedback_categories (owner, code),
  FOREIGN KEY (owner, channel_id) REFERENCES channels,
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, reporter_id) REFERENCES residents,
  FOREIGN KEY (owner, assignee_post_id) REFERENCES staff_posts,
  FOREIGN KEY (owner, responsible_org_id) REFERENCES organizations,
  FOREIGN KEY (owner, duplicate_of) REFERENCES feedbacks,
  CONSTRAINT no_close_without_reply CHECK (status <> 'CLOSED' OR (replied_at IS NOT NULL AND closed_at IS NOT NULL)),
  CONSTRAINT a_reply_says_something CHECK ((replied_at IS NULL) = (reply IS NULL) AND btrim(reply) <> ''),
  CONSTRAINT answered_means_replied CHECK (status NOT IN ('REPLIED', 'NOT_ACCEPTED') OR replied_at IS NOT NULL),
  CONSTRAINT resolved_says_how CHECK (status <> 'RESOLVED' OR (resolved_at IS NOT NULL AND btrim(coalesce(outcome, '')) <> '')),
  CONSTRAINT suspended_is_looked_at_again CHECK (status <> 'SUSPENDED' OR review_at IS NOT NULL),
  CONSTRAINT referred_names_the_body CHECK (status <> 'REFERRED' OR btrim(coalesce(referred_to, '')) <> ''),
  CONSTRAINT triaged_has_a_category CHECK (status <> 'TRIAGED' OR category IS NOT NULL),
  CONSTRAINT duplicate_is_linked CHECK ((status = 'DUPLICATE') = (duplicate_of IS NOT NULL) AND duplicate_of IS DISTINCT FROM id),
  CONSTRAINT three_fixes CHECK (status NOT IN ('ASSIGNED', 'IN_PROGRESS', 'SUSPENDED', 'REPLIED', 'RESOLVED')
    OR (category IS NOT NULL AND assignee_post_id IS NOT NULL AND responsible_org_id IS NOT NULL))
);
COMMENT ON TABLE feedbacks IS 'Erasure of a person empties title, body and reporter; number and outcome stay.';
CREATE UNIQUE INDEX feedbacks_number ON feedbacks (owner, number);
CREATE INDEX feedbacks_received ON feedbacks (owner, received_at DESC, id);
CREATE INDEX feedbacks_status ON feedbacks (owner, status, due_at);
CREATE INDEX feedbacks_status_received ON feedbacks (owner, status, received_at DESC, id); -- the newest of some states, page by page
CREATE INDEX feedbacks_category ON feedbacks (owner, category, received_at DESC, id);
CREATE INDEX feedbacks_responsible ON feedbacks (owner, responsible_org_id, received_at DESC, id) WHERE responsible_org_id IS NOT NULL;
CREATE INDEX feedbacks_reporter ON feedbacks (owner, reporter_id, received_at DESC, id) WHERE reporter_id IS NOT NULL;
CREATE INDEX feedbacks_duplicates ON feedbacks (owner, duplicate_of) WHERE duplicate_of IS NOT NULL;

-- A number is drawn in the transaction of its entry, under the lock of the counter: a rollback leaves no gap.
-- An INSERT ... ON CONFLICT DO NOTHING would leave one, as the number is drawn before the conflict is seen: ask first.
-- +goose StatementBegin
CREATE FUNCTION linhui_feedback_number() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  year constant int := extract(year FROM cst_date(NEW.received_at));
  no int;
BEGIN
  INSERT INTO feedback_counters AS c (owner, book_year, last_no) VALUES (NEW.owner, year, 1)
  ON CONFLICT (owner, book_year) DO UPDATE SET last_no = c.last_no + 1 RETURNING last_no INTO no;
  IF coalesce(NEW.book_year, year) <> year OR coalesce(NEW.book_no, no) <> no THEN
    RAISE EXCEPTION 'the next number of the book is % of %', no, year USING ERRCODE = '23514', CONSTRAINT = 'numbers_have_no_gap';
  END IF;
  NEW.book_year := year;
  NEW.book_no := no;
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_feedback_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'number and time of receipt of a feedback never change' USING ERRCODE = '23001', CONSTRAINT = 'number_is_fixed';
  END IF;
  RAISE EXCEPTION 'feedback is never deleted (不漏)' USING ERRCODE = '23001', CONSTRAINT = 'feedback_is_kept';
END $$;

CREATE FUNCTION linhui_feedback_root() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE root_of uuid;
BEGIN
  -- The lock makes a root that is itself being merged right now wait, so that no chain comes of two merges at once.
  SELECT duplicate_of INTO root_of FROM feedbacks WHERE owner = NEW.owner AND id = NEW.duplicate_of FOR SHARE;
  IF root_of IS NOT NULL THEN
    RAISE EXCEPTION 'a duplicate points at a root, not at another duplicate' USING ERRCODE = '23514', CONSTRAINT = 'duplicate_of_a_root';
  END IF;
  IF EXISTS (SELECT FROM feedbacks WHERE owner = NEW.owner AND duplicate_of = NEW.id) THEN
    RAISE EXCEPTION 'a root with duplicates cannot become a duplicate: point them elsewhere first'
      USING ERRCODE = '23514', CONSTRAINT = 'duplicate_of_a_root';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER number BEFORE INSERT ON feedbacks FOR EACH ROW EXECUTE FUNCTION linhui_feedback_number();
CREATE TRIGGER number_kept BEFORE UPDATE ON feedbacks FOR EACH ROW
  WHEN ((OLD.book_year, OLD.book_no, OLD.received_at) IS DISTINCT FROM (NEW.book_year, NEW.book_no, NEW.received_at))
  EXECUTE FUNCTION linhui_feedback_kept();
CREATE TRIGGER kept BEFORE DELETE ON feedbacks FOR EACH ROW EXECUTE FUNCTION linhui_feedback_kept();
CREATE TRIGGER kept_all BEFORE TRUNCATE ON feedbacks EXECUTE FUNCTION linhui_feedback_kept();
CREATE TRIGGER root BEFORE INSERT OR UPDATE OF duplicate_of ON feedbacks FOR EACH ROW WHEN (NEW.duplicate_of IS NOT NULL)
  EXECUTE FUNCTION linhui_feedback_root();

CREATE VIEW feedback_omitted WITH (security_invoker) AS
  SELECT * FROM feedbacks WHERE due_at < now() AND escalation_level = 0
    AND status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'REFERRED', 'REOPENED');
COMMENT ON VIEW feedback_omitted IS 'Past the deadline and nobody above was told: must be empty after each escalation run.';
GRANT SELECT ON feedback_omitted TO linhui_scoped, linhui_writer;

CREATE TABLE feedback_updates (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  feedback_id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  action text NOT NULL,
  from_status text,
  to_status text NOT NULL,
  by_post_id uuid,
  principal text NOT NULL,
  note text, -- P1
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, feedback_id) REFERENCES feedbacks,
  FOREIGN KEY (owner, by_post_id) REFERENCES staff_posts
);
CREATE INDEX feedback_updates_feedback ON feedback_updates (owner, feedback_id, at, id);
CALL linhui_append_only('feedback_updates');

CREATE TABLE escalations (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  feedback_id uuid NOT NULL,
  due_at timestamptz NOT NULL, -- the deadline that passed
  level int NOT NULL CHECK (level > 0),
  at timestamptz NOT NULL DEFAULT now(),
  to_post_id uuid,
  told text NOT NULL, -- who above: a post, a street or a district
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, feedback_id) REFERENCES feedbacks,
  FOREIGN KEY (owner, to_post_id) REFERENCES staff_posts,
  CONSTRAINT escalated_once UNIQUE (owner, feedback_id, due_at, level)
);
CALL linhui_append_only('escalations');

CREATE TABLE echo_wall_posts (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  feedback_id uuid NOT NULL,
  title_zh text NOT NULL CHECK (btrim(title_zh) <> ''),
  outcome_zh text NOT NULL CHECK (btrim(outcome_zh) <> ''),
  status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'REVIEWED', 'PUBLISHED', 'WITHDRAWN')),
  authored_by text NOT NULL,
  reviewed_by text,
  reviewed_at timestamptz,
  published_at timestamptz,
  withdrawn_at timestamptz,
  withdrawn_reason text,
  learned_from_owner text COLLATE "C", -- a post of another community, perhaps in another source: no key
  learned_from_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, feedback_id) REFERENCES feedbacks,
  CONSTRAINT published_has_a_time CHECK (status <> 'PUBLISHED' OR published_at IS NOT NULL),
  CONSTRAINT reviewed_by_another CHECK (status NOT IN ('REVIEWED', 'PUBLISHED')
    OR (reviewed_by IS NOT NULL AND reviewed_at IS NOT NULL AND reviewed_by <> authored_by)),
  CONSTRAINT withdrawn_says_why CHECK ((status = 'WITHDRAWN') = (withdrawn_at IS NOT NULL)
    AND (withdrawn_at IS NULL OR btrim(coalesce(withdrawn_reason, '')) <> '')),
  CONSTRAINT learned_from_is_whole CHECK ((learned_from_owner IS NULL) = (learned_from_id IS NULL))
);
CREATE UNIQUE INDEX echo_wall_posts_one_live ON echo_wall_posts (owner, feedback_id) WHERE status <> 'WITHDRAWN';
CREATE INDEX echo_wall_posts_published ON echo_wall_posts (owner, published_at DESC, id) WHERE status = 'PUBLISHED';

-- On the wall stands only what is answered: checked when a post is made, and taken down when its feedback reopens.
-- +goose StatementBegin
CREATE FUNCTION linhui_answered(f feedbacks) RETURNS boolean LANGUAGE sql IMMUTABLE
  AS $$ SELECT f.status IN ('REPLIED', 'RESOLVED', 'CLOSED') AND NOT f.private $$;

CREATE FUNCTION linhui_echo_answered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE f feedbacks;
BEGIN
  SELECT * INTO f FROM feedbacks WHERE owner = NEW.owner AND id = NEW.feedback_id FOR SHARE;
  IF NOT linhui_answered(f) THEN
    RAISE EXCEPTION 'only feedback that is answered and not private goes on the wall'
      USING ERRCODE = '23514', CONSTRAINT = 'echo_of_answered_feedback';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_echo_taken_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE echo_wall_posts SET status = 'WITHDRAWN', withdrawn_at = now(), version = version + 1, updated_at = now(),
    withdrawn_reason = CASE WHEN NEW.private THEN 'feedback became private' ELSE 'feedback is ' || NEW.status END
  WHERE owner = NEW.owner AND feedback_id = NEW.id AND status <> 'WITHDRAWN';
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER answered BEFORE INSERT OR UPDATE ON echo_wall_posts FOR EACH ROW WHEN (NEW.status <> 'WITHDRAWN')
  EXECUTE FUNCTION linhui_echo_answered();
CREATE TRIGGER echo_taken_down AFTER UPDATE OF status, private ON feedbacks FOR EACH ROW
  WHEN (linhui_answered(OLD) AND NOT linhui_answered(NEW)) EXECUTE FUNCTION linhui_echo_taken_down();

CALL linhui_protect('feedback_categories', '*');
CALL linhui_protect('sla_rules', '*');
CALL linhui_protect('feedback_counters');
REVOKE INSERT, UPDATE ON feedback_counters FROM linhui_writer;
CALL linhui_protect('feedbacks');
CALL linhui_protect('feedback_updates');
REVOKE UPDATE ON feedback_updates FROM linhui_writer;
CALL linhui_protect('escalations');
REVOKE UPDATE ON escalations FROM linhui_writer;
CALL linhui_protect('echo_wall_posts', 'owner, id, feedback_id, title_zh, outcome_zh, status, published_at, learned_from_owner, '
  'learned_from_id, provenance, version, created_at, updated_at', $$status = 'PUBLISHED'$$);
CALL linhui_feeds_hot('echo_wall_posts', 'ECHO_WALL_LATEST');

-- +goose StatementBegin
CREATE PROCEDURE linhui_recount() LANGUAGE plpgsql AS $$
BEGIN
  UPDATE courses c SET confirmed_count = n.seats, enrolment_count = n.live
  FROM (SELECT c.owner, c.id, coalesce(sum(linhui_seat_taken(e.status)), 0) AS seats, coalesce(sum(linhui_enrolment_live(e.status)), 0) AS live
        FROM courses c LEFT JOIN enrolments e ON e.owner = c.owner AND e.course_id = c.id GROUP BY c.owner, c.id) n
  WHERE c.owner = n.owner AND c.id = n.id AND (c.confirmed_count, c.enrolment_count) IS DISTINCT FROM (n.seats, n.live);

  UPDATE volunteer_teams t SET member_count = n.members
  FROM (SELECT owner, team_id, count(*) FILTER (WHERE until IS NULL) AS members FROM team_memberships GROUP BY owner, team_id) n
  WHERE t.owner = n.owner AND t.id = n.team_id AND t.member_count IS DISTINCT FROM n.members;

  INSERT INTO feedback_counters (owner, book_year, last_no)
  SELECT owner, book_year, max(book_no) FROM feedbacks GROUP BY owner, book_year
  ON CONFLICT (owner, book_year) DO UPDATE SET last_no = excluded.last_no;

  INSERT INTO hot_versions AS h (owner, list, version)
  SELECT owner, list, 1 FROM owners, unnest(ARRAY['TODAY_EVENTS', 'OPEN_STATIONS_NOW', 'ECHO_WALL_LATEST']) AS list
  ON CONFLICT (owner, list) DO UPDATE SET version = h.version + 1;
END $$;
COMMENT ON PROCEDURE linhui_recount IS 'Everything that triggers count, counted again: after a bulk load that went round them.';
-- +goose StatementEnd

-- +goose Down
DROP PROCEDURE linhui_recount();
DROP VIEW feedback_omitted;
DROP TRIGGER echo_taken_down ON feedbacks;
DROP FUNCTION linhui_answered(feedbacks);
DROP TABLE echo_wall_posts, escalations, feedback_updates, feedbacks, feedback_counters, sla_rules, feedback_categories;
DROP FUNCTION linhui_echo_taken_down(), linhui_echo_answered(), linhui_feedback_root(), linhui_feedback_kept(), linhui_feedback_number();
