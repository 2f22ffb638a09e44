package store

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/page"
	"linhui/schema/scalar"
)

var update = flag.Bool("update", false, "rewrite testdata")

// recorder is a Source that writes statements down and answers with no rows.
type recorder struct{ text strings.Builder }

func (r *recorder) Query(_ context.Context, q database.Query, _ func(*sql.Rows) error) error {
	// A clause a line, so that a diff shows what changed.
	text := q.SQL
	for _, clause := range []string{" FROM ", " WHERE ", " ORDER BY ", " LIMIT ", " GROUP BY ", " AND ", " JOIN "} {
		text = strings.ReplaceAll(text, clause, "\n "+clause[1:])
	}
	fmt.Fprintf(&r.text, "-- %s %s\n%s\n", q.Access.Role(), strings.Join(q.Owners, ","), text)
	for i, a := range q.Args {
		fmt.Fprintf(&r.text, "-- $%d %s\n", i+1, shown(a))
	}
	return nil
}

func shown(a any) string {
	if v, ok := a.(interface{ Value() (any, error) }); ok {
		a, _ = v.Value()
	}
	switch x := a.(type) {
	case *pq.StringArray:
		return fmt.Sprint([]string(*x))
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(a)
}

func (r *recorder) compare(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".sql")
	if *update {
		if err := os.WriteFile(file, []byte(r.text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.text.String() != string(want) {
		t.Errorf("%s: run with -update and review the difference\ngot\n%s\nwant\n%s", file, &r.text, want)
	}
}

var (
	noon     = time.Date(2026, 6, 10, 12, 0, 0, 0, scalar.Shanghai)
	public   = &authz.Viewer{At: noon}
	employee = &authz.Viewer{Principal: "staff", Roles: []authz.Role{authz.CommunityStaff}, Communities: []string{"a", "c"}, Purpose: "case 17", At: noon}
)

func askOf(t testing.TB, v *authz.Viewer, demand Demand) *Ask {
	t.Helper()
	signer, err := page.NewSigner([]byte("a cursor key for tests only"))
	if err != nil {
		t.Fatal(err)
	}
	return &Ask{Viewer: v, Demand: demand, Cursors: signer, Log: slog.New(slog.DiscardHandler), Directory: &Directory{}}
}

func demand(typ string, fields ...string) Demand {
	d := Demand{typ: {}}
	for _, f := range fields {
		d[typ][f] = true
	}
	return d
}

func TestPagesAsSQL(t *testing.T) {
	t.Parallel()
	names := demand("Station", "nameZh")
	holders := demand("StaffPost", "labelZh", "holderName")
	at := page.Position{"OTHER", "站", "a", uuid.Nil.String()}
	byKind := &OrderBy{Field: "KIND", Direction: "DESC"}
	text := "站_%"
	for name, page := range map[string]func(t *testing.T, r *recorder) error{
		"page_one_owner": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, Stations, askOf(t, public, names), nil, PageQuery{Owners: []string{"a"}, Limit: 51})
		},
		"page_several_owners": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, Stations, askOf(t, public, names), byKind, PageQuery{Owners: []string{"a", "b"}, Limit: 51})
		},
		"page_backward_from_cursor": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, Stations, askOf(t, public, names), byKind, PageQuery{Owners: []string{"a", "b"}, Limit: 11, From: at, Backward: true})
		},
		"page_filtered_from_cursor": func(t *testing.T, r *recorder) error {
			f := &StationFilter{Kinds: []scalar.Enum{"RED_STATION", "OTHER"}, NameContains: &text}
			return pageInto(t, r, Stations, askOf(t, public, names), nil, PageQuery{Owners: []string{"a"}, Filter: f, Limit: 11, From: at[1:]})
		},
		"page_restricted": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, Enrolments, askOf(t, employee, demand("Enrolment", "status")), nil, PageQuery{Owners: []string{"a", "b", "c"}, Limit: 11})
		},
		"page_restricted_out_of_scope": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, Enrolments, askOf(t, employee, demand("Enrolment", "status")), nil, PageQuery{Owners: []string{"b"}, Limit: 11})
		},
		"page_classed_column_partly_in_scope": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, StaffPosts, askOf(t, employee, holders), nil, PageQuery{Owners: []string{"a", "b"}, Limit: 11})
		},
		"page_classed_column_out_of_scope": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, StaffPosts, askOf(t, employee, holders), nil, PageQuery{Owners: []string{"b"}, Limit: 11})
		},
		"page_every_column_the_public_may_read": func(t *testing.T, r *recorder) error {
			return pageInto(t, r, StaffPosts, askOf(t, public, nil), nil, PageQuery{Owners: []string{"a"}, Limit: 11})
		},
		"count": func(t *testing.T, r *recorder) error {
			_, err := Stations.Count(t.Context(), r, askOf(t, public, names), []string{"a", "b"}, &StationFilter{NameContains: &text})
			return err
		},
		"count_beside_classed_column": func(t *testing.T, r *recorder) error {
			_, err := StaffPosts.Count(t.Context(), r, askOf(t, employee, holders), []string{"a", "b"}, nil)
			return err
		},
		"count_restricted": func(t *testing.T, r *recorder) error {
			_, err := Enrolments.Count(t.Context(), r, askOf(t, employee, nil), []string{"a", "b"}, nil)
			return err
		},
		"hot": func(t *testing.T, r *recorder) error {
			_, err := OpenStationsNow.LoadRows(t.Context(), r, askOf(t, employee, nil), []string{"a", "b"}, noon, nil, true)
			return err
		},
		"owners": func(t *testing.T, r *recorder) error { _, err := Owners(t.Context(), r); return err },
		"nodes": func(t *testing.T, r *recorder) error {
			_, err := Stations.Nodes(t.Context(), r, askOf(t, public, names), []pageID{{Type: "Station", Owner: "a"}, {Type: "Station", Owner: "b"}, {Type: "Station", Owner: "a"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			if err := page(t, &r); err != nil {
				t.Fatal(err)
			}
			r.compare(t, name)
		})
	}
}

type pageID = page.ID

func pageInto[T any](t *testing.T, r *recorder, table *Table[T], ask *Ask, by *OrderBy, q PageQuery) error {
	t.Helper()
	o, err := table.Ordered(by)
	if err != nil {
		return err
	}
	_, err = table.Page(t.Context(), r, ask, o, q)
	return err
}

func TestLinksAsSQL(t *testing.T) {
	t.Parallel()
	station := func(owner string, n byte) Node {
		s := &Station{Row: Row{Owner: owner, UUID: uuid.UUID{n}, typ: "Station"}, EstateID: &uuid.UUID{1}}
		return s
	}
	first := 5
	for name, c := range map[string]struct {
		link    *Link
		viewer  *authz.Viewer
		parents []Node
		args    map[string]any
		demand  Demand
	}{
		"has_one":             {LinkAt("Station", "estate"), public, []Node{station("a", 1), station("a", 2), station("b", 3)}, nil, demand("Estate", "nameZh")},
		"has_many":            {LinkAt("Station", "rooms"), public, []Node{station("a", 1), station("b", 3)}, nil, demand("Room", "nameZh")},
		"has_many_filtered":   {LinkAt("Station", "offerings"), public, []Node{station("a", 1)}, map[string]any{"kind": []scalar.Enum{"OTHER"}}, demand("Offering", "nameZh")},
		"has_page":            {LinkAt("Community", "stations"), public, []Node{&Community{Row: Row{Owner: "a", typ: "Community"}}, &Community{Row: Row{Owner: "b", typ: "Community"}}}, map[string]any{"first": &first}, demand("Station", "nameZh")},
		"has_page_restricted": {LinkAt("Course", "enrolments"), employee, []Node{&Course{Row: Row{Owner: "a", UUID: uuid.UUID{1}, typ: "Course"}}, &Course{Row: Row{Owner: "b", UUID: uuid.UUID{2}, typ: "Course"}}}, nil, demand("Enrolment", "status")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			b := &Batch{Ask: askOf(t, c.viewer, c.demand), Parents: c.parents, Args: c.args, Want: Want{Rows: true, Count: true},
				Values: make([]any, len(c.parents)), Coverage: func(string) *page.Coverage { return nil }}
			if err := c.link.Load(t.Context(), &r, b); err != nil {
				t.Fatal(err)
			}
			r.compare(t, name)
		})
	}
}
