package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"

	"linhui/internal/database"
)

// widen drops the checks of enum columns, as a newer database has wider ones. It locks the table, so
// it is not for where others read.
func (t *Table[T]) widen(tt *testing.T, w *world) {
	if t.local() {
		return
	}
	for _, c := range t.columns {
		if c.enum == nil {
			continue
		}
		if _, err := w.admins.Exec(fmt.Sprintf(`DO $$ DECLARE rule text; BEGIN
			FOR rule IN SELECT conname FROM pg_constraint c JOIN pg_attribute a ON attrelid = conrelid AND attnum = ANY(conkey)
				WHERE conrelid = '%[1]s'::regclass AND contype IN ('c', 'u') AND attname = '%[2]s'
			LOOP EXECUTE format('ALTER TABLE %[1]s DROP CONSTRAINT IF EXISTS %%I CASCADE', rule); END LOOP; END $$`, t.Table, c.name)); err != nil {
			tt.Fatal(err)
		}
	}
}

// conformEnums writes enum values that this version does not know, as a newer one would.
func (t *Table[T]) conformEnums(tt *testing.T, w *world) {
	for _, c := range t.columns {
		if c.enum == nil || c.expr != "t."+c.name {
			continue
		}
		tt.Run(c.name, func(tt *testing.T) {
			value := "'NEWER_' || left(md5(id::text), 1)" // some before and some after OTHER and all else
			if c.scan == reflect.TypeFor[Enums]() {
				value = "ARRAY['NEWER']"
			}
			tx := &inTransaction{tt: tt, db: w.admins}
			defer tx.rollback()
			if err := tx.exec("ALTER TABLE " + t.Table + " DISABLE TRIGGER USER"); err != nil {
				tt.Fatal(err)
			}
			err := tx.exec("UPDATE " + t.Table + " SET " + c.name + " = " + value + " WHERE left(md5(id::text), 1) > '7'")
			if e := new(pq.Error); errors.As(err, &e) && e.Code == "23503" {
				return // kinds have a table of their own
			} else if err != nil {
				tt.Fatal(err)
			}
			var log lines
			ask := w.ask(tt, all(), nil)
			ask.Log = slog.New(slog.NewTextHandler(&log, nil))
			owners := t.owned(tt, w)
			for name, o := range t.orders {
				rows, err := t.Page(tt.Context(), tx, ask, Ordered[T]{table: t, by: o}, PageQuery{Owners: owners, Limit: everything})
				if err != nil {
					tt.Fatal(err)
				}
				for i := 1; i < len(rows); i++ {
					if a, b := t.position(rows[i-1], o), t.position(rows[i], o); a.Compare(b) >= 0 {
						tt.Fatalf("by %q, with newer values, PostgreSQL has %v before %v", name, a, b)
					}
				}
				for _, r := range rows {
					b, err := json.Marshal(r)
					if err != nil {
						tt.Fatal(err)
					}
					if strings.Contains(string(b), "NEWER") {
						tt.Fatalf("a newer value is shown: %s", b)
					}
				}
			}
			if text := log.String(); !strings.Contains(text, "unknown enum value") || strings.Contains(text, "NEWER") {
				tt.Errorf("logged: %.300s", text)
			}
		})
	}
}

// inTransaction is a Source that reads in a transaction which is then rolled back.
type inTransaction struct {
	tt *testing.T
	db *sql.DB
	tx *sql.Tx
}

func (x *inTransaction) exec(text string) (err error) {
	if x.tx == nil {
		if x.tx, err = x.db.Begin(); err != nil {
			return err
		}
	}
	_, err = x.tx.Exec(text)
	return err
}

func (x *inTransaction) rollback() {
	if x.tx != nil {
		x.tx.Rollback()
	}
}

func (x *inTransaction) Query(ctx context.Context, q database.Query, each func(*sql.Rows) error) error {
	rows, err := x.tx.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return each(rows)
}

// lines is a log that several goroutines write to.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
