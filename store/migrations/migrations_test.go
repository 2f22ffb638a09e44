package migrations_test

import (
	"database/sql"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
	"linhui/store/migrations"
)

var sourceKind = testkit.Kind{Name: "source", Migrations: migrations.Source}

// catalog lists what a schema consists of, one line a thing.
const catalog = `
	SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
		coalesce(column_default, '') || coalesce(generation_expression, '') || coalesce(collation_name, '') AS line
	FROM information_schema.columns WHERE table_schema = 'public'
	UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
	FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'policy ' || tablename || policyname || cmd || roles::text || qual || coalesce(with_check, '') FROM pg_policies
	UNION ALL SELECT 'relation ' || relname || coalesce(relacl::text, '') || relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
	UNION ALL SELECT 'grant ' || attrelid::regclass || '.' || attname || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid > 16384
	UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
		AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
	ORDER BY line`

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fs.FS{"source": migrations.Source, "directory": migrations.Directory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.Empty(t).Open(t)
			migrate := func(how func() error) []string {
				t.Helper()
				if err := how(); err != nil {
					t.Fatal(err)
				}
				return texts(t, db, catalog)
			}
			up := func() error { return migrations.Up(t.Context(), db, files) }
			down := func() error { return migrations.Down(t.Context(), db, files) }

			first := migrate(up)
			if left := migrate(down); len(left) == 0 {
				t.Error("goose_db_version is gone: the catalog query sees nothing")
			}
			left := texts(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1`)
			if diff := cmp.Diff([]string{"goose_db_version"}, left); diff != "" {
				t.Errorf("relations after down (-want +got):\n%s", diff)
			}
			left = texts(t, db, `SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
				AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e') ORDER BY 1`)
			if len(left) > 0 {
				t.Errorf("functions after down: %v", left)
			}
			if diff := cmp.Diff(first, migrate(up)); diff != "" {
				t.Errorf("up after down differs from the first up (-first +second):\n%s", diff)
			}
		})
	}
}

// TestShape holds what makes a source fit for sharding by owner: each query must be empty.
func TestShape(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, sourceKind).Open(t)
	const notOwned = `('goose_db_version', 'service_kinds', 'linhui_rollups', 'linhui_areas')`
	for name, query := range map[string]string{
		"a table without owner": `SELECT relname FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
			AND relname NOT IN ` + notOwned + ` AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'owner' AND attnotnull)`,
		"a key, unique or not, that does not start with owner": `SELECT indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = indrelid
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND (indisunique OR indisexclusion) AND relname NOT IN ` + notOwned + `
			AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0] AND attname = 'owner')`,
		"a foreign key that may cross owners": `SELECT conrelid::regclass || ' ' || conname FROM pg_constraint f
			WHERE contype = 'f' AND confrelid::regclass::text NOT IN ` + notOwned + `
			AND NOT (EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1] AND attname = 'owner')
				AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1] AND attname = 'owner'))`,
		"an owner that sorts by a locale": `SELECT attrelid::regclass FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
			WHERE attname = 'owner' AND relkind = 'r' AND attcollation <> '"C"'::regcollation`,
		"a table without row-level security": `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
			AND NOT relrowsecurity AND relname NOT IN ('owners', 'hot_versions', 'goose_db_version', 'service_kinds', 'linhui_rollups', 'linhui_areas')`,
		"a right to delete": `SELECT grantee || ' ' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants
			WHERE grantee LIKE 'linhui\_%' AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE')`,
		"a whole table granted to the public": `SELECT table_name FROM information_schema.role_table_grants
			WHERE grantee = 'linhui_public' AND table_name NOT IN ('owners', 'hot_versions', 'service_kinds', 'linhui_areas')`,
		"a function with rights of its owner and a loose search_path": `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			AND prosecdef AND proconfig IS NULL`,
	} {
		if bad := texts(t, db, query); len(bad) > 0 {
			t.Errorf("%s: %v", name, bad)
		}
	}
}

type querier interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// texts is the single column of a query.
func texts(t *testing.T, db querier, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
