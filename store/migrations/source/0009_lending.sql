-- +goose Up
-- Things are borrowed, used and given back (随借随用随还).

CREATE TABLE lendable_items (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  asset_tag text COLLATE "C" NOT NULL CHECK (btrim(asset_tag) <> ''), -- stuck on the thing
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  kind text COLLATE "C" NOT NULL,
  station_id uuid NOT NULL,
  loan_days int NOT NULL DEFAULT 7 CHECK (loan_days BETWEEN 0 AND 366), -- 0: back on the same day
  consumable boolean NOT NULL DEFAULT false,
  retired_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, asset_tag),
  FOREIGN KEY (owner, station_id) REFERENCES stations
);
CREATE INDEX lendable_items_name ON lendable_items (owner, name_zh, id);
CREATE INDEX lendable_items_kind ON lendable_items (owner, kind, id);
CREATE INDEX lendable_items_station ON lendable_items (owner, station_id, name_zh, id);

-- Late is no status: it is due_at, as seen at the time of asking.
CREATE TABLE loans (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  item_id uuid NOT NULL,
  borrower_id uuid NOT NULL, -- P2
  status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'RETURNED', 'RETURNED_DAMAGED', 'LOST', 'WRITTEN_OFF')),
  lent_at timestamptz NOT NULL DEFAULT now(),
  due_at timestamptz NOT NULL,
  returned_at timestamptz,
  lost_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, item_id) REFERENCES lendable_items,
  FOREIGN KEY (owner, borrower_id) REFERENCES residents,
  CONSTRAINT due_after_it_is_lent CHECK (due_at > lent_at),
  CONSTRAINT back_after_it_is_lent CHECK (returned_at >= lent_at),
  CONSTRAINT back_when_it_says_so CHECK ((status IN ('RETURNED', 'RETURNED_DAMAGED')) = (returned_at IS NOT NULL)),
  CONSTRAINT lost_when_it_says_so CHECK ((status IN ('LOST', 'WRITTEN_OFF')) = (lost_at IS NOT NULL))
);
COMMENT ON TABLE loans IS 'To be erased 180 days after the thing is back.';
-- I2. What is lost or written off is not back either, so it cannot be lent again.
CREATE UNIQUE INDEX loans_one_open ON loans (owner, item_id) WHERE returned_at IS NULL;
CREATE INDEX loans_lent ON loans (owner, lent_at DESC, id);
CREATE INDEX loans_due ON loans (owner, due_at, id);
CREATE INDEX loans_item ON loans (owner, item_id, lent_at DESC, id);
CREATE INDEX loans_borrower ON loans (owner, borrower_id, lent_at DESC, id);

-- What everybody may know of loans: which things are out. The view reads as its owner, past the policies of loans.
CREATE VIEW items_out AS SELECT owner, item_id FROM loans WHERE returned_at IS NULL;
GRANT SELECT (owner, item_id) ON items_out TO linhui_public, linhui_scoped, linhui_writer;

CALL linhui_protect('lendable_items', '*', 'retired_at IS NULL');
CALL linhui_protect('loans');

-- +goose Down
DROP VIEW items_out;
DROP TABLE loans, lendable_items;
