-- +goose Up
-- What communities promise to do better (改进承诺), and what came of it.

CREATE TABLE improvement_plans (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  horizon text, -- 新的一年
  goals text[] NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'PROPOSED' CHECK (status IN ('PROPOSED', 'ACCEPTED', 'DONE', 'DROPPED')),
  station_id uuid,
  after_window_id uuid, -- the trial that it follows
  due_on date,
  accepted_at timestamptz, -- NULL also where a report states the promise and not its day
  public boolean NOT NULL GENERATED ALWAYS AS (status IN ('ACCEPTED', 'DONE') OR accepted_at IS NOT NULL) STORED, -- promised, and so everybody's to see
  finished_at timestamptz,
  outcome text,
  dropped_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, after_window_id) REFERENCES service_windows,
  CONSTRAINT proposed_is_no_promise CHECK (status <> 'PROPOSED' OR accepted_at IS NULL),
  CONSTRAINT finished_when_it_says_so CHECK ((status IN ('DONE', 'DROPPED')) = (finished_at IS NOT NULL)),
  CONSTRAINT done_says_what CHECK ((status = 'DONE') = (btrim(coalesce(outcome, '')) <> '')),
  CONSTRAINT dropped_says_why CHECK ((status = 'DROPPED') = (btrim(coalesce(dropped_for, '')) <> ''))
);
CREATE INDEX improvement_plans_name ON improvement_plans (owner, name_zh, id);
CREATE INDEX improvement_plans_due ON improvement_plans (owner, due_on, id);
CREATE INDEX improvement_plans_window ON improvement_plans (owner, after_window_id) WHERE after_window_id IS NOT NULL;
CREATE INDEX improvement_plans_station ON improvement_plans (owner, station_id) WHERE station_id IS NOT NULL;

CALL linhui_protect('improvement_plans', '*', 'public');

-- +goose Down
DROP TABLE improvement_plans;
