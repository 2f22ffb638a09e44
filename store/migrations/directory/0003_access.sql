-- +goose Up
-- The gateway reads the directory with the role that reads public columns everywhere, and
-- writes the audit log with the writer's.

-- +goose StatementBegin
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['linhui_public', 'linhui_scoped', 'linhui_writer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      BEGIN EXECUTE format('CREATE ROLE %I NOLOGIN', r);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, r, 'USAGE') THEN
      BEGIN EXECUTE format('GRANT %I TO CURRENT_USER', r);
      EXCEPTION WHEN unique_violation THEN NULL;
      END;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', r);
  END LOOP;
END $$;
-- +goose StatementEnd
GRANT SELECT ON divisions, communities, sources, work_calendar, festival_days TO linhui_public, linhui_scoped, linhui_writer;
GRANT INSERT, SELECT ON audit_log TO linhui_writer;

-- +goose Down
REVOKE INSERT, SELECT ON audit_log FROM linhui_writer;
REVOKE SELECT ON divisions, communities, sources, work_calendar, festival_days FROM linhui_public, linhui_scoped, linhui_writer;
