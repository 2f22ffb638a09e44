-- +goose Up
-- Whose order staff wrote down may be judged in the same way: by staff, in the name of who ordered.

ALTER TABLE service_requests ADD written_down boolean NOT NULL DEFAULT false;
UPDATE service_requests SET written_down = true WHERE requester_id IS NULL;

-- +goose Down
ALTER TABLE service_requests DROP written_down;
