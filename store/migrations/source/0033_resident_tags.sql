-- +goose Up
-- What staff know of residents who need help (了解独居老人情况): recorded with its basis, and ended with a reason.

ALTER TABLE resident_tags
  ADD CONSTRAINT tag_has_a_beginning CHECK (NOT lower_inf(valid)),
  ADD valid_from date NOT NULL GENERATED ALWAYS AS (lower(valid)) STORED,
  ADD valid_to date GENERATED ALWAYS AS (upper(valid)) STORED, -- the first day on which it holds no more
  ADD ended_reason text, -- P3
  ADD provenance jsonb NOT NULL DEFAULT '{}',
  ADD CONSTRAINT tag_says_on_what_basis CHECK (btrim(basis) <> ''),
  ADD CONSTRAINT tag_ends_for_a_reason CHECK (ended_reason IS NULL OR btrim(ended_reason) <> '' AND NOT upper_inf(valid));
COMMENT ON TABLE resident_tags IS 'Sensitive (P3): read with a stated purpose and an audit row only.';
CREATE INDEX resident_tags_from ON resident_tags (owner, valid_from DESC, id);
CREATE INDEX resident_tags_tag ON resident_tags (owner, tag, valid_from DESC, id);
CREATE INDEX resident_tags_resident ON resident_tags (owner, resident_id, valid_from DESC, id);

-- +goose Down
DROP INDEX resident_tags_from, resident_tags_tag, resident_tags_resident;
ALTER TABLE resident_tags DROP CONSTRAINT tag_has_a_beginning, DROP CONSTRAINT tag_says_on_what_basis, DROP CONSTRAINT tag_ends_for_a_reason,
  DROP valid_from, DROP valid_to, DROP ended_reason, DROP provenance;
COMMENT ON TABLE resident_tags IS NULL;
