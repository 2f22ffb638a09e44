-- +goose Up
-- Residents with a skill (能人库), shown as far as they themselves say.

CREATE TABLE talent_profiles (
  owner text COLLATE "C" NOT NULL REFERENCES owners,
  id uuid NOT NULL DEFAULT linhui_uuid7(),
  holder_id uuid, -- P2; NULL where a report names a role alone
  holder_role text, -- 居民
  skills text[] NOT NULL CHECK (cardinality(skills) BETWEEN 1 AND 10 AND array_position(skills, NULL) IS NULL),
  skills_en text[] NOT NULL DEFAULT '{}',
  note text,
  team_id uuid, -- whose members see it besides, and which the public sees it with
  visibility text NOT NULL DEFAULT 'PRIVATE' CHECK (visibility IN ('PRIVATE', 'TEAM', 'STAFF', 'PUBLIC')),
  status text NOT NULL DEFAULT 'LISTED' CHECK (status IN ('LISTED', 'WITHDRAWN')),
  provenance jsonb NOT NULL DEFAULT '{}',
  version int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, id),
  FOREIGN KEY (owner, holder_id) REFERENCES residents,
  FOREIGN KEY (owner, team_id) REFERENCES volunteer_teams,
  CONSTRAINT somebody_has_the_skill CHECK (holder_id IS NOT NULL OR btrim(coalesce(holder_role, '')) <> ''),
  CONSTRAINT a_team_that_sees_it CHECK (visibility <> 'TEAM' OR team_id IS NOT NULL)
);
CREATE UNIQUE INDEX talent_profiles_one_a_person ON talent_profiles (owner, holder_id) WHERE status = 'LISTED';
CREATE INDEX talent_profiles_holder ON talent_profiles (owner, holder_id, id);
CREATE INDEX talent_profiles_team ON talent_profiles (owner, team_id) WHERE team_id IS NOT NULL;

-- What everybody may know: the skill, never whose it is. The view reads as its owner, past the policies of the profiles.
CREATE VIEW public_talents AS
  SELECT owner, id, skills, skills_en, holder_role, team_id, provenance FROM talent_profiles WHERE visibility = 'PUBLIC' AND status = 'LISTED';
GRANT SELECT (owner, id, skills, skills_en, holder_role, team_id, provenance) ON public_talents TO linhui_public, linhui_scoped, linhui_writer;

CALL linhui_protect('talent_profiles');

-- +goose Down
DROP VIEW public_talents;
DROP TABLE talent_profiles;
