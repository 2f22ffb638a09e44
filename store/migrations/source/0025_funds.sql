-- +goose Up
-- Money of a community for the public good (社区微基金): entries are added and never changed, and no fund goes below zero.

CREATE TABLE funds (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  name_zh text COLLATE "C" NOT NULL CHECK (btrim(name_zh) <> ''),
  name_en text,
  purpose text,
  income_rule_zh text, -- as published: 睦邻课堂部分收益捐赠
  balance numeric(14,2) NOT NULL DEFAULT 0, -- CNY; for residents; kept by trigger
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  CONSTRAINT fund_never_below_zero CHECK (balance >= 0) -- I19
);
CREATE UNIQUE INDEX funds_one_of_a_name ON funds (owner, name_zh);

-- What part of whose proceeds goes to a fund is the programme's own proceeds_share.
CREATE TABLE fund_programmes (
  owner text COLLATE "C" NOT NULL,
  fund_id uuid NOT NULL,
  programme_id uuid NOT NULL,
  PRIMARY KEY (owner, fund_id, programme_id),
  FOREIGN KEY (owner, fund_id) REFERENCES funds,
  FOREIGN KEY (owner, programme_id) REFERENCES programmes
);
CREATE INDEX fund_programmes_programme ON fund_programmes (owner, programme_id);

CREATE TABLE fund_entries (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  fund_id uuid NOT NULL,
  amount numeric(14,2) NOT NULL CHECK (amount <> 0), -- CNY; spent when negative
  source text NOT NULL CHECK (source IN ('PROCEEDS', 'DONATION', 'GRANT', 'PUBLIC_GOOD', 'OTHER')),
  purpose text,
  programme_id uuid,
  reverses_id uuid,
  balance_after numeric(14,2) NOT NULL, -- kept by trigger
  posted_at timestamptz NOT NULL DEFAULT now(),
  posted_by text NOT NULL, -- P1
  provenance jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, fund_id) REFERENCES funds,
  FOREIGN KEY (owner, programme_id) REFERENCES programmes,
  FOREIGN KEY (owner, reverses_id) REFERENCES fund_entries,
  CONSTRAINT fund_entry_reversed_once UNIQUE (owner, reverses_id),
  CONSTRAINT income_is_positive CHECK (reverses_id IS NOT NULL OR source = 'OTHER' OR (source = 'PUBLIC_GOOD') = (amount < 0)),
  CONSTRAINT spending_says_what_for CHECK (reverses_id IS NOT NULL OR amount > 0 OR btrim(coalesce(purpose, '')) <> '')
);
CREATE INDEX fund_entries_posted ON fund_entries (owner, posted_at DESC, id);
CREATE INDEX fund_entries_fund ON fund_entries (owner, fund_id, posted_at DESC, id);
CREATE INDEX fund_entries_programme ON fund_entries (owner, programme_id) WHERE programme_id IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION linhui_post_fund_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE undone fund_entries;
BEGIN
  IF NEW.reverses_id IS NOT NULL THEN
    SELECT * INTO undone FROM fund_entries WHERE owner = NEW.owner AND id = NEW.reverses_id;
    IF FOUND AND (undone.reverses_id IS NOT NULL OR undone.fund_id <> NEW.fund_id OR undone.amount <> -NEW.amount OR undone.source <> NEW.source) THEN
      RAISE EXCEPTION 'a reversal undoes the whole of an entry of the same fund that is none itself' USING ERRCODE = '23514', CONSTRAINT = 'reversal_undoes_an_entry';
    END IF;
  END IF;
  -- The lock on the fund makes its entries wait for each other.
  UPDATE funds SET balance = balance + NEW.amount WHERE owner = NEW.owner AND id = NEW.fund_id RETURNING balance INTO NEW.balance_after;
  NEW.balance_after := coalesce(NEW.balance_after, 0); -- without a fund the foreign key refuses
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_fund_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the balance of a fund is that of its entries' USING ERRCODE = '23514', CONSTRAINT = 'balance_is_of_entries';
END $$;
-- +goose StatementEnd
CREATE TRIGGER post_entry BEFORE INSERT ON fund_entries FOR EACH ROW EXECUTE FUNCTION linhui_post_fund_entry();
CREATE TRIGGER balance_begins_empty BEFORE INSERT ON funds FOR EACH ROW WHEN (NEW.balance <> 0) EXECUTE FUNCTION linhui_fund_balance();
CREATE TRIGGER balance_is_of_entries BEFORE UPDATE ON funds FOR EACH ROW
  WHEN (NEW.balance <> OLD.balance AND pg_trigger_depth() = 0) EXECUTE FUNCTION linhui_fund_balance();

CALL linhui_append_only('fund_entries');
CALL linhui_protect('funds', 'owner, id, name_zh, name_en, purpose, income_rule_zh, provenance, version, created_at, updated_at');
CALL linhui_protect('fund_programmes', '*');
CALL linhui_protect('fund_entries');
REVOKE UPDATE ON fund_entries FROM linhui_writer;

-- +goose Down
DROP TABLE fund_entries, fund_programmes, funds;
DROP FUNCTION linhui_post_fund_entry(), linhui_fund_balance();
