-- +goose Up
-- What a resident raises is public once staff have read it: the scan for personal data does not know names.

ALTER TABLE deliberations DROP CONSTRAINT deliberations_status_check, DROP CONSTRAINT deliberation_closed_with_a_word,
  ADD CONSTRAINT deliberations_status_check CHECK (status IN ('RAISED', 'DECLINED', 'OPEN', 'RESOLVED', 'DROPPED')),
  ADD CONSTRAINT deliberation_closed_with_a_word CHECK ((status IN ('RAISED', 'OPEN')) = (btrim(coalesce(resolution_zh, '')) = '')
    AND (status IN ('RAISED', 'OPEN')) = (closed_on IS NULL));
DROP POLICY linhui_writer ON deliberations;
DROP POLICY linhui_public ON deliberations;
DROP POLICY linhui_scoped ON deliberations;
DROP TRIGGER touch ON deliberations;
CALL linhui_protect('deliberations', '*', $$status NOT IN ('RAISED', 'DECLINED')$$);

-- +goose Down
DROP POLICY linhui_writer ON deliberations;
DROP POLICY linhui_public ON deliberations;
DROP POLICY linhui_scoped ON deliberations;
DROP TRIGGER touch ON deliberations;
CALL linhui_protect('deliberations', '*');
UPDATE deliberations SET status = CASE status WHEN 'RAISED' THEN 'OPEN' ELSE 'DROPPED' END WHERE status IN ('RAISED', 'DECLINED');
ALTER TABLE deliberations DROP CONSTRAINT deliberations_status_check, DROP CONSTRAINT deliberation_closed_with_a_word,
  ADD CONSTRAINT deliberations_status_check CHECK (status IN ('OPEN', 'RESOLVED', 'DROPPED')),
  ADD CONSTRAINT deliberation_closed_with_a_word CHECK ((status = 'OPEN') = (btrim(coalesce(resolution_zh, '')) = '') AND (status = 'OPEN') = (closed_on IS NULL));
