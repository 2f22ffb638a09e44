-- +goose Up
-- Staff go through a whole procedure for who cannot go themselves (代办); each paper they hold has a receipt.

CREATE TABLE errand_cases (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  matter text COLLATE "C" NOT NULL,
  matter_zh text, -- in the words of who told of it
  mode_zh text,
  station_id uuid,
  estate_id uuid,
  resident_id uuid, -- P2; NULL: told in a report, which names nobody
  beneficiary_group text, -- P3
  reason text, -- P3
  agent_post_id uuid,
  status text NOT NULL DEFAULT 'REQUESTED' CHECK (status IN ('REQUESTED', 'AUTHORISED', 'COLLECTING', 'SUBMITTED', 'WAITING', 'COMPLETED',
    'REFUSED_BY_AUTHORITY', 'RETURNING_DOCUMENTS', 'CLOSED', 'CANCELLED')),
  requested_at timestamptz,
  authorised_at timestamptz,
  authorised_until date,
  authorisation_form text CHECK (authorisation_form IN ('SIGNED', 'WITNESSED')),
  authorisation_scope text, -- P2
  submitted_at timestamptz,
  submitted_to text,
  decided_at timestamptz,
  granted boolean,
  outcome text, -- P2
  cancelled_at timestamptz,
  closed_at timestamptz,
  documents_held int NOT NULL DEFAULT 0 CHECK (documents_held >= 0), -- kept by a trigger of errand_documents
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, station_id) REFERENCES stations,
  FOREIGN KEY (owner, estate_id) REFERENCES estates,
  FOREIGN KEY (owner, resident_id) REFERENCES residents,
  FOREIGN KEY (owner, agent_post_id) REFERENCES staff_posts,
  CONSTRAINT errand_of_somebody_has_its_day CHECK (resident_id IS NULL OR requested_at IS NOT NULL),
  CONSTRAINT errand_authorised_in_full CHECK (num_nulls(authorised_at, authorised_until, authorisation_form, authorisation_scope) IN (0, 4)),
  CONSTRAINT errand_authorised_for_a_time CHECK (authorised_until >= cst_date(authorised_at)),
  CONSTRAINT errand_run_on_authority CHECK (status IN ('REQUESTED', 'CANCELLED') OR resident_id IS NULL OR authorised_at IS NOT NULL),
  CONSTRAINT errand_decided_once_submitted CHECK (granted IS NULL OR resident_id IS NULL OR submitted_at IS NOT NULL AND decided_at >= submitted_at),
  CONSTRAINT errand_decided_as_it_says CHECK (CASE status WHEN 'COMPLETED' THEN granted IS TRUE WHEN 'REFUSED_BY_AUTHORITY' THEN granted IS FALSE
    WHEN 'CLOSED' THEN granted IS NOT NULL WHEN 'RETURNING_DOCUMENTS' THEN true ELSE granted IS NULL END),
  CONSTRAINT errand_returns_what_is_over CHECK (status <> 'RETURNING_DOCUMENTS' OR granted IS NOT NULL OR cancelled_at IS NOT NULL),
  CONSTRAINT errand_cancelled_as_it_says CHECK (CASE status WHEN 'CANCELLED' THEN cancelled_at IS NOT NULL WHEN 'RETURNING_DOCUMENTS' THEN true ELSE cancelled_at IS NULL END),
  CONSTRAINT errand_closed_as_it_says CHECK ((status IN ('CLOSED', 'CANCELLED')) = (closed_at IS NOT NULL)),
  CONSTRAINT errand_holds_nothing_when_over CHECK (documents_held = 0 OR status NOT IN ('REQUESTED', 'CLOSED', 'CANCELLED')) -- I16
);
COMMENT ON TABLE errand_cases IS 'To be erased three years after it is closed.';
CREATE INDEX errand_cases_requested ON errand_cases (owner, requested_at DESC, id);
CREATE INDEX errand_cases_matter ON errand_cases (owner, matter, requested_at, id);
CREATE INDEX errand_cases_resident ON errand_cases (owner, resident_id, requested_at DESC, id);

CREATE TABLE errand_documents (
  owner text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  errand_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  receipt_no int NOT NULL CHECK (receipt_no > 0),
  held_from timestamptz NOT NULL,
  returned_at timestamptz,
  returned_to text, -- P2
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, errand_id) REFERENCES errand_cases,
  CONSTRAINT errand_documents_one_receipt UNIQUE (owner, errand_id, receipt_no),
  CONSTRAINT returned_to_somebody CHECK ((returned_at IS NULL) = (btrim(coalesce(returned_to, '')) = '')),
  CONSTRAINT returned_after_it_is_held CHECK (returned_at >= held_from)
);

-- +goose StatementBegin
CREATE FUNCTION linhui_documents_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.returned_at IS NULL THEN
    UPDATE errand_cases SET documents_held = documents_held - 1 WHERE owner = OLD.owner AND id = OLD.errand_id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.returned_at IS NULL THEN
    UPDATE errand_cases SET documents_held = documents_held + 1 WHERE owner = NEW.owner AND id = NEW.errand_id;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION linhui_documents_held IS 'Counts what an errand holds, so that a CHECK can forbid to close over it.';
-- +goose StatementEnd
CREATE TRIGGER documents_held AFTER INSERT OR DELETE OR UPDATE OF returned_at, errand_id ON errand_documents
  FOR EACH ROW EXECUTE FUNCTION linhui_documents_held();

CALL linhui_protect('errand_cases');
CALL linhui_protect('errand_documents');

-- +goose Down
DROP TABLE errand_documents, errand_cases;
DROP FUNCTION linhui_documents_held();
