-- +goose Up
-- What a community does on order (列单, 点单, 审单, 派单, 接单, 评单), the steps before something is built, and the
-- rules that residents adopt for its use (公约).

CREATE TABLE service_menu_items (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  kind text COLLATE "C" NOT NULL,
  available boolean NOT NULL DEFAULT true,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT service_menu_items_one_of_a_name UNIQUE (owner, name_zh),
  CONSTRAINT service_menu_items_kind UNIQUE (owner, id, kind)
);

CREATE TABLE community_rules (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  title_zh text COLLATE "C" NOT NULL CHECK (btrim(title_zh) <> ''),
  recurrence jsonb,
  adopted_on date, -- NULL where a report does not say when
  adopted_by text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id)
);
CREATE INDEX community_rules_adopted ON community_rules (owner, adopted_on DESC, id);

CREATE TABLE service_requests (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  kind text COLLATE "C" NOT NULL,
  title text NOT NULL CHECK (btrim(title) <> ''),
  details text, -- P1
  status text NOT NULL DEFAULT 'SUBMITTED' CHECK (status IN ('SUBMITTED', 'UNDER_REVIEW', 'DECLINED', 'FEASIBILITY', 'APPROVED',
    'DISPATCHED', 'CLAIMED', 'IN_PROGRESS', 'DELIVERED', 'RATED', 'CLOSED', 'CANCELLED', 'REOPENED')),
  menu_item_id uuid,
  building_id uuid,
  channel_id uuid,
  requester_id uuid, -- P2
  requester_post_id uuid,
  co_produced boolean NOT NULL DEFAULT false,
  rule_id uuid,
  team_id uuid, -- from DISPATCHED on: whom it was sent to, NULL is anybody; from CLAIMED on who does it
  ordered_at timestamptz,
  ordered_on_zh text, -- as published, where the year is not known
  approved_at timestamptz,
  claimed_at timestamptz,
  delivered_at timestamptz,
  outcome text,
  rating int CHECK (rating BETWEEN 1 AND 5),
  rated_at timestamptz,
  reopened_count int NOT NULL DEFAULT 0 CHECK (reopened_count >= 0),
  reason text, -- why it was declined or cancelled
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT service_requests_menu_item_fkey FOREIGN KEY (owner, menu_item_id, kind) REFERENCES service_menu_items (owner, id, kind),
  FOREIGN KEY (owner, building_id) REFERENCES buildings,
  FOREIGN KEY (owner, channel_id) REFERENCES channels,
  FOREIGN KEY (owner, requester_id) REFERENCES residents,
  FOREIGN KEY (owner, requester_post_id) REFERENCES staff_posts,
  FOREIGN KEY (owner, rule_id) REFERENCES community_rules,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  CONSTRAINT ordered_some_day CHECK (ordered_at IS NOT NULL OR ordered_on_zh IS NOT NULL),
  CONSTRAINT declined_says_why CHECK (status <> 'DECLINED' OR btrim(coalesce(reason, '')) <> ''),
  CONSTRAINT facility_needs_a_rule CHECK (kind <> 'FACILITY' OR rule_id IS NOT NULL
    OR status IN ('SUBMITTED', 'UNDER_REVIEW', 'DECLINED', 'FEASIBILITY', 'CANCELLED')),
  CONSTRAINT steps_are_of_facilities CHECK (status <> 'FEASIBILITY' OR kind = 'FACILITY'),
  CONSTRAINT claimed_by_a_team CHECK (status NOT IN ('CLAIMED', 'IN_PROGRESS', 'DELIVERED', 'RATED', 'CLOSED', 'REOPENED')
    OR (team_id IS NOT NULL AND claimed_at IS NOT NULL)),
  CONSTRAINT delivered_when_it_says_so CHECK ((status IN ('DELIVERED', 'RATED', 'CLOSED')) = (delivered_at IS NOT NULL)),
  CONSTRAINT rated_by_its_rating CHECK (CASE status WHEN 'RATED' THEN coalesce(rating, 0) > 2 WHEN 'CLOSED' THEN coalesce(rating, 0) > 2
    WHEN 'REOPENED' THEN coalesce(rating, 5) <= 2 ELSE true END AND (rating IS NULL) = (rated_at IS NULL)),
  CONSTRAINT delivered_after_it_is_ordered CHECK (delivered_at >= ordered_at AND claimed_at >= ordered_at AND rated_at >= ordered_at)
);
COMMENT ON TABLE service_requests IS 'Erasure of a person empties details and requester; title and dates stay.';
CREATE INDEX service_requests_ordered ON service_requests (owner, ordered_at DESC, id);
CREATE INDEX service_requests_status ON service_requests (owner, status, ordered_at DESC, id);
CREATE INDEX service_requests_team ON service_requests (owner, team_id, ordered_at DESC, id) WHERE team_id IS NOT NULL;
CREATE INDEX service_requests_requester ON service_requests (owner, requester_id, ordered_at DESC, id) WHERE requester_id IS NOT NULL;
CREATE INDEX service_requests_channel ON service_requests (owner, channel_id, ordered_at DESC, id) WHERE channel_id IS NOT NULL;
CREATE INDEX service_requests_building ON service_requests (owner, building_id, ordered_at DESC, id) WHERE building_id IS NOT NULL;
CREATE INDEX service_requests_menu_item ON service_requests (owner, menu_item_id, ordered_at DESC, id) WHERE menu_item_id IS NOT NULL;
CREATE INDEX service_requests_rule ON service_requests (owner, rule_id) WHERE rule_id IS NOT NULL;
CREATE INDEX service_requests_archive ON service_requests (owner, rated_at) WHERE status = 'RATED';

CREATE TABLE feasibility_steps (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  request_id uuid NOT NULL,
  ordinal int NOT NULL CHECK (ordinal > 0),
  code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z][A-Z0-9_]*$'),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'IN_PROGRESS', 'DONE', 'NOT_NEEDED', 'FAILED')),
  done_at timestamptz, -- NULL also where a report does not say when
  note text, -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, request_id) REFERENCES service_requests,
  CONSTRAINT feasibility_steps_one_of_a_code UNIQUE (owner, request_id, code),
  CONSTRAINT feasibility_steps_one_in_a_place UNIQUE (owner, request_id, ordinal),
  CONSTRAINT done_when_it_says_so CHECK (done_at IS NULL OR state IN ('DONE', 'NOT_NEEDED', 'FAILED'))
);

-- I14, from both sides; the lock makes a step that is added wait for an approval under way.
-- +goose StatementBegin
CREATE FUNCTION linhui_steps_are_settled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE open_steps text;
BEGIN
  SELECT string_agg(code, ', ' ORDER BY ordinal) INTO open_steps FROM feasibility_steps
  WHERE owner = NEW.owner AND request_id = NEW.id AND state NOT IN ('DONE', 'NOT_NEEDED');
  IF open_steps IS NOT NULL THEN
    RAISE EXCEPTION 'steps are open: %', open_steps USING ERRCODE = '23514', CONSTRAINT = 'steps_are_settled';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_step_is_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE now_at text;
BEGIN
  SELECT status INTO now_at FROM service_requests WHERE owner = NEW.owner AND id = NEW.request_id FOR SHARE;
  IF now_at NOT IN ('SUBMITTED', 'UNDER_REVIEW', 'DECLINED', 'FEASIBILITY', 'CANCELLED') THEN
    RAISE EXCEPTION 'the request is % already', now_at USING ERRCODE = '23514', CONSTRAINT = 'steps_are_settled';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER steps_are_settled BEFORE INSERT OR UPDATE OF status ON service_requests FOR EACH ROW
  WHEN (NEW.status NOT IN ('SUBMITTED', 'UNDER_REVIEW', 'DECLINED', 'FEASIBILITY', 'CANCELLED')) EXECUTE FUNCTION linhui_steps_are_settled();
CREATE TRIGGER step_is_in_time BEFORE INSERT OR UPDATE OF state, request_id ON feasibility_steps FOR EACH ROW
  WHEN (NEW.state NOT IN ('DONE', 'NOT_NEEDED')) EXECUTE FUNCTION linhui_step_is_in_time();

CALL linhui_protect('service_menu_items', '*');
CALL linhui_protect('community_rules', '*');
CALL linhui_protect('service_requests');
CALL linhui_protect('feasibility_steps');

-- +goose Down
DROP TABLE feasibility_steps, service_requests, community_rules, service_menu_items;
DROP FUNCTION linhui_step_is_in_time(), linhui_steps_are_settled();
