-- +goose Up
-- Reads across communities and full values shown: each row carries the hash of the one before it, so that a row
-- taken out or changed behind the triggers' back breaks the chain.

CREATE TABLE audit_log (
  seq bigint PRIMARY KEY, -- gapless, given by trigger
  at timestamptz NOT NULL DEFAULT now(),
  principal text NOT NULL,
  role text,
  action text NOT NULL,
  communities text[] NOT NULL DEFAULT '{}',
  entity_type text,
  entity_id text,
  purpose text,
  detail jsonb NOT NULL DEFAULT '{}', -- field names, never values
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL
);
CREATE INDEX audit_log_principal ON audit_log (principal, seq);

-- +goose StatementBegin
CREATE FUNCTION linhui_audit_hash(r audit_log) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(r.prev_hash || convert_to(jsonb_build_array(r.seq, r.at AT TIME ZONE 'UTC', r.principal, r.role, r.action,
    r.communities, r.entity_type, r.entity_id, r.purpose, r.detail)::text, 'UTF8')) $$;

CREATE FUNCTION linhui_audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('linhui.audit_log')); -- one writer at a time, until it commits
  SELECT seq + 1, hash INTO NEW.seq, NEW.prev_hash FROM audit_log ORDER BY seq DESC LIMIT 1;
  IF NOT FOUND THEN
    NEW.seq := 1;
    NEW.prev_hash := '';
  END IF;
  NEW.hash := linhui_audit_hash(NEW);
  RETURN NEW;
END $$;

CREATE FUNCTION linhui_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = '23001', CONSTRAINT = 'append_only';
END $$;

CREATE FUNCTION linhui_audit_broken() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT min(seq) FROM (
    SELECT seq, hash <> linhui_audit_hash(a) OR prev_hash <> lag(hash, 1, '') OVER w OR seq <> row_number() OVER w AS broken
    FROM audit_log a WINDOW w AS (ORDER BY seq)) checked
  WHERE broken $$;
COMMENT ON FUNCTION linhui_audit_broken IS 'Where the chain first fails; NULL when it holds. Rows cut off at its end show only against a copy of the last hash.';
-- +goose StatementEnd
CREATE TRIGGER chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION linhui_audit_chain();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION linhui_audit_append_only();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION linhui_audit_append_only();

-- +goose Down
DROP FUNCTION linhui_audit_broken(), linhui_audit_hash(audit_log) CASCADE;
DROP TABLE audit_log;
DROP FUNCTION linhui_audit_append_only(), linhui_audit_chain();
