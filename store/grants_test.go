package store

import (
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"

	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/schema"
)

// What everybody may read follows from the described types: the suite checks that the public role
// reads their public columns and no others of theirs. This is the rest: a grant on what no public
// type has.
func TestThePublicRoleReadsNothingThatNoPublicTypeHas(t *testing.T) {
	t.Parallel()
	db := superuser(t, testkit.Database(t, testkit.Source))
	if got := needless(t, db); len(got) > 0 {
		t.Errorf("granted to linhui_public, and no public field reads it:\n%q", got)
	}
	for grant, want := range map[string][]string{
		"SELECT ON loans":                          {"loans"},
		"SELECT (reporter_id) ON feedbacks":        {"feedbacks"},
		"SELECT ON audit_log":                      {"audit_log"},
		"SELECT ON feedback_omitted":               {"feedback_omitted"},
		"SELECT (withdrawn_at) ON echo_wall_posts": {"echo_wall_posts.withdrawn_at"},
		"SELECT (shown) ON stations":               {"stations.shown"},
		"SELECT (secret) ON stations":              {"stations.secret"},
	} {
		t.Run(grant, func(t *testing.T) {
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.Exec("ALTER TABLE stations ADD secret text, ADD shown text GENERATED ALWAYS AS (secret || kind) STORED; GRANT " + grant + " TO linhui_public"); err != nil {
				t.Fatal(err)
			}
			if got := needless(t, tx); !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

// foundation is what is public beside the types: the tables of migration 0001, kinds that roll up
// into others, and which communities lie in an area.
var foundation = []string{"owners", "hot_versions", "service_kinds", "linhui_areas"}

// needless lists tables, and columns of tables that have a public type, that linhui_public may
// read for no reason. Reasons are a field, the key to a row, an expression of a type, and what
// every table has; a generated column is as public as what it is made of.
func needless(t *testing.T, db interface {
	Query(string, ...any) (*sql.Rows, error)
}) []string {
	t.Helper()
	read := map[string]map[string]bool{} // columns that public types read, by table
	named := map[string]bool{}           // by SQL of public types
	for _, typ := range slices.Sorted(maps.Keys(tables)) {
		if s := tables[typ].described(); !s.Restricted {
			if read[s.Table] == nil {
				read[s.Table] = map[string]bool{}
			}
			tables[typ].(conforming).reads(read[s.Table], named)
			for field, l := range links[typ] {
				if rule := schema.Fields()[typ+"."+field]; !l.scoped && rule.Class == authz.P0Public && rule.Roles == nil {
					named[l.via] = true
				}
			}
		}
	}
	rolledUp(func(_ *Cube, r *Rollup) { named[r.table], named[r.table+"_areas"] = r.public, r.public })
	rows, err := db.Query(`SELECT c.relname, a.attname, a.attname IN ('version', 'created_at', 'updated_at', 'provenance')
			OR EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = c.oid AND a.attnum = ANY(conkey))
			OR a.attgenerated <> '' AND NOT EXISTS (SELECT FROM pg_attrdef d JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
				WHERE d.adrelid = c.oid AND d.adnum = a.attnum AND p.refobjid = c.oid AND p.refobjsubid NOT IN (0, a.attnum)
				AND NOT has_column_privilege('linhui_public', c.oid, p.refobjsubid::smallint, 'SELECT'))
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relkind IN ('r', 'v') AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
		AND has_column_privilege('linhui_public', c.oid, a.attnum, 'SELECT') ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var table, column string
		var plain bool
		if err := rows.Scan(&table, &column, &plain); err != nil {
			t.Fatal(err)
		}
		switch typed := read[table] != nil; {
		case typed && !plain && !read[table][column]:
			found = append(found, fmt.Sprintf("%s.%s", table, column))
		case !typed && !named[table] && !slices.Contains(foundation, table):
			found = append(found, table)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return slices.Compact(found)
}

var word = regexp.MustCompile(`\w+`)

// reads adds what the public reads of a table: its columns, and the names in its SQL.
func (t *Table[T]) reads(columns, named map[string]bool) {
	add := func(sql string) {
		for _, name := range word.FindAllString(sql, -1) {
			columns[name], named[name] = true, true
		}
	}
	add(t.Visible)
	add(t.Published)
	for _, c := range t.columns {
		if c.class == authz.P0Public || isKey(c) {
			add(c.expr)
		}
	}
}
