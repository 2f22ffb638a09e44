-- +goose Up
-- Channels that ask before they speak to everybody (上级批准), and what is published on them: series with numbered issues,
-- productions, announcements, live sessions.

ALTER TABLE channels ADD needs_approval boolean NOT NULL DEFAULT false; -- since somebody studied whether to open it; kept by trigger, as approved is
GRANT SELECT (needs_approval) ON channels TO linhui_public;

CREATE TABLE channel_approvals (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  channel_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'STUDIED' CHECK (status IN ('STUDIED', 'SUBMITTED', 'APPROVED', 'REFUSED', 'SUSPENDED')),
  studied_by_org_id uuid,
  submitted_to_org_id uuid,
  decided_on date, -- NULL also where a report states no day
  reason text, -- P1; of a refusal or suspension
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, channel_id) REFERENCES channels,
  FOREIGN KEY (owner, studied_by_org_id) REFERENCES organizations,
  FOREIGN KEY (owner, submitted_to_org_id) REFERENCES organizations,
  CONSTRAINT submitted_to_somebody CHECK ((status = 'STUDIED') = (submitted_to_org_id IS NULL)),
  CONSTRAINT held_back_says_why CHECK ((status IN ('REFUSED', 'SUSPENDED')) = (btrim(coalesce(reason, '')) <> ''))
);
CREATE UNIQUE INDEX channel_approvals_one_live ON channel_approvals (owner, channel_id) WHERE status <> 'REFUSED';
CREATE INDEX channel_approvals_channel ON channel_approvals (owner, channel_id, id);

CREATE TABLE live_sessions (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  channel_id uuid NOT NULL,
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  status text NOT NULL DEFAULT 'SCHEDULED' CHECK (status IN ('SCHEDULED', 'CANCELLED')),
  cancelled_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, channel_id) REFERENCES channels,
  CONSTRAINT live_for_a_while CHECK (ends_at > starts_at),
  CONSTRAINT cancelled_says_why CHECK ((status = 'CANCELLED') = (btrim(coalesce(cancelled_for, '')) <> '')),
  CONSTRAINT one_at_a_time EXCLUDE USING gist (owner WITH =, channel_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status = 'SCHEDULED')
);
CREATE INDEX live_sessions_start ON live_sessions (owner, starts_at, id);
CREATE INDEX live_sessions_channel ON live_sessions (owner, channel_id, starts_at, id);

CREATE TABLE announcements (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  body_zh text,
  topic text, -- 便民政策
  status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'PUBLISHED', 'WITHDRAWN')),
  published_at timestamptz,
  withdrawn_for text, -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT published_has_a_time CHECK (status <> 'PUBLISHED' OR published_at IS NOT NULL),
  CONSTRAINT withdrawn_says_why CHECK ((status = 'WITHDRAWN') = (btrim(coalesce(withdrawn_for, '')) <> ''))
);
CREATE INDEX announcements_published ON announcements (owner, published_at DESC, id);

CREATE TABLE announcement_channels (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  announcement_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  PRIMARY KEY (owner, id),
  UNIQUE (owner, announcement_id, channel_id),
  FOREIGN KEY (owner, announcement_id) REFERENCES announcements,
  FOREIGN KEY (owner, channel_id) REFERENCES channels
);
CREATE INDEX announcement_channels_channel ON announcement_channels (owner, channel_id, announcement_id);

CREATE TABLE media_series (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  kind text COLLATE "C" NOT NULL,
  brand_id uuid,
  contributor_team_id uuid,
  recurrence jsonb, -- when an issue is due
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, brand_id) REFERENCES brands,
  FOREIGN KEY (owner, contributor_team_id) REFERENCES volunteer_teams
);
CREATE UNIQUE INDEX media_series_one_of_a_name ON media_series (owner, name_zh);
CREATE INDEX media_series_name ON media_series (owner, name_zh, id);
CREATE INDEX media_series_team ON media_series (owner, contributor_team_id) WHERE contributor_team_id IS NOT NULL;

CREATE TABLE media_series_channels (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  series_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  PRIMARY KEY (owner, id),
  UNIQUE (owner, series_id, channel_id),
  FOREIGN KEY (owner, series_id) REFERENCES media_series,
  FOREIGN KEY (owner, channel_id) REFERENCES channels
);
CREATE INDEX media_series_channels_channel ON media_series_channels (owner, channel_id, series_id);

CREATE TABLE media_columns (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  series_id uuid NOT NULL,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, series_id, id),
  UNIQUE (owner, series_id, name_zh),
  FOREIGN KEY (owner, series_id) REFERENCES media_series
);
CREATE INDEX media_columns_name ON media_columns (owner, name_zh, id);

CREATE TABLE media_issues (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  series_id uuid NOT NULL,
  issue_no int NOT NULL CHECK (issue_no > 0),
  title_zh text,
  summary_zh text,
  media_url text CHECK (media_url ~ '^https://'),
  status text NOT NULL DEFAULT 'DRAFT' CHECK (status IN ('DRAFT', 'RECORDED', 'REVIEWED', 'PUBLISHED', 'WITHDRAWN')),
  due_on date,
  authored_by text NOT NULL,
  recorded_at timestamptz,
  reviewed_by text,
  reviewed_at timestamptz,
  published_at timestamptz,
  published_on jsonb, -- a date as published {year, month, day, part}, where the year is not known
  withdrawn_for text, -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, series_id, id),
  UNIQUE (owner, series_id, issue_no),
  FOREIGN KEY (owner, series_id) REFERENCES media_series,
  CONSTRAINT recorded_has_a_time CHECK (status NOT IN ('RECORDED', 'REVIEWED') OR recorded_at IS NOT NULL),
  CONSTRAINT reviewed_by_another CHECK (status NOT IN ('REVIEWED', 'PUBLISHED')
    OR (reviewed_by IS NOT NULL AND reviewed_at IS NOT NULL AND reviewed_by <> authored_by)),
  CONSTRAINT published_has_a_time CHECK (status <> 'PUBLISHED' OR published_at IS NOT NULL OR published_on IS NOT NULL),
  CONSTRAINT withdrawn_says_why CHECK ((status = 'WITHDRAWN') = (btrim(coalesce(withdrawn_for, '')) <> ''))
);
CREATE INDEX media_issues_published ON media_issues (owner, published_at DESC, id);
CREATE INDEX media_issues_number ON media_issues (owner, issue_no, id);
CREATE INDEX media_issues_series ON media_issues (owner, series_id, published_at DESC, id);

CREATE TABLE media_segments (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  series_id uuid NOT NULL, -- that of issue and column
  issue_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal > 0),
  column_id uuid,
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  contributor_team_id uuid,
  contributor_id uuid, -- P2
  status text NOT NULL DEFAULT 'NOT_NEEDED' CHECK (status IN ('NOT_NEEDED', 'AWAITED', 'ON_FILE', 'REVOKED')), -- P1; of the contributors' release
  released_on date, -- P1
  released_by text CHECK (released_by IN ('CONTRIBUTOR', 'GUARDIAN')), -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, issue_id, ordinal),
  FOREIGN KEY (owner, series_id, issue_id) REFERENCES media_issues (owner, series_id, id),
  FOREIGN KEY (owner, series_id, column_id) REFERENCES media_columns (owner, series_id, id),
  FOREIGN KEY (owner, contributor_team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, contributor_id) REFERENCES residents,
  CONSTRAINT whoever_contributes_releases CHECK ((status = 'NOT_NEEDED') = (contributor_id IS NULL AND contributor_team_id IS NULL)),
  CONSTRAINT on_file_says_who_and_when CHECK ((status = 'ON_FILE') = (released_on IS NOT NULL AND released_by IS NOT NULL))
);
CREATE INDEX media_segments_column ON media_segments (owner, column_id) WHERE column_id IS NOT NULL;

CREATE TABLE productions (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  team_id uuid NOT NULL,
  channel_id uuid,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  title_zh text, -- NULL where a report does not name it
  released_on date,
  released_within text, -- ISO 8601, since the team was founded: P7D
  playwrights int CHECK (playwrights >= 0),
  media_url text CHECK (media_url ~ '^https://'),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  FOREIGN KEY (owner, channel_id) REFERENCES channels
);
CREATE INDEX productions_released ON productions (owner, released_on DESC, id);
CREATE INDEX productions_team ON productions (owner, team_id, id);

ALTER TABLE reported_statistics ADD media_series_id uuid, ADD FOREIGN KEY (owner, media_series_id) REFERENCES media_series;
GRANT SELECT (media_series_id) ON reported_statistics TO linhui_public;

-- I24. A channel that needs an approval publishes only while it stands. The row of the channel is locked by whoever
-- publishes and by whoever decides, so that neither overtakes the other.
-- +goose StatementBegin
CREATE FUNCTION linhui_publishes(of_owner text, channel uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE barred boolean;
BEGIN
  SELECT needs_approval AND NOT approved OR retired_at IS NOT NULL INTO barred FROM channels WHERE owner = of_owner AND id = channel FOR SHARE;
  IF barred THEN
    RAISE EXCEPTION 'the approval of the channel does not stand' USING ERRCODE = '23514', CONSTRAINT = 'channel_publishes_with_approval';
  END IF;
END $$;

CREATE FUNCTION linhui_channel_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE channels SET needs_approval = true, approved = NEW.status = 'APPROVED', studied_by_org_id = NEW.studied_by_org_id,
    approved_on = CASE WHEN NEW.status = 'APPROVED' THEN NEW.decided_on END,
    approved_by_org_id = CASE WHEN NEW.status = 'APPROVED' THEN NEW.submitted_to_org_id END
  WHERE owner = NEW.owner AND id = NEW.channel_id;
  IF NEW.status <> 'APPROVED' THEN
    UPDATE live_sessions SET status = 'CANCELLED', cancelled_for = 'the approval of the channel does not stand', version = version + 1, updated_at = now()
    WHERE owner = NEW.owner AND channel_id = NEW.channel_id AND status = 'SCHEDULED' AND starts_at > now();
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_live_on_air() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linhui_publishes(NEW.owner, NEW.channel_id);
  IF NOT (SELECT livestream FROM channels WHERE owner = NEW.owner AND id = NEW.channel_id) THEN
    RAISE EXCEPTION 'the channel has no live stream' USING ERRCODE = '23514', CONSTRAINT = 'channel_goes_live';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_production_shown() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linhui_publishes(NEW.owner, NEW.channel_id);
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_announced() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linhui_publishes(owner, channel_id) FROM announcement_channels WHERE owner = NEW.owner AND announcement_id = NEW.id;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_announced_on() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT status = 'PUBLISHED' FROM announcements WHERE owner = NEW.owner AND id = NEW.announcement_id FOR SHARE) THEN
    PERFORM linhui_publishes(NEW.owner, NEW.channel_id);
  END IF;
  RETURN NULL;
END $$;

-- An issue is published with the release of everybody who is heard in it on file, and taken back when one is revoked.
CREATE FUNCTION linhui_issue_published() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM media_segments WHERE owner = NEW.owner AND issue_id = NEW.id AND status IN ('AWAITED', 'REVOKED')) THEN
    RAISE EXCEPTION 'a contributor has not released a segment' USING ERRCODE = '23514', CONSTRAINT = 'release_on_file';
  END IF;
  PERFORM linhui_publishes(owner, channel_id) FROM media_series_channels WHERE owner = NEW.owner AND series_id = NEW.series_id;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_segment_released() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE stands text;
BEGIN
  SELECT status INTO stands FROM media_issues WHERE owner = NEW.owner AND id = NEW.issue_id FOR NO KEY UPDATE;
  IF stands <> 'PUBLISHED' THEN
    RETURN NULL;
  ELSIF NEW.status <> 'REVOKED' THEN
    RAISE EXCEPTION 'a contributor has not released a segment' USING ERRCODE = '23514', CONSTRAINT = 'release_on_file';
  END IF;
  UPDATE media_issues SET status = 'WITHDRAWN', withdrawn_for = 'a contributor revoked the release', version = version + 1, updated_at = now()
  WHERE owner = NEW.owner AND id = NEW.issue_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER decided AFTER INSERT OR UPDATE ON channel_approvals FOR EACH ROW EXECUTE FUNCTION linhui_channel_decided();
CREATE TRIGGER on_air AFTER INSERT OR UPDATE OF channel_id, starts_at, ends_at ON live_sessions FOR EACH ROW WHEN (NEW.status = 'SCHEDULED') EXECUTE FUNCTION linhui_live_on_air();
CREATE TRIGGER shown AFTER INSERT OR UPDATE OF channel_id ON productions FOR EACH ROW WHEN (NEW.channel_id IS NOT NULL) EXECUTE FUNCTION linhui_production_shown();
CREATE TRIGGER announced AFTER INSERT OR UPDATE OF status ON announcements FOR EACH ROW WHEN (NEW.status = 'PUBLISHED') EXECUTE FUNCTION linhui_announced();
CREATE TRIGGER announced_on AFTER INSERT OR UPDATE ON announcement_channels FOR EACH ROW EXECUTE FUNCTION linhui_announced_on();
CREATE TRIGGER published AFTER INSERT OR UPDATE OF status ON media_issues FOR EACH ROW WHEN (NEW.status = 'PUBLISHED') EXECUTE FUNCTION linhui_issue_published();
CREATE TRIGGER released AFTER INSERT OR UPDATE ON media_segments FOR EACH ROW WHEN (NEW.status IN ('AWAITED', 'REVOKED')) EXECUTE FUNCTION linhui_segment_released();

-- What the channels' own columns said so far.
INSERT INTO channel_approvals (owner, id, channel_id, status, studied_by_org_id, submitted_to_org_id, decided_on, provenance)
  SELECT owner, id, id, 'APPROVED', studied_by_org_id, approved_by_org_id, approved_on, provenance FROM channels WHERE approved AND approved_by_org_id IS NOT NULL;

CALL linhui_protect('channel_approvals', 'owner, id, channel_id, status, studied_by_org_id, submitted_to_org_id, decided_on, provenance, version, created_at, updated_at');
CALL linhui_protect('live_sessions', '*');
CALL linhui_protect('announcements', 'owner, id, title_zh, body_zh, topic, status, published_at, provenance, version, created_at, updated_at', $$status = 'PUBLISHED'$$);
CALL linhui_protect('announcement_channels', '*');
CALL linhui_protect('media_series', '*');
CALL linhui_protect('media_series_channels', '*');
CALL linhui_protect('media_columns', '*');
CALL linhui_protect('media_issues', 'owner, id, series_id, issue_no, title_zh, summary_zh, media_url, status, due_on, recorded_at, published_at, published_on, '
  'provenance, version, created_at, updated_at', $$status = 'PUBLISHED'$$);
CALL linhui_protect('media_segments', 'owner, id, series_id, issue_id, ordinal, column_id, title_zh, contributor_team_id, contributor_id, provenance, version, created_at, updated_at',
  $$EXISTS (SELECT FROM media_issues i WHERE i.owner = media_segments.owner AND i.id = media_segments.issue_id AND i.status = 'PUBLISHED')$$);
CALL linhui_protect('productions', '*');
CALL linhui_feeds_hot('media_issues', 'LATEST_MEDIA_ISSUE');

-- Which hot lists there are is what their triggers say: a domain that adds one adds it to no list of lists.
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE regexp_replace(pg_get_functiondef('linhui_recount()'::regprocedure), 'unnest\(ARRAY\[''TODAY_EVENTS''[^]]*\]\) AS list',
    '(SELECT DISTINCT convert_from(rtrim(tgargs, ''\\000''::bytea), ''UTF8'') FROM pg_trigger WHERE tgfoid = ''linhui_bump_hot''::regproc) fed(list)');
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE regexp_replace(pg_get_functiondef('linhui_recount()'::regprocedure), '\(SELECT DISTINCT convert_from.*\) fed\(list\)',
    'unnest(ARRAY[''TODAY_EVENTS'', ''OPEN_STATIONS_NOW'', ''ECHO_WALL_LATEST'']) AS list');
END $$;
-- +goose StatementEnd
ALTER TABLE reported_statistics DROP media_series_id;
DROP TABLE productions, media_segments, media_issues, media_columns, media_series_channels, media_series, announcement_channels, announcements, live_sessions, channel_approvals;
DROP FUNCTION linhui_segment_released(), linhui_issue_published(), linhui_announced_on(), linhui_announced(), linhui_production_shown(), linhui_live_on_air(),
  linhui_channel_decided(), linhui_publishes(text, uuid);
ALTER TABLE channels DROP needs_approval;
