-- +goose Up
-- Shared medicine boxes (共享药箱): what came in, went out or was thrown away, by lot. Nobody is named.

CREATE TABLE medicine_boxes (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  station_id uuid NOT NULL,
  brand_id uuid,
  donated_reported jsonb,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, brand_id) REFERENCES brands
);
CREATE INDEX medicine_boxes_station ON medicine_boxes (owner, station_id);

CREATE TABLE medicine_stocks (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  box_id uuid NOT NULL,
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  lot text COLLATE "C" NOT NULL CHECK (btrim(lot) <> ''),
  expires_on date NOT NULL, -- the last day
  prescription boolean NOT NULL DEFAULT false,
  quantity int NOT NULL DEFAULT 0 CONSTRAINT medicine_never_below_zero CHECK (quantity >= 0), -- boxes; kept by trigger
  donated int NOT NULL DEFAULT 0, -- boxes that ever came in; kept by trigger, since moves are for staff
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT medicine_stock_of_a_lot UNIQUE (owner, box_id, name_zh, lot),
  FOREIGN KEY (owner, box_id) REFERENCES medicine_boxes
);
CREATE INDEX medicine_stocks_expiry ON medicine_stocks (owner, expires_on, id);

CREATE TABLE medicine_moves (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  stock_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('DONATED', 'DISPENSED', 'DISCARDED', 'OTHER')),
  quantity int NOT NULL CHECK (quantity > 0), -- boxes
  occurred_on date NOT NULL,
  reason text,
  recorded_by text NOT NULL, -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, stock_id) REFERENCES medicine_stocks,
  CONSTRAINT discarded_for_a_reason CHECK (kind <> 'DISCARDED' OR btrim(coalesce(reason, '')) <> '')
);
CREATE INDEX medicine_moves_day ON medicine_moves (owner, occurred_on DESC, id);
CREATE INDEX medicine_moves_stock ON medicine_moves (owner, stock_id, occurred_on DESC, id);

-- +goose StatementBegin
CREATE FUNCTION linhui_move_medicine() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE s medicine_stocks;
BEGIN
  SELECT * INTO s FROM medicine_stocks WHERE owner = NEW.owner AND id = NEW.stock_id FOR UPDATE;
  IF FOUND AND NEW.kind IN ('DISPENSED', 'DONATED') AND NEW.occurred_on > s.expires_on THEN
    RAISE EXCEPTION 'medicine past its day is neither taken nor given' USING ERRCODE = '23514', CONSTRAINT = 'medicine_in_date'; -- I17
  END IF;
  IF FOUND AND NEW.kind = 'DISPENSED' AND s.prescription THEN
    RAISE EXCEPTION 'medicine on prescription is not shared' USING ERRCODE = '23514', CONSTRAINT = 'medicine_without_prescription'; -- I17
  END IF;
  UPDATE medicine_stocks SET quantity = quantity + CASE NEW.kind WHEN 'DONATED' THEN NEW.quantity WHEN 'OTHER' THEN 0 ELSE -NEW.quantity END,
    donated = donated + CASE NEW.kind WHEN 'DONATED' THEN NEW.quantity ELSE 0 END
  WHERE owner = NEW.owner AND id = NEW.stock_id;
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_medicine_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a stock is what its moves leave, and its day and kind do not change' USING ERRCODE = '23514', CONSTRAINT = 'stock_is_of_moves';
END $$;
-- +goose StatementEnd
CREATE TRIGGER move_medicine BEFORE INSERT ON medicine_moves FOR EACH ROW EXECUTE FUNCTION linhui_move_medicine();
CREATE TRIGGER stock_begins_empty BEFORE INSERT ON medicine_stocks FOR EACH ROW WHEN (NEW.quantity <> 0 OR NEW.donated <> 0) EXECUTE FUNCTION linhui_medicine_stock();
CREATE TRIGGER stock_is_of_moves BEFORE UPDATE ON medicine_stocks FOR EACH ROW
  WHEN ((NEW.quantity, NEW.donated) IS DISTINCT FROM (OLD.quantity, OLD.donated) AND pg_trigger_depth() = 0 OR (NEW.expires_on, NEW.prescription) IS DISTINCT FROM (OLD.expires_on, OLD.prescription)) EXECUTE FUNCTION linhui_medicine_stock();

CALL linhui_append_only('medicine_moves');
CALL linhui_protect('medicine_boxes', '*');
CALL linhui_protect('medicine_stocks', '*');
CALL linhui_protect('medicine_moves');
REVOKE UPDATE ON medicine_moves FROM linhui_writer;

-- +goose Down
DROP TABLE medicine_moves, medicine_stocks, medicine_boxes;
DROP FUNCTION linhui_move_medicine(), linhui_medicine_stock();
