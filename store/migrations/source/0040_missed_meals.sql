-- +goose Up
-- Who waits for a meal at home misses nothing: a delivery fails. What a day has left, whatever its status, is looked for.

ALTER TABLE meal_orders ADD CONSTRAINT missed_by_who_was_to_come CHECK (status <> 'NO_SHOW' OR NOT delivery) NOT VALID; -- what was written before stands
DROP INDEX meal_orders_open;
CREATE INDEX meal_orders_open ON meal_orders (owner, status, service_date) WHERE status IN ('PLACED', 'CONFIRMED', 'PREPARED', 'READY', 'OUT_FOR_DELIVERY');
CREATE INDEX meal_orders_roster ON meal_orders (owner, roster_id) WHERE roster_id IS NOT NULL;

-- +goose Down
DROP INDEX meal_orders_roster, meal_orders_open;
CREATE INDEX meal_orders_open ON meal_orders (owner, status, service_date) WHERE status IN ('PLACED', 'READY');
ALTER TABLE meal_orders DROP CONSTRAINT missed_by_who_was_to_come;
