package database_test

import (
	"context"
	"database/sql"
	"syscall"
	"testing"
	"time"

	"linhui/internal/database"
)

// BenchmarkQuery compares one row by primary key through DB.Query with what database/sql needs
// at least (a prepared sql.Stmt, a context that never ends) and with what it needs to honour a
// context's end.
//
//	go test ./internal/database -run '^$' -bench Query -benchmem -count 5
func BenchmarkQuery(b *testing.B) {
	tk := testDB(b)
	const text = "SELECT body FROM notes WHERE owner = $1 AND id = $2"
	scan := func(rows *sql.Rows) error {
		var body string
		for rows.Next() {
			if err := rows.Scan(&body); err != nil {
				return err
			}
		}
		return nil
	}
	timed, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	contexts := []struct {
		name string
		ctx  context.Context
	}{{"background", context.Background()}, {"deadline", timed}}

	bare, err := sql.Open("postgres", tk.DSN+"&options=-c%20role%3Dlinhui_public")
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	stmt, err := bare.Prepare(text)
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	for _, c := range contexts {
		b.Run("bare/"+c.name, func(b *testing.B) {
			defer processorTime(b)()
			for b.Loop() {
				rows, err := stmt.QueryContext(c.ctx, "north", 1)
				if err != nil {
					b.Fatal(err)
				}
				if err := scan(rows); err != nil {
					b.Fatal(err)
				}
				rows.Close()
			}
		})
	}
	d := open(b, database.Config{DSN: tk.DSN})
	for _, access := range []database.Access{database.Public, database.Scoped} {
		for _, c := range contexts {
			b.Run(access.Role()+"/"+c.name, func(b *testing.B) {
				defer processorTime(b)()
				q := database.Query{Access: access, Owners: []string{"north"}, SQL: text, Args: []any{"north", 1}}
				for b.Loop() {
					if err := d.Query(c.ctx, q, scan); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// processorTime reports what this process itself spends an operation, which other load on the
// machine disturbs less than the time on the wall.
func processorTime(b *testing.B) (stop func()) {
	b.ReportAllocs()
	spent := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	return func() { b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op") }
}
