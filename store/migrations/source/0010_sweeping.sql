-- +goose Up
-- What has served its time is deleted by this function alone: keys of writes that nobody sends again, and events
-- that were passed on or that nobody takes.
CREATE INDEX outbox_events_age ON outbox_events (created_at);

-- +goose StatementBegin
CREATE FUNCTION linhui_sweep(keys_before timestamptz, published_before timestamptz, unpublished_before timestamptz, most int)
RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH mine AS (SELECT unnest(string_to_array(current_setting('linhui.owners', true), ',')) COLLATE "C" AS owner),
  keys AS (DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT k.ctid FROM idempotency_keys k JOIN mine USING (owner) WHERE k.created_at < keys_before LIMIT most / 2)) RETURNING 1),
  events AS (DELETE FROM outbox_events WHERE ctid = ANY (ARRAY(
    SELECT e.ctid FROM outbox_events e JOIN mine USING (owner) WHERE e.published_at < published_before OR e.created_at < unpublished_before
    LIMIT most - most / 2)) RETURNING 1)
  SELECT (SELECT count(*) FROM keys)::int + (SELECT count(*) FROM events)::int $$;
-- +goose StatementEnd
COMMENT ON FUNCTION linhui_sweep IS 'Deletes at most so many rows of the owners in linhui.owners and says how many.';
REVOKE ALL ON FUNCTION linhui_sweep FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linhui_sweep TO linhui_writer;

-- +goose Down
DROP FUNCTION linhui_sweep;
DROP INDEX outbox_events_age;
