package store

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"linhui/internal/authz"
	"linhui/page"
)

// conformSight looks for rows that are not the viewer's to see.
func (t *Table[T]) conformSight(tt *testing.T, w *world, owners []string) {
	src, db := t.in(w)
	find := func(v *authz.Viewer, ids ...page.ID) []Node {
		tt.Helper()
		nodes, err := t.Nodes(tt.Context(), src, w.ask(tt, v, demand(t.Type, "id")), ids)
		if err != nil {
			tt.Fatal(err)
		}
		return nodes
	}
	rows := t.nodes(tt, w, w.ask(tt, all(), demand(t.Type, "id")), 50)
	for _, r := range rows {
		own := page.ID{Type: t.Type, Owner: r.Base().Owner, UUID: r.Base().UUID}
		unknown, foreign := own, own
		unknown.UUID = uuid.New()
		foreign.Owner = owners[(slices.Index(owners, own.Owner)+1)%len(owners)]
		if t.local() {
			foreign.Owner = "nowhere"
		}
		found := find(all(), unknown, own, foreign, own)
		if found[0] != nil || found[1] == nil || found[1].Base().ID() != own.String() || found[3] == nil || len(owners) > 1 && found[2] != nil {
			tt.Errorf("looked up an unknown id, %s, the same of %s, and itself: %v", own, foreign.Owner, found)
		}
		if found := find(&authz.Viewer{At: noon}, own); t.Restricted && found[0] != nil {
			tt.Errorf("the public finds a restricted row")
		}
		if found := find(within("nowhere"), own); t.Restricted && found[0] != nil {
			tt.Errorf("a viewer finds a restricted row out of scope")
		}
	}
	if o, _ := t.Ordered(nil); t.Restricted {
		for name, v := range map[string]*authz.Viewer{"the public": {At: noon}, "another community's staff": within("nowhere")} {
			ask := w.ask(tt, v, demand(t.Type, "id"))
			if n := len(t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: 10})); n > 0 {
				tt.Errorf("%s reads %d restricted rows", name, n)
			}
			if n, err := t.Count(tt.Context(), src, ask, owners, nil); n > 0 || err != nil {
				tt.Errorf("%s counts %d restricted rows, %v", name, n, err)
			}
		}
		ask := w.ask(tt, within(owners[0]), nil)
		seen := t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: everything})
		for _, r := range seen {
			if any(r).(Node).Base().Owner != owners[0] {
				tt.Fatal("a row out of scope was read")
			}
		}
		if n, err := t.Count(tt.Context(), src, ask, owners, nil); n != len(seen) || err != nil {
			tt.Errorf("%d rows are counted where %d are read: %v", n, len(seen), err)
		}
	}
	// Counts and pages agree, whatever is demanded beside them and for whomever.
	for name, v := range map[string]*authz.Viewer{"the public": {At: noon}, "one owner's staff": within(owners[0]), "everybody's staff": all()} {
		for _, d := range []Demand{demand(t.Type, "id"), nil} {
			o, _ := t.Ordered(nil)
			ask := w.ask(tt, v, d)
			n, err := t.Count(tt.Context(), src, ask, owners, nil)
			if read := len(t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: everything})); err != nil || n != read {
				tt.Errorf("%s counts %d rows and reads %d: %v", name, n, read, err)
			}
		}
	}
	if t.Visible != "" && !t.local() {
		for _, id := range t.hidden(tt, db) {
			if found := find(all(), id); found[0] != nil {
				tt.Errorf("a row that is not (%s) is found", t.Visible)
			}
		}
	}
}

// retire hides a row of the tables that hide what is retired.
func (t *Table[T]) retire(tt *testing.T, w *world) {
	tt.Helper()
	if _, db := t.in(w); !t.local() && strings.Contains(t.Visible, "retired_at") {
		if _, err := db.Exec("UPDATE " + t.Table + " SET retired_at = now() WHERE (owner, id) = (SELECT owner, max(id::text)::uuid FROM " + t.Table + " GROUP BY owner HAVING count(*) > 3 LIMIT 1)"); err != nil {
			tt.Fatal(err)
		}
	}
}

// hidden returns rows that the table's condition hides.
func (t *Table[T]) hidden(tt *testing.T, db *sql.DB) (out []page.ID) {
	tt.Helper()
	rows, err := db.Query("SELECT owner, id FROM " + t.Table + " t WHERE (" + t.Visible + ") IS NOT TRUE LIMIT 10")
	if err != nil {
		tt.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		id := page.ID{Type: t.Type}
		if err := rows.Scan(&id.Owner, &id.UUID); err != nil {
			tt.Fatal(err)
		}
		out = append(out, id)
	}
	if len(out) == 0 {
		tt.Errorf("no row is hidden by (%s): seed one", t.Visible)
	}
	return out
}
