package seed

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// row is one row of a table by column. Values are what JSON can say; PostgreSQL reads them with
// the column's own type, so that arrays, ranges, dates and jsonb need no code here.
type row map[string]any

// table says how rows are written.
type table struct {
	name    string
	columns []string
	key     []string // defaults to owner, id
	late    []string // columns set after all tables have their rows, since they point in a circle
	// standing rows, once there, are no longer the importer's to change.
	standing bool
}

func (t table) keys() []string {
	if t.key != nil {
		return t.key
	}
	return []string{"owner", "id"}
}

// upsert inserts rows in one statement and updates those that exist and differ, unless somebody has
// taken a step on them since: those are no longer the importer's. What is imported twice keeps its
// version. The count is of rows written.
func (t table) upsert(ctx context.Context, tx *sql.Tx, rows []row) (int64, error) {
	insert := t.insertSQL() + fmt.Sprintf(` ON CONFLICT (%s) DO `, list("", t.keys()))
	if set := without(t.columns, append(t.keys(), t.late...)); len(set) == 0 {
		insert += `NOTHING`
	} else {
		insert += fmt.Sprintf(`UPDATE SET (%s) = ROW(%s) WHERE (%s) IS DISTINCT FROM (%s)`,
			list("", set), list("excluded.", set), list("t.", set), list("excluded.", set))
		if slices.Equal(t.keys(), []string{"owner", "id"}) {
			insert += ` AND NOT EXISTS (SELECT FROM audit_log a WHERE a.owner = t.owner AND a.entity_id = t.id)`
		}
	}
	return t.exec(ctx, tx, insert, rows)
}

// add inserts the rows that are not there yet and leaves the others alone. It asks first instead
// of colliding, so that a trigger that draws numbers sees new rows only.
func (t table) add(ctx context.Context, tx *sql.Tx, rows []row) (int64, error) {
	keys := t.keys()
	return t.exec(ctx, tx, t.insertSQL()+fmt.Sprintf(` WHERE NOT EXISTS (SELECT FROM %s had WHERE (%s) = (%s)) ORDER BY s.ordinality`,
		t.name, list("had.", keys), list("r.", keys)), rows)
}

// insertSQL selects from r, a row of the table made of a JSON object, in the order given.
func (t table) insertSQL() string {
	columns := without(t.columns, t.late)
	return fmt.Sprintf(`INSERT INTO %s AS t (%s) SELECT %s FROM jsonb_array_elements($1) WITH ORDINALITY s(o, ordinality),
		jsonb_populate_record(NULL::%[1]s, s.o) r`, t.name, list("", columns), list("r.", columns))
}

// finish sets the late columns.
func (t table) finish(ctx context.Context, tx *sql.Tx, rows []row) error {
	if len(t.late) == 0 {
		return nil
	}
	_, err := t.exec(ctx, tx, fmt.Sprintf(`UPDATE %s t SET (%s) = ROW(%s) FROM jsonb_populate_recordset(NULL::%[1]s, $1) r
		WHERE t.owner = r.owner AND t.id = r.id AND (%[4]s) IS DISTINCT FROM (%[3]s)`,
		t.name, list("", t.late), list("r.", t.late), list("t.", t.late)), rows)
	return err
}

func (t table) exec(ctx context.Context, tx *sql.Tx, query string, rows []row) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	result, err := tx.ExecContext(ctx, query, string(body))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	return result.RowsAffected()
}

func list(prefix string, columns []string) string {
	return prefix + strings.Join(columns, ", "+prefix)
}

func without(columns, some []string) []string {
	var rest []string
	for _, c := range columns {
		found := false
		for _, s := range some {
			found = found || s == c
		}
		if !found {
			rest = append(rest, c)
		}
	}
	return rest
}
