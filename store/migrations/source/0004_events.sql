-- +goose Up
-- Events of a community or, under a division code as owner, of a district; their series and campaigns.

CREATE TABLE event_series (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text,
  format text, -- 才艺比拼
  recurrence jsonb,
  edition_count jsonb,
  festival text, -- dated by festival_days of the directory
  announced_on date,
  station_id uuid,
  room_id uuid,
  programme_id uuid, -- references programmes, from 0005 on
  team_id uuid, -- references volunteer_teams, from 0006 on
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms
);
CREATE INDEX event_series_name ON event_series (owner, name_zh, id);

CREATE TABLE campaigns (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  year int,
  forms text[] NOT NULL DEFAULT '{}',
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id)
);
CREATE INDEX campaigns_name ON campaigns (owner, name_zh, id);

-- community is a slug that may live in another source: no key.
CREATE TABLE campaign_communities (
  owner text COLLATE "C" NOT NULL,
  campaign_id uuid NOT NULL,
  community text COLLATE "C" NOT NULL,
  PRIMARY KEY (owner, campaign_id, community),
  FOREIGN KEY (owner, campaign_id) REFERENCES campaigns
);

CREATE TABLE events (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  series_id uuid,
  edition int CHECK (edition > 0),
  campaign_id uuid, -- of the same owner
  campaign_owner text COLLATE "C", -- with district_campaign_id: a campaign of the district, perhaps in another source, so no key
  district_campaign_id uuid,
  station_id uuid,
  room_id uuid,
  course_id uuid, -- references courses, from 0005 on
  team_id uuid, -- references volunteer_teams, from 0006 on
  theme text,
  scope text NOT NULL DEFAULT 'COMMUNITY', -- division level
  kind text NOT NULL,
  status text NOT NULL DEFAULT 'PUBLISHED'
    CHECK (status IN ('DRAFT', 'PUBLISHED', 'OPEN', 'FULL', 'ONGOING', 'ENDED', 'CANCELLED', 'POSTPONED')),
  starts_at timestamptz, -- NULL when only a part of the date was published
  ends_at timestamptz, -- excluded; NULL with a start: unknown, so the event counts on its first day
  over_at timestamptz GENERATED ALWAYS AS (coalesce(ends_at, starts_at)) STORED,
  all_day boolean NOT NULL DEFAULT false,
  held_on jsonb, -- a date as published {year, month, day, part}, where the year is not known
  year int,
  organiser text,
  attendance jsonb,
  attendee_groups text[] NOT NULL DEFAULT '{}',
  served_by text[] NOT NULL DEFAULT '{}', -- community slugs
  capacity int CHECK (capacity > 0),
  registered_count int NOT NULL DEFAULT 0 CHECK (registered_count >= 0),
  audiences text[] NOT NULL DEFAULT '{}',
  activities_reported jsonb,
  announces_series_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, series_id) REFERENCES event_series,
  FOREIGN KEY (owner, announces_series_id) REFERENCES event_series,
  FOREIGN KEY (owner, campaign_id) REFERENCES campaigns,
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, room_id) REFERENCES rooms,
  UNIQUE (owner, series_id, edition),
  CONSTRAINT event_ends_after_start CHECK (ends_at >= starts_at),
  CONSTRAINT event_end_needs_start CHECK (ends_at IS NULL OR starts_at IS NOT NULL),
  CONSTRAINT event_capacity_never_exceeded CHECK (registered_count <= capacity),
  CONSTRAINT district_campaign_is_whole CHECK ((campaign_owner IS NULL) = (district_campaign_id IS NULL))
);
CREATE INDEX events_start ON events (owner, starts_at, ends_at, id);
-- Today: few events are over after it began. A column, since an expression would not reach the index from under the
-- policy of the public: coalesce is not leakproof.
CREATE INDEX events_over ON events (owner, over_at, starts_at);
CREATE INDEX events_name ON events (owner, name_zh, id);
CREATE INDEX events_campaign ON events (owner, campaign_id) WHERE campaign_id IS NOT NULL;
CREATE INDEX events_district_campaign ON events (district_campaign_id) WHERE district_campaign_id IS NOT NULL;

CREATE TABLE event_parts (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal > 0),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events,
  UNIQUE (owner, event_id, ordinal)
);

CREATE TABLE event_activities (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  part_id uuid,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  topics text[] NOT NULL DEFAULT '{}',
  materials text,
  capacity int CHECK (capacity > 0),
  guardian_required boolean NOT NULL DEFAULT false,
  safety_notes text,
  run_by text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events,
  FOREIGN KEY (owner, part_id) REFERENCES event_parts
);
CREATE INDEX event_activities_event ON event_activities (owner, event_id, name_zh, id);

-- A performer is a team: a minor has no public name anywhere, so there is no column for one.
CREATE TABLE programme_items (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal > 0),
  title_zh text NOT NULL,
  title_en text,
  kind text NOT NULL,
  performer_team_id uuid, -- references volunteer_teams, from 0006 on
  programme_id uuid, -- references programmes, from 0005 on
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events,
  UNIQUE (owner, event_id, ordinal)
);

CREATE TABLE stalls (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text NOT NULL,
  price numeric(10,2) NOT NULL DEFAULT 0 CHECK (price >= 0), -- CNY
  free boolean NOT NULL GENERATED ALWAYS AS (price = 0) STORED,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events
);
CREATE INDEX stalls_event ON stalls (owner, event_id, name_zh, id);

CREATE TABLE contest_entries (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  event_id uuid NOT NULL,
  title_zh text COLLATE "C" NOT NULL,
  team_id uuid, -- references volunteer_teams, from 0006 on
  rank int CHECK (rank > 0), -- ties share one
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, event_id) REFERENCES events
);
CREATE INDEX contest_entries_event ON contest_entries (owner, event_id, rank, id);

ALTER TABLE brands ADD CONSTRAINT brands_event_fkey FOREIGN KEY (owner, launched_by_event_id) REFERENCES events;
ALTER TABLE offerings ADD CONSTRAINT offerings_event_fkey FOREIGN KEY (owner, event_id) REFERENCES events;
ALTER TABLE service_windows ADD CONSTRAINT service_windows_event_fkey FOREIGN KEY (owner, event_id) REFERENCES events;
CREATE INDEX service_windows_event ON service_windows (owner, event_id) WHERE event_id IS NOT NULL;

CALL linhui_protect('event_series', '*');
CALL linhui_protect('campaigns', '*');
CALL linhui_protect('campaign_communities', '*');
CALL linhui_protect('events', '*', $$status <> 'DRAFT'$$);
CALL linhui_protect('event_parts', '*');
CALL linhui_protect('event_activities', '*');
CALL linhui_protect('programme_items', '*');
CALL linhui_protect('stalls', '*');
CALL linhui_protect('contest_entries', '*');
CALL linhui_feeds_hot('event_series', 'TODAY_EVENTS');
CALL linhui_feeds_hot('events', 'TODAY_EVENTS');

-- +goose Down
ALTER TABLE service_windows DROP CONSTRAINT service_windows_event_fkey;
DROP INDEX service_windows_event;
ALTER TABLE offerings DROP CONSTRAINT offerings_event_fkey;
ALTER TABLE brands DROP CONSTRAINT brands_event_fkey;
DROP TABLE contest_entries, stalls, programme_items, event_activities, event_parts, events, campaign_communities, campaigns,
  event_series;
