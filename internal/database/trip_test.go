package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
)

// columns runs queries together and returns the first column of each one's rows.
func columns(ctx context.Context, d *database.DB, qs ...database.Query) ([][]string, []error) {
	all := make([][]string, len(qs))
	errs := d.QueryAll(ctx, qs, func(i int, rows *sql.Rows) error {
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return err
			}
			all[i] = append(all[i], s)
		}
		return nil
	})
	return all, errs
}

func TestQueriesShareATripAndEachSeesItsOwnScope(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	for _, cfg := range []database.Config{{}, {TransactionPooler: true}, {MaxConns: 1}} {
		cfg.DSN = tk.DSN
		d := open(t, cfg)
		const bodies = "SELECT body FROM notes ORDER BY 1"
		for range 3 {
			got, errs := columns(t.Context(), d,
				scoped([]string{"north"}, bodies),
				scoped([]string{"south"}, "SELECT body FROM notes WHERE body = $1", "nobody's"),
				scoped([]string{"south"}, bodies),
				scoped([]string{"a'b"}, bodies),
				scoped([]string{"north", "south"}, bodies),
				scoped([]string{"east"}, bodies),
			)
			want := [][]string{{"n1"}, nil, {"s1"}, nil, {"n1", "s1"}, nil}
			for i, err := range errs {
				if (err != nil) != (i == 3) || !slices.Equal(got[i], want[i]) {
					t.Errorf("%+v: query %d: %v, %v", cfg.TransactionPooler, i, got[i], err)
				}
			}
		}
	}
}

func TestATripTakesOneConnectionWhichStaysOpen(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	const pid = "SELECT pg_backend_pid()::text"
	var first string
	for range 5 {
		for _, access := range []database.Access{database.Scoped, database.Scoped, database.Writer} {
			q := database.Query{Access: access, Owners: []string{"north"}, SQL: pid}
			got, errs := columns(t.Context(), d, q, q, q)
			if err := errors.Join(errs...); err != nil || got[0][0] != got[1][0] || got[0][0] != got[2][0] {
				t.Fatal(got, err)
			}
			if access == database.Scoped && first == "" {
				first = got[0][0]
			}
			if access == database.Scoped && first != got[0][0] {
				t.Error("another connection")
			}
		}
	}
	if s := d.Snapshot(); s.Conns != 2 || s.Calls != 15 || s.Statements != 45 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsReadInATripCannotWrite(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	exec(t, tk.DSN, func(ex func(string)) { ex("CREATE SEQUENCE counted; GRANT ALL ON SEQUENCE counted TO PUBLIC") })
	d := open(t, database.Config{DSN: tk.DSN})
	for _, access := range []database.Access{database.Scoped, database.Writer} {
		q := database.Query{Access: access, Owners: []string{"north"}, SQL: "SELECT nextval('counted')::text"}
		_, errs := columns(t.Context(), d, q, q)
		for _, err := range errs {
			if v := database.ViolationOf(err); v == nil || v.SQLState != "25006" {
				t.Errorf("%v: %v", access, err)
			}
		}
	}
}

func TestARefusedQueryCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN, MaxConns: 1})
	north := func(text string, args ...any) database.Query { return scoped([]string{"north"}, text, args...) }
	own := errors.New("the reader's own")
	qs := []database.Query{
		north("SELECT 'first'"),
		north("SELECT (1 / (length($1::text) - 1))::text", "x"), // fails when it runs
		north("SELECT body FROM notes"),
		north("SELECT absent FROM notes"), // fails when it is prepared
		north("SELECT 'left unread' FROM generate_series(1, 1000)"),
		north("SELECT $1::text", "NUL \x00"), // cannot be sent
		north("SELECT $1::text", struct{}{}),
		north("SELECT n::text FROM generate_series(1, 3) n WHERE 6 / (n - 3) < 9"), // fails after two rows
		north("SELECT 'last'"),
	}
	for range 3 {
		got := make([]string, len(qs))
		errs := d.QueryAll(t.Context(), qs, func(i int, rows *sql.Rows) error {
			if i == 4 {
				rows.Next()
				return own
			}
			for rows.Next() {
				if err := rows.Scan(&got[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if want := []string{"first", "", "n1", "", "", "", "", "", "last"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		for i, state := range []string{"", "22012", "", "42703", "", "22021", "", "22012", ""} {
			switch v := database.ViolationOf(errs[i]); {
			case i == 4 && errs[i] == own, i == 6 && errs[i] != nil:
			case state == "" && errs[i] != nil, state != "" && (v == nil || v.SQLState != state):
				t.Errorf("query %d: %v", i, errs[i])
			}
		}
	}
	if s := d.Snapshot(); s.Conns != 1 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestArgumentsArriveInATripAsTheyDoAlone(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	north := []string{"north"}
	at := time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.FixedZone("", 8*3600))
	var none *string
	for _, c := range []struct {
		text string
		arg  any
	}{
		{"SELECT $1::text", "it's \\ a \"text\" $1 ; -- /* 邻汇 🏮 \n\t%"},
		{"SELECT $1::text", "'; DROP TABLE notes; --"},
		{"SELECT $1::text", `\'; DROP TABLE notes; --`},
		{"SELECT $1::text", ""},
		{"SELECT coalesce($1::text, 'NULL')", nil},
		{"SELECT coalesce($1::text, 'NULL')", none},
		{"SELECT $1::bigint", int64(-1 << 63)},
		{"SELECT $1::int", -7},
		{"SELECT $1::float8", 0.1},
		{"SELECT $1::numeric", 1e-9},
		{"SELECT $1::bool", true},
		{"SELECT $1::timestamptz::text", at},
		{"SELECT array_to_string($1::text[], '|')", []string{"a,b", `c"d\e'`, "{f}", "", "NULL"}},
		{"SELECT array_to_string($1::bigint[], '|')", []int64{1, -2}},
		{"SELECT encode($1::bytea, 'hex')", []byte{0, 1, 0xff, '\'', '\\'}},
		{"SELECT $1::jsonb ->> 'a'", `{"a": "b'\\c"}`},
	} {
		alone, errs := columns(t.Context(), d, public(c.text, c.arg))
		if errs[0] != nil {
			t.Fatal(c, errs[0])
		}
		q := scoped(north, c.text, c.arg)
		together, errs := columns(t.Context(), d, q, q)
		if err := errors.Join(errs...); err != nil || !slices.Equal(together[0], alone[0]) || !slices.Equal(together[1], alone[0]) {
			t.Errorf("%v: alone %q, together %q, %v", c, alone[0], together, err)
		}
	}
}

func TestATripSurvivesAMigration(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	d := open(t, database.Config{DSN: tk.DSN, MaxConns: 1})
	qs := []database.Query{scoped([]string{"north"}, "SELECT 'untouched'"), scoped([]string{"north"}, "SELECT n.body FROM notes n"),
		scoped([]string{"north"}, "SELECT n.body FROM notes n WHERE n.body > $1", ""), scoped([]string{"north"}, "SELECT n.secret FROM notes n")}
	look := func() {
		t.Helper()
		got, errs := columns(t.Context(), d, qs...)
		if err := errors.Join(errs...); err != nil || got[0][0] != "untouched" || got[1][0] != "n1" || got[2][0] != "n1" {
			t.Error(got, err)
		}
	}
	look()
	exec(t, tk.DSN, func(ex func(string)) { ex("ALTER TABLE notes ALTER body TYPE varchar(100)") })
	look()
	exec(t, tk.DSN, func(ex func(string)) { ex("ALTER TABLE notes ALTER body TYPE text") })
	look()
	look()
	if s := d.Snapshot(); s.Conns != 1 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNoNumberOfTextsFillsAConnection(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN, MaxConns: 1})
	north := []string{"north"}
	for i := range 40 {
		var qs []database.Query
		for j := range 20 {
			qs = append(qs, scoped(north, fmt.Sprintf("SELECT '%d-%d'", i%39, j)))
		}
		if _, errs := columns(t.Context(), d, qs...); errors.Join(errs...) != nil {
			t.Fatal(errors.Join(errs...))
		}
	}
	got := mustColumn(t, d, scoped(north, "SELECT (count(*) BETWEEN 400 AND 512)::text || count(*) FROM pg_prepared_statements"))
	if !strings.HasPrefix(got[0], "true") {
		t.Error(got[0], "statements are prepared")
	}
}

func TestALateQueryCostsThoseBehindIt(t *testing.T) {
	t.Parallel()
	cfg := database.Config{DSN: testDB(t).DSN}
	cfg.Budgets[database.Dashboard] = 200 * time.Millisecond
	d := open(t, cfg)
	north := []string{"north"}
	got, errs := columns(t.Context(), d, scoped(north, "SELECT 'quick'"), scoped(north, "SELECT pg_sleep(5)::text"), scoped(north, "SELECT 'behind'"))
	if errs[0] == nil && got[0] == nil || !fault.Is(errs[1], fault.SourceTimeout) || !fault.Is(errs[2], fault.SourceTimeout) {
		t.Error(got, errs)
	}
	if strings.Contains(fmt.Sprint(errs), "pg_sleep") {
		t.Error("an error shows the statement")
	}
}
