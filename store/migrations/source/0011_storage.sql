-- +goose Up
-- Things are left at a station and collected with a code (物品寄存). Nobody is named.

-- Unclaimed is no status: it is collect_by, as seen at the time of asking.
CREATE TABLE stored_items (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  station_id uuid NOT NULL,
  shelf text COLLATE "C" CHECK (btrim(shelf) <> ''),
  description text,
  status text NOT NULL DEFAULT 'DEPOSITED' CHECK (status IN ('DEPOSITED', 'COLLECTED', 'HANDED_OVER', 'REFUSED')),
  claim_code_hash bytea, -- of the code and the id; the code is shown once and kept nowhere
  wrong_codes int NOT NULL DEFAULT 0 CHECK (wrong_codes BETWEEN 0 AND 5),
  deposited_at timestamptz NOT NULL DEFAULT now(),
  collect_by timestamptz NOT NULL,
  collected_at timestamptz,
  release_note text, -- P1
  handed_over_at timestamptz,
  handed_to text,
  refused_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  CONSTRAINT collected_when_it_says_so CHECK ((status = 'COLLECTED') = (collected_at IS NOT NULL)),
  CONSTRAINT handed_over_to_somebody CHECK ((status = 'HANDED_OVER') = (handed_over_at IS NOT NULL AND btrim(coalesce(handed_to, '')) <> '')),
  CONSTRAINT refused_says_why CHECK ((status = 'REFUSED') = (btrim(coalesce(refused_for, '')) <> '')),
  CONSTRAINT what_is_taken_has_a_place_and_a_code CHECK (status = 'REFUSED' OR shelf IS NOT NULL AND claim_code_hash IS NOT NULL),
  CONSTRAINT collected_after_it_is_left CHECK (collected_at >= deposited_at AND collect_by >= deposited_at)
);
COMMENT ON TABLE stored_items IS 'To be erased 180 days after the thing is gone.';
CREATE UNIQUE INDEX stored_items_one_a_shelf ON stored_items (owner, station_id, shelf) WHERE status = 'DEPOSITED';
CREATE UNIQUE INDEX stored_items_one_claim ON stored_items (owner, station_id, claim_code_hash) WHERE status = 'DEPOSITED'; -- I3
CREATE INDEX stored_items_deposited ON stored_items (owner, deposited_at DESC, id);
CREATE INDEX stored_items_due ON stored_items (owner, collect_by, id);
CREATE INDEX stored_items_station ON stored_items (owner, station_id, deposited_at DESC, id);

CALL linhui_protect('stored_items');

-- +goose Down
DROP TABLE stored_items;
