-- +goose Up
-- Queries kept under a name. What may be run is decided when it runs, by the rights of whoever runs it.
CREATE TABLE saved_queries (
  name text COLLATE "C" PRIMARY KEY CHECK (char_length(name) BETWEEN 1 AND 60 AND name !~ '[/.?#%[:space:]]'),
  folder text COLLATE "C" NOT NULL DEFAULT '' CHECK (char_length(folder) <= 120),
  description text,
  principal text COLLATE "C" NOT NULL, -- who may change it
  shared_with text, -- a role
  latest int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX saved_queries_principal ON saved_queries (principal, folder, name);
CREATE INDEX saved_queries_shared ON saved_queries (shared_with, folder, name) WHERE shared_with IS NOT NULL;

CREATE TABLE saved_query_versions (
  name text COLLATE "C" NOT NULL REFERENCES saved_queries ON DELETE CASCADE,
  version int NOT NULL CHECK (version > 0),
  document text NOT NULL,
  operation text,
  parameters jsonb NOT NULL, -- [{name, type, required, default}], read off the document
  saved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);

-- +goose StatementBegin
CREATE FUNCTION linhui_saved_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a version of a saved query never changes' USING ERRCODE = '23001', CONSTRAINT = 'saved_version_stays';
END $$;
-- +goose StatementEnd
CREATE TRIGGER stays BEFORE UPDATE ON saved_query_versions FOR EACH ROW EXECUTE FUNCTION linhui_saved_version_stays();

GRANT SELECT ON saved_queries, saved_query_versions TO linhui_scoped, linhui_writer;
GRANT INSERT, UPDATE, DELETE ON saved_queries TO linhui_writer;
GRANT INSERT, DELETE ON saved_query_versions TO linhui_writer;

-- +goose Down
DROP TABLE saved_query_versions, saved_queries;
DROP FUNCTION linhui_saved_version_stays();
