-- +goose Up
-- Visiting drives, visits to homes and shops (入户走访), and surveys (问卷) that keep no answer of anybody's.

CREATE TABLE opinion_drives (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  targets text[] NOT NULL DEFAULT '{}', -- 沿街商铺, 居民家中
  aims text[] NOT NULL DEFAULT '{}', -- 问计问需
  by_org_id uuid,
  starts_on date,
  ends_on date,
  status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'CLOSED')),
  outcome text,
  followed_by text,
  led_to_programme_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, by_org_id) REFERENCES organizations,
  FOREIGN KEY (owner, led_to_programme_id) REFERENCES programmes,
  CONSTRAINT ends_after_it_starts CHECK (ends_on >= starts_on),
  CONSTRAINT closed_says_what_came_of_it CHECK (status <> 'CLOSED' OR btrim(coalesce(outcome, '')) <> '')
);
CREATE INDEX opinion_drives_name ON opinion_drives (owner, name_zh, id);

CREATE TABLE home_visits (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  drive_id uuid,
  target text NOT NULL CHECK (target IN ('HOUSEHOLD', 'SHOP')),
  visited_on date NOT NULL,
  estate_id uuid,
  resident_id uuid, -- P2
  shop_name text, -- P2
  topic text COLLATE "C",
  need_zh text, -- what they asked for, in a few words that name nobody
  findings text, -- P2
  status text NOT NULL DEFAULT 'RECORDED' CHECK (status IN ('RECORDED', 'FOLLOWED_UP')),
  feedback_id uuid,
  follow_up text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, drive_id) REFERENCES opinion_drives,
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  FOREIGN KEY (owner, feedback_id) REFERENCES feedbacks,
  CONSTRAINT a_home_or_a_shop CHECK (CASE target WHEN 'HOUSEHOLD' THEN shop_name IS NULL ELSE resident_id IS NULL END),
  CONSTRAINT followed_up_says_how CHECK ((status = 'FOLLOWED_UP') = (feedback_id IS NOT NULL OR btrim(coalesce(follow_up, '')) <> ''))
);
COMMENT ON TABLE home_visits IS 'To be erased 90 days after the visit; what was asked for lives on in the feedback.';
CREATE INDEX home_visits_day ON home_visits (owner, visited_on DESC, id);
CREATE INDEX home_visits_drive ON home_visits (owner, drive_id, visited_on DESC, id) WHERE drive_id IS NOT NULL;
CREATE INDEX home_visits_resident ON home_visits (owner, resident_id, visited_on DESC, id) WHERE resident_id IS NOT NULL;

CREATE TABLE surveys (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  drive_id uuid,
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  intro_zh text,
  opens_on date NOT NULL,
  closes_on date NOT NULL,
  status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'OPEN', 'CLOSED')),
  min_group_size int NOT NULL DEFAULT 10 CHECK (min_group_size >= 10), -- results are public: model.md §11
  response_count int NOT NULL DEFAULT 0 CHECK (response_count >= 0), -- kept by trigger
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, drive_id) REFERENCES opinion_drives,
  CONSTRAINT closes_after_it_opens CHECK (closes_on >= opens_on)
);
CREATE INDEX surveys_opens ON surveys (owner, opens_on DESC, id);
CREATE INDEX surveys_due ON surveys (owner, closes_on) WHERE status = 'OPEN';
CREATE INDEX surveys_drive ON surveys (owner, drive_id) WHERE drive_id IS NOT NULL;

CREATE TABLE survey_questions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  survey_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal BETWEEN 1 AND 30),
  text_zh text NOT NULL CHECK (btrim(text_zh) <> ''),
  kind text NOT NULL CHECK (kind IN ('SINGLE', 'MULTIPLE', 'TEXT')),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, survey_id, ordinal),
  UNIQUE (owner, survey_id, id),
  FOREIGN KEY (owner, survey_id) REFERENCES surveys
);

-- How often an option was chosen is all that is kept of choices: there is no row of an answer that could be anybody's.
CREATE TABLE survey_options (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  question_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal BETWEEN 1 AND 20),
  label_zh text NOT NULL CHECK (btrim(label_zh) <> ''),
  chosen int NOT NULL DEFAULT 0 CHECK (chosen >= 0), -- read through survey_results alone
  PRIMARY KEY (owner, id),
  UNIQUE (owner, question_id, ordinal),
  FOREIGN KEY (owner, question_id) REFERENCES survey_questions
);

-- Free texts, each alone: without a time, and with ids that do not rise, so that those of one answer do not stand together.
CREATE TABLE survey_texts (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  survey_id uuid NOT NULL,
  question_id uuid NOT NULL,
  text text NOT NULL CHECK (btrim(text) <> ''), -- P2
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, survey_id, question_id) REFERENCES survey_questions (owner, survey_id, id)
);
CREATE INDEX survey_texts_question ON survey_texts (owner, question_id, id);

-- Who answered, never what: so that nobody answers twice.
CREATE TABLE survey_participants (
  owner text COLLATE "C" NOT NULL,
  survey_id uuid NOT NULL,
  resident_id uuid NOT NULL, -- P2
  PRIMARY KEY (owner, survey_id, resident_id),
  FOREIGN KEY (owner, survey_id) REFERENCES surveys,
  FOREIGN KEY (owner, resident_id) REFERENCES residents
);

-- +goose StatementBegin
CREATE FUNCTION linhui_survey_answered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE surveys SET response_count = response_count + 1 WHERE owner = NEW.owner AND id = NEW.survey_id AND status = 'OPEN';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the survey is not open' USING ERRCODE = '23514', CONSTRAINT = 'survey_is_open';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER answered AFTER INSERT ON survey_participants FOR EACH ROW EXECUTE FUNCTION linhui_survey_answered();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON survey_participants FOR EACH ROW EXECUTE FUNCTION linhui_append_only();
-- What was asked never changes.
CREATE TRIGGER kept BEFORE UPDATE ON survey_questions FOR EACH ROW EXECUTE FUNCTION linhui_append_only();
CREATE TRIGGER kept BEFORE UPDATE OF question_id, ordinal, label_zh ON survey_options FOR EACH ROW EXECUTE FUNCTION linhui_append_only();

-- Results stand when a survey is closed, and then for good: no two readings tell what came between. A count below the group size
-- is not told, nor the next larger ones until so many people share what is kept back that none of it can be worked out; of a
-- question with several choices, neither is how few did not choose. The view reads as its owner, past the policies of options.
CREATE VIEW survey_results AS
  SELECT owner, id, survey_id, ordinal, question_zh, answer_zh, CASE WHEN NOT hidden THEN chosen END AS count, hidden AS suppressed FROM (
    SELECT *, chosen < k OR least < k AND (n <= 2 OR below < k) OR kind = 'MULTIPLE' AND response_count - chosen < k AS hidden FROM (
      SELECT o.owner, o.id, q.survey_id, q.ordinal * 100 + o.ordinal AS ordinal, q.text_zh AS question_zh, o.label_zh AS answer_zh, o.chosen, q.kind,
        s.min_group_size AS k, s.response_count, row_number() OVER w AS n, min(o.chosen) OVER (PARTITION BY o.owner, o.question_id) AS least,
        coalesce(sum(o.chosen) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS below
      FROM surveys s JOIN survey_questions q ON q.owner = s.owner AND q.survey_id = s.id JOIN survey_options o ON o.owner = q.owner AND o.question_id = q.id
      WHERE s.status = 'CLOSED' WINDOW w AS (PARTITION BY o.owner, o.question_id ORDER BY o.chosen, o.id)) c) r;
GRANT SELECT (owner, id, survey_id, ordinal, question_zh, answer_zh, count, suppressed) ON survey_results TO linhui_public, linhui_scoped, linhui_writer;

CALL linhui_protect('opinion_drives', '*');
CALL linhui_protect('home_visits');
CALL linhui_protect('surveys', '*', $$status <> 'DRAFT'$$);
CALL linhui_protect('survey_questions', '*', $$EXISTS (SELECT FROM surveys s WHERE s.owner = survey_questions.owner AND s.id = survey_questions.survey_id AND s.status <> 'DRAFT')$$);
CALL linhui_protect('survey_options', 'owner, id, question_id, ordinal, label_zh',
  $$EXISTS (SELECT FROM survey_questions q WHERE q.owner = survey_options.owner AND q.id = survey_options.question_id)$$);
REVOKE SELECT ON survey_options FROM linhui_scoped;
GRANT SELECT (owner, id, question_id, ordinal, label_zh) ON survey_options TO linhui_scoped;
CALL linhui_protect('survey_texts');
CALL linhui_protect('survey_participants');
REVOKE SELECT ON survey_participants FROM linhui_scoped;

-- +goose Down
DROP VIEW survey_results;
DROP TABLE survey_participants, survey_texts, survey_options, survey_questions, surveys, home_visits, opinion_drives;
DROP FUNCTION linhui_survey_answered();
