-- +goose Up
-- Consumables that stations hand out, such as heat packs (暖宝), and what is left of them.

CREATE TABLE supply_issues (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  offering_id uuid NOT NULL,
  given_on date NOT NULL,
  quantity int NOT NULL CHECK (quantity > 0),
  audience text COLLATE "C",
  status text NOT NULL DEFAULT 'ISSUED' CHECK (status IN ('ISSUED', 'CANCELLED')),
  cancelled_for text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, offering_id) REFERENCES offerings,
  CONSTRAINT cancelled_says_why CHECK ((status = 'CANCELLED') = (btrim(coalesce(cancelled_for, '')) <> ''))
);
CREATE INDEX supply_issues_given ON supply_issues (owner, given_on DESC, id);
CREATE INDEX supply_issues_offering ON supply_issues (owner, offering_id, given_on DESC, id);

-- What is handed out leaves the stock, and comes back to it when the record was wrong. The row of the offering is
-- locked by its update: two desks cannot give the same last piece, since the stock is never below zero.
-- +goose StatementBegin
CREATE FUNCTION linhui_supply_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE handed_out boolean;
BEGIN
  UPDATE offerings SET stock = stock - CASE NEW.status WHEN 'ISSUED' THEN NEW.quantity ELSE 0 END
      + CASE WHEN TG_OP = 'UPDATE' AND OLD.status = 'ISSUED' THEN OLD.quantity ELSE 0 END
  WHERE owner = NEW.owner AND id = NEW.offering_id RETURNING consumable INTO handed_out;
  IF NOT handed_out THEN
    RAISE EXCEPTION 'only consumables are handed out' USING ERRCODE = '23514', CONSTRAINT = 'only_consumables_are_handed_out';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION linhui_supply_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what was handed out, when and how much of it never changes: cancel the record and make another'
    USING ERRCODE = '23001', CONSTRAINT = 'supply_is_fixed';
END $$;
-- +goose StatementEnd
CREATE TRIGGER stock AFTER INSERT OR UPDATE OF status ON supply_issues FOR EACH ROW EXECUTE FUNCTION linhui_supply_stock();
CREATE TRIGGER kept BEFORE UPDATE ON supply_issues FOR EACH ROW
  WHEN ((OLD.offering_id, OLD.given_on, OLD.quantity) IS DISTINCT FROM (NEW.offering_id, NEW.given_on, NEW.quantity))
  EXECUTE FUNCTION linhui_supply_kept();

CALL linhui_protect('supply_issues');

-- +goose Down
DROP TABLE supply_issues;
DROP FUNCTION linhui_supply_kept(), linhui_supply_stock();
