-- +goose Up
-- Canteens (睦邻食堂): the menu of each day, meals ordered, the subsidy from 60 on (餐补) and the free meal on the 8th.

CREATE TABLE canteens (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL,
  name_en text,
  station_id uuid NOT NULL,
  price_min numeric(10,2) CHECK (price_min >= 0), -- CNY, as published
  price_max numeric(10,2),
  price_zh text,
  menu_principles text[] NOT NULL DEFAULT '{}',
  free_meal_zh text,
  free_meal_recurrence jsonb,
  free_meal_for text[] NOT NULL DEFAULT '{}', -- as published
  free_meal_delivered_by text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, name_zh),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  CHECK (price_min <= price_max),
  CHECK ((price_min IS NULL) = (price_max IS NULL))
);
CREATE INDEX canteens_station ON canteens (owner, station_id);

CREATE TABLE subsidy_rules (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  canteen_id uuid NOT NULL,
  min_age int NOT NULL CONSTRAINT subsidy_rule_from_60 CHECK (min_age BETWEEN 60 AND 120), -- I4
  amount numeric(10,2) NOT NULL CHECK (amount > 0), -- CNY a meal
  valid daterange NOT NULL CHECK (NOT isempty(valid)),
  zh text,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, canteen_id) REFERENCES canteens,
  CONSTRAINT one_subsidy_rule_at_a_time EXCLUDE USING gist (owner WITH =, canteen_id WITH =, valid WITH &&)
);

-- A dish is of one day: its price that day stays what it was.
CREATE TABLE menu_items (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  canteen_id uuid NOT NULL,
  service_date date NOT NULL,
  slot text NOT NULL CHECK (slot IN ('BREAKFAST', 'LUNCH', 'DINNER')),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  price numeric(10,2) NOT NULL CHECK (price >= 0), -- CNY
  allergens text[] NOT NULL DEFAULT '{}',
  order_until timestamptz NOT NULL,
  withdrawn_at timestamptz,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, id, canteen_id, service_date, slot), -- what orders repeat of it
  FOREIGN KEY (owner, canteen_id) REFERENCES canteens,
  CONSTRAINT ordered_by_the_end_of_the_day CHECK (cst_date(order_until) <= service_date)
);
CREATE UNIQUE INDEX menu_items_one_of_a_name ON menu_items (owner, canteen_id, service_date, slot, name_zh) WHERE withdrawn_at IS NULL;
CREATE INDEX menu_items_day ON menu_items (owner, service_date DESC, id);

-- Beside the menu, since they change with each order and the menu is kept in caches. A dish without a row has no limit.
CREATE TABLE menu_portions (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL, -- the dish's
  portions int NOT NULL CHECK (portions > 0),
  reserved int NOT NULL DEFAULT 0 CHECK (reserved >= 0), -- kept by trigger
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, id) REFERENCES menu_items,
  CONSTRAINT portions_never_exceeded CHECK (reserved <= portions)
);

CREATE TABLE free_meal_roster (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  canteen_id uuid NOT NULL,
  resident_id uuid NOT NULL, -- P3, as all of it
  ground text NOT NULL CHECK (ground IN ('EMPTY_NEST', 'HARDSHIP_HOUSEHOLD', 'OTHER')),
  basis text NOT NULL CHECK (btrim(basis) <> ''),
  valid daterange NOT NULL CHECK (NOT isempty(valid)),
  recorded_by text NOT NULL,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  UNIQUE (owner, id, resident_id, canteen_id), -- what free meals repeat of it
  FOREIGN KEY (owner, canteen_id) REFERENCES canteens,
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  CONSTRAINT on_the_roster_once EXCLUDE USING gist (owner WITH =, canteen_id WITH =, resident_id WITH =, valid WITH &&)
);
CREATE INDEX free_meal_roster_resident ON free_meal_roster (owner, resident_id);

CREATE TABLE meal_orders (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  canteen_id uuid NOT NULL,
  menu_item_id uuid NOT NULL,
  service_date date NOT NULL,
  slot text NOT NULL,
  beneficiary_id uuid NOT NULL, -- P2
  kind text NOT NULL DEFAULT 'PAID' CHECK (kind IN ('PAID', 'FREE_8TH')),
  roster_id uuid,
  status text NOT NULL DEFAULT 'PLACED' CHECK (status IN ('PLACED', 'CONFIRMED', 'PREPARED', 'READY', 'OUT_FOR_DELIVERY', 'DELIVERED', 'COLLECTED', 'FAILED_DELIVERY', 'NO_SHOW', 'CANCELLED')),
  list_price numeric(10,2) NOT NULL, -- these four are set by trigger and frozen when it is confirmed
  age_on_day int, -- P2; full years in Shanghai, NULL where the day of birth is not known
  subsidy numeric(10,2) NOT NULL DEFAULT 0 CHECK (subsidy >= 0),
  subsidy_rule_id uuid,
  payable numeric(10,2) NOT NULL GENERATED ALWAYS AS (CASE kind WHEN 'FREE_8TH' THEN 0 ELSE list_price - subsidy END) STORED CHECK (payable >= 0),
  delivery boolean NOT NULL DEFAULT false,
  carrier_id uuid, -- P2
  note text, -- P2
  placed_at timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz,
  closed_at timestamptz, -- handed over, given up or called off
  failure text,
  welfare_check_id uuid,
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT order_of_a_menu_item FOREIGN KEY (owner, menu_item_id, canteen_id, service_date, slot) REFERENCES menu_items (owner, id, canteen_id, service_date, slot),
  CONSTRAINT free_meal_of_a_roster FOREIGN KEY (owner, roster_id, beneficiary_id, canteen_id) REFERENCES free_meal_roster (owner, id, resident_id, canteen_id),
  FOREIGN KEY (owner, beneficiary_id) REFERENCES residents,
  FOREIGN KEY (owner, carrier_id) REFERENCES residents,
  FOREIGN KEY (owner, subsidy_rule_id) REFERENCES subsidy_rules,
  FOREIGN KEY (owner, welfare_check_id) REFERENCES feedbacks,
  CONSTRAINT subsidy_from_60 CHECK (subsidy = 0 OR coalesce(age_on_day, 0) >= 60 AND subsidy_rule_id IS NOT NULL AND kind = 'PAID'), -- I4
  CONSTRAINT free_only_on_the_8th CHECK (kind <> 'FREE_8TH' OR extract(day FROM service_date) = 8), -- I5
  CONSTRAINT free_meal_is_on_the_roster CHECK ((kind = 'FREE_8TH') = (roster_id IS NOT NULL)),
  CONSTRAINT carried_when_delivered CHECK (delivery OR carrier_id IS NULL AND status NOT IN ('OUT_FOR_DELIVERY', 'DELIVERED', 'FAILED_DELIVERY')),
  CONSTRAINT confirmed_when_it_says_so CHECK (status IN ('PLACED', 'CANCELLED') OR confirmed_at IS NOT NULL),
  CONSTRAINT closed_when_it_says_so CHECK ((status IN ('DELIVERED', 'COLLECTED', 'FAILED_DELIVERY', 'NO_SHOW', 'CANCELLED')) = (closed_at IS NOT NULL)),
  CONSTRAINT failure_says_why CHECK ((status = 'FAILED_DELIVERY') = (btrim(coalesce(failure, '')) <> '')),
  CONSTRAINT welfare_check_after_a_failure CHECK (welfare_check_id IS NULL OR status = 'FAILED_DELIVERY')
);
COMMENT ON TABLE meal_orders IS 'To be kept 3 years, as accounts are.';
CREATE UNIQUE INDEX meal_subsidy_once ON meal_orders (owner, beneficiary_id, service_date, slot) WHERE subsidy > 0 AND status <> 'CANCELLED'; -- I4
CREATE UNIQUE INDEX meal_free_once ON meal_orders (owner, beneficiary_id, service_date) WHERE kind = 'FREE_8TH' AND status <> 'CANCELLED'; -- I5
CREATE INDEX meal_orders_day ON meal_orders (owner, service_date DESC, id);
CREATE INDEX meal_orders_placed ON meal_orders (owner, placed_at DESC, id);
CREATE INDEX meal_orders_item ON meal_orders (owner, menu_item_id, placed_at DESC, id);
CREATE INDEX meal_orders_beneficiary ON meal_orders (owner, beneficiary_id, placed_at DESC, id);
CREATE INDEX meal_orders_carrier ON meal_orders (owner, carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX meal_orders_open ON meal_orders (owner, status, service_date) WHERE status IN ('PLACED', 'READY');
CREATE INDEX meal_orders_welfare ON meal_orders (owner, welfare_check_id) WHERE welfare_check_id IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION linhui_quote_meal(whose text, item uuid, who uuid, besides uuid) RETURNS TABLE (list_price numeric, age_on_day int, subsidy numeric, rule_id uuid)
LANGUAGE sql STABLE AS $$
  SELECT m.price, a.years, CASE WHEN s.due THEN least(r.amount, m.price) ELSE 0.00 END, CASE WHEN s.due THEN r.id END
  FROM menu_items m JOIN residents p ON p.owner = m.owner AND p.id = who
  LEFT JOIN subsidy_rules r ON r.owner = m.owner AND r.canteen_id = m.canteen_id AND r.valid @> m.service_date,
    LATERAL (SELECT full_years(p.birth_date, m.service_date)) a(years),
    LATERAL (SELECT coalesce(a.years >= r.min_age, false) AND m.price > 0 AND NOT EXISTS (SELECT FROM meal_orders o WHERE o.owner = m.owner AND o.beneficiary_id = who
      AND o.service_date = m.service_date AND o.slot = m.slot AND o.subsidy > 0 AND o.status <> 'CANCELLED' AND o.id IS DISTINCT FROM besides)) s(due)
  WHERE m.owner = whose AND m.id = item
$$;
COMMENT ON FUNCTION linhui_quote_meal IS 'What a dish costs a resident by the rule of its day, their other orders but one considered: the subsidy is theirs once a slot.';

CREATE FUNCTION linhui_price_meal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE prices boolean := TG_OP = 'INSERT';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.menu_item_id, NEW.beneficiary_id, NEW.kind, NEW.roster_id) IS DISTINCT FROM (OLD.menu_item_id, OLD.beneficiary_id, OLD.kind, OLD.roster_id) THEN
      RAISE EXCEPTION 'an order is cancelled and placed anew, not changed' USING ERRCODE = '23001', CONSTRAINT = 'order_is_fixed';
    END IF;
    prices := OLD.status = 'PLACED' AND NEW.status = 'CONFIRMED';
    IF (NEW.list_price, NEW.age_on_day, NEW.subsidy, NEW.subsidy_rule_id) IS DISTINCT FROM (OLD.list_price, OLD.age_on_day, OLD.subsidy, OLD.subsidy_rule_id) THEN
      RAISE EXCEPTION 'price and subsidy follow from the menu and the rules' USING ERRCODE = '23514', CONSTRAINT = 'price_is_frozen';
    END IF;
  END IF;
  IF prices THEN
    SELECT q.list_price, q.age_on_day, q.subsidy, q.rule_id INTO NEW.list_price, NEW.age_on_day, NEW.subsidy, NEW.subsidy_rule_id
    FROM linhui_quote_meal(NEW.owner, NEW.menu_item_id, NEW.beneficiary_id, NEW.id) q;
    NEW.list_price := coalesce(NEW.list_price, 0); -- without a dish or a resident the foreign key refuses
    NEW.subsidy := coalesce(NEW.subsidy, 0);
    IF NEW.kind = 'FREE_8TH' THEN
      NEW.subsidy := 0;
      NEW.subsidy_rule_id := NULL;
      IF NOT EXISTS (SELECT FROM free_meal_roster r WHERE r.owner = NEW.owner AND r.id = NEW.roster_id AND r.valid @> NEW.service_date) THEN
        RAISE EXCEPTION 'nobody who is not on the roster that day gets a free meal' USING ERRCODE = '23514', CONSTRAINT = 'free_meal_is_on_the_roster';
      END IF;
    END IF;
  END IF;
  IF NEW.status = 'FAILED_DELIVERY' AND NEW.welfare_check_id IS NULL AND EXISTS (SELECT FROM resident_tags g
      WHERE g.owner = NEW.owner AND g.resident_id = NEW.beneficiary_id AND g.tag = 'LIVES_ALONE' AND g.valid @> NEW.service_date) THEN
    RAISE EXCEPTION 'a meal that did not reach who lives alone is looked into the same day' USING ERRCODE = '23514', CONSTRAINT = 'failure_is_looked_into';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_reserve_portion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gained int := 0;
BEGIN
  IF TG_OP <> 'INSERT' THEN gained := -(OLD.status NOT IN ('PLACED', 'CANCELLED'))::int; END IF;
  IF TG_OP <> 'DELETE' THEN gained := gained + (NEW.status NOT IN ('PLACED', 'CANCELLED'))::int; END IF;
  IF gained <> 0 THEN
    UPDATE menu_portions SET reserved = reserved + gained WHERE owner = coalesce(NEW.owner, OLD.owner) AND id = coalesce(NEW.menu_item_id, OLD.menu_item_id);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER price_meal BEFORE INSERT OR UPDATE ON meal_orders FOR EACH ROW EXECUTE FUNCTION linhui_price_meal();
CREATE TRIGGER reserve_portion AFTER INSERT OR UPDATE OF status OR DELETE ON meal_orders FOR EACH ROW EXECUTE FUNCTION linhui_reserve_portion();

CALL linhui_protect('canteens', '*');
CALL linhui_protect('subsidy_rules', '*');
CALL linhui_protect('menu_items', '*', 'withdrawn_at IS NULL');
CALL linhui_protect('menu_portions', '*');
CALL linhui_protect('free_meal_roster');
CALL linhui_protect('meal_orders');
CALL linhui_feeds_hot('menu_items', 'TODAY_MENU');
CALL linhui_feeds_hot('subsidy_rules', 'TODAY_MENU'); -- prices from 60 on

-- +goose Down
DROP TABLE meal_orders, free_meal_roster, menu_portions, menu_items, subsidy_rules, canteens;
DROP FUNCTION linhui_reserve_portion(), linhui_price_meal(), linhui_quote_meal(text, uuid, uuid, uuid);
