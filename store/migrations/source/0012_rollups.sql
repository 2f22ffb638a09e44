-- +goose Up
-- Rollups: totals of a table's rows by day or month and a few columns, written in the transaction that writes the rows, so
-- that they never lag. What a write changes is appended as a row of differences, sums of minus and plus, and no two writers
-- ever wait for each other's total; linhui_fold adds such rows up later. A cube (store/rollup.go) declares what it needs, and
-- `go test ./store -run Rollups` prints the CALL that a migration has to make.

CREATE TABLE linhui_rollups (
  name text COLLATE "C" PRIMARY KEY,
  of_table text NOT NULL,
  fold text NOT NULL, -- the statement that adds up at most $1 rows of differences
  built_at timestamptz NOT NULL DEFAULT now()
);

-- +goose StatementBegin
CREATE FUNCTION linhui_rollup_name(tbl text, grain text, at text, keys text[], sums text[], kept text)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT tbl || '_by_' || lower(grain) || '_' ||
    left(md5(concat_ws(E'\n', tbl, grain, at, array_to_string(keys, ','), array_to_string(sums, E'\n'), kept)), 8) $$;
COMMENT ON FUNCTION linhui_rollup_name IS
  'A digest of the definition is part of the name: who asks for totals of another definition finds no table, never other totals.';

CREATE PROCEDURE linhui_roll_up(tbl regclass, grain text, at text, keys text[], sums text[], kept text DEFAULT 'true', public boolean DEFAULT false)
LANGUAGE plpgsql AS $$
DECLARE
  name constant text := linhui_rollup_name(tbl::text, grain, at, keys, sums, kept);
  daily constant boolean := (SELECT atttypid = 'date'::regtype FROM pg_attribute WHERE attrelid = tbl AND attname = at);
  day constant text := format('date_trunc(%L, t.%I%s)::date', lower(grain), at, CASE WHEN daily THEN '::timestamp' ELSE ' AT TIME ZONE ''Asia/Shanghai''' END);
  keyed constant text := 'owner, rollup_day' || (SELECT coalesce(string_agg(format(', %I', k), '' ORDER BY i), '') FROM unnest(keys) WITH ORDINALITY x(k, i));
  measured constant text := 'rollup_n' || (SELECT coalesce(string_agg(', rollup_m' || i, '' ORDER BY i), '') FROM unnest(sums) WITH ORDINALITY x(s, i));
  minus constant text := regexp_replace(measured, '(\w+)', '-\1', 'g');
  totals constant text := regexp_replace(measured, '(\w+)', 'sum(\1)', 'g');
  changed constant text := format('(%s) <> (%s)', totals, regexp_replace(measured, '\w+', '0', 'g'));
  -- The rows of a relation, added up.
  rolled constant text := format('SELECT t.owner, %s AS rollup_day%s, count(*) AS rollup_n%s FROM %%s t WHERE %s GROUP BY %s', day,
    (SELECT coalesce(string_agg(format(', t.%I', k), '' ORDER BY i), '') FROM unnest(keys) WITH ORDINALITY x(k, i)),
    (SELECT coalesce(string_agg(format(', coalesce(%s, 0) AS rollup_m%s', s, i), '' ORDER BY i), '') FROM unnest(sums) WITH ORDINALITY x(s, i)),
    replace(kept, '%', '%%'), (SELECT string_agg(i::text, ', ') FROM generate_series(1, 2 + cardinality(keys)) i));
  added constant text := format('SELECT %s, %s FROM (%s) d', keyed, measured, format(rolled, 'added'));
  removed constant text := format('SELECT %s, %s FROM (%s) d', keyed, minus, format(rolled, 'removed'));
  event record;
BEGIN
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', tbl); -- writers wait until what stands is added up
  EXECUTE format('CREATE TABLE %I AS ' || rolled, name, tbl);
  EXECUTE format('ALTER TABLE %I ADD id bigint GENERATED ALWAYS AS IDENTITY, ADD folded boolean NOT NULL DEFAULT true, ADD PRIMARY KEY (owner, id),
    ALTER rollup_day SET NOT NULL%s', name, regexp_replace(measured, ',? ?(\w+)', ', ALTER \1 SET NOT NULL', 'g'));
  EXECUTE format('ALTER TABLE %I ALTER folded SET DEFAULT false', name);
  EXECUTE format('CREATE INDEX ON %I (owner, rollup_day)', name);
  EXECUTE format('CREATE INDEX ON %I (owner, rollup_day) WHERE NOT folded', name);
  EXECUTE format('COMMENT ON TABLE %I IS %L', name, format('Totals of %s by %s; derived, kept by triggers, see linhui_roll_up.', tbl, keyed));
  CALL linhui_protect(name::regclass, CASE WHEN public THEN '*' END);
  EXECUTE format('REVOKE INSERT, UPDATE ON %I FROM linhui_writer', name);

  FOR event IN
    SELECT 'insert' AS name, 'NEW TABLE AS added' AS sees, format('INSERT INTO %I (%s, %s) %s', name, keyed, measured, added) AS does
    UNION ALL SELECT 'delete', 'OLD TABLE AS removed', format('INSERT INTO %I (%s, %s) %s', name, keyed, measured, removed)
    -- What an update leaves as it was is no difference.
    UNION ALL SELECT 'update', 'OLD TABLE AS removed NEW TABLE AS added', format('INSERT INTO %1$I (%2$s, %3$s) SELECT %2$s, %4$s FROM (%5$s UNION ALL %6$s) d GROUP BY %2$s HAVING %7$s',
      name, keyed, measured, totals, added, removed, changed)
    UNION ALL SELECT 'truncate', NULL, format('DELETE FROM %I', name)
  LOOP
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS %L',
      name || '_' || event.name, format('BEGIN %s; RETURN NULL; END', event.does));
    EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s%s EXECUTE FUNCTION %1$I()', name || '_' || event.name, event.name, tbl, ' REFERENCING ' || event.sees);
    -- Also for loads that go round other triggers: nobody would notice totals that are short.
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tbl, name || '_' || event.name);
  END LOOP;

  INSERT INTO linhui_rollups (name, of_table, fold) VALUES (name, tbl::text, format($q$
    WITH cells AS (SELECT DISTINCT owner, rollup_day FROM (SELECT owner, rollup_day FROM %1$I
        WHERE NOT folded AND owner = ANY (string_to_array(current_setting('linhui.owners', true), ',')) LIMIT $1) d),
    gone AS (DELETE FROM %1$I t USING cells c WHERE t.owner = c.owner AND t.rollup_day = c.rollup_day RETURNING t.*),
    kept AS (INSERT INTO %1$I (%2$s, %3$s, folded) SELECT %2$s, %4$s, true FROM gone GROUP BY %2$s HAVING %5$s)
    SELECT count(*)::int FROM gone WHERE NOT folded $q$, name, keyed, measured, totals, changed));
END $$;
COMMENT ON PROCEDURE linhui_roll_up IS
  'Keeps totals of a table: by owner, the day or month (grain) of the column at in Shanghai (rollup_day), and the columns in keys: rollup_n rows, '
  'and rollup_m1, rollup_m2 ... for each aggregate in sums, which must be a count or a sum over t. kept: a condition on t for rows that count. public: anyone may read '
  'them. Builds the table from the rows that are there while writers wait (0.6 s for 200,000 of feedback, measured).';

CREATE PROCEDURE linhui_unroll(tbl text) LANGUAGE plpgsql AS $$
DECLARE r record; event text;
BEGIN
  FOR r IN DELETE FROM linhui_rollups WHERE of_table = tbl RETURNING name LOOP
    FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
      EXECUTE format('DROP FUNCTION %I() CASCADE', r.name || '_' || event);
    END LOOP;
    EXECUTE format('DROP TABLE %I', r.name);
  END LOOP;
END $$;
COMMENT ON PROCEDURE linhui_unroll IS 'Drops every rollup of a table with its triggers.';

CREATE FUNCTION linhui_fold(most int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE r record; n int; total int := 0;
BEGIN
  FOR r IN SELECT fold FROM linhui_rollups ORDER BY name LOOP
    EXECUTE r.fold INTO n USING most - total;
    total := total + n;
    EXIT WHEN total >= most;
  END LOOP;
  RETURN total;
END $$;
COMMENT ON FUNCTION linhui_fold IS 'Adds up at most so many rows of differences of the owners in linhui.owners, more where they share a day, and says how many.';
REVOKE ALL ON FUNCTION linhui_fold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linhui_fold TO linhui_writer;
-- +goose StatementEnd

-- What Feedback and ServiceDelivery declare.
CALL linhui_roll_up('feedbacks', 'MONTH', 'received_at',
  ARRAY['category', 'kind']::text[],
  ARRAY['count(*) FILTER (WHERE (t.replied_at IS NULL))',
    'count(*) FILTER (WHERE (t.resolved_at IS NOT NULL))',
    'count(CASE WHEN t.reopened_count > 0 THEN 1 END)',
    'count(CASE WHEN t.resolved_at IS NOT NULL OR t.reopened_count > 0 THEN 1 END)',
    'count(CASE WHEN t.status = ''DUPLICATE'' THEN 1 END)',
    'sum(t.satisfaction)',
    'count(t.satisfaction)']::text[],
  'true', false);
CALL linhui_roll_up('feedbacks', 'MONTH', 'received_at',
  ARRAY['responsible_org_id', 'status']::text[],
  ARRAY['count(*) FILTER (WHERE (t.replied_at IS NULL))',
    'count(*) FILTER (WHERE (t.resolved_at IS NOT NULL))',
    'count(CASE WHEN t.reopened_count > 0 THEN 1 END)',
    'count(CASE WHEN t.resolved_at IS NOT NULL OR t.reopened_count > 0 THEN 1 END)',
    'count(CASE WHEN t.status = ''DUPLICATE'' THEN 1 END)',
    'sum(t.satisfaction)',
    'count(t.satisfaction)']::text[],
  'true', false);
CALL linhui_roll_up('service_deliveries', 'MONTH', 'occurred_on',
  ARRAY['kind', 'audience']::text[],
  ARRAY['sum(t.person_times)',
    'sum(t.sessions)']::text[],
  't.superseded_at IS NULL', true);
CALL linhui_roll_up('service_deliveries', 'DAY', 'occurred_on',
  ARRAY['kind', 'station_id']::text[],
  ARRAY['sum(t.person_times)',
    'sum(t.sessions)']::text[],
  't.superseded_at IS NULL', true);

-- +goose Down
CALL linhui_unroll('feedbacks');
CALL linhui_unroll('service_deliveries');
DROP FUNCTION linhui_fold(int), linhui_rollup_name(text, text, text, text[], text[], text);
DROP PROCEDURE linhui_unroll(text), linhui_roll_up(regclass, text, text, text[], text[], text, boolean);
DROP TABLE linhui_rollups;
