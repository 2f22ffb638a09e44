// Package migrations holds the two database schemas of Linhui as goose migrations, one file a domain.
//
// Source is the schema of every database that keeps communities; Directory that of the gateway's own
// database. The SQL is the reference for names, rules and who may read what:
//
//   - Every domain table is keyed (owner, id) and no key crosses owners, so a source may hold one community
//     or a district, or be sharded by owner.
//   - A migration of a domain ends with one CALL linhui_protect line a table: row-level security, the grants
//     of the three roles (linhui_public, linhui_scoped, linhui_writer) and the trigger that keeps version and
//     updated_at. The roles belong to the cluster; going down leaves them and the extension btree_gist,
//     which others may use too.
//   - A broken rule is refused with a standard SQLSTATE and the name of the rule in the constraint field:
//     23514 check, 23505 unique, 23503 reference, 23P01 overlap, 23001 delete or edit of what is append-only,
//     42501 a role that may not.
//
// # Loading in bulk
//
// Foreign keys and triggers are about half of the time of a large load (310,000 enrolments: 11 s with them,
// 7 s without). A loader of rows that are already right, as a superuser or with SET granted on the
// parameter, can skip them:
//
//	BEGIN;
//	SET LOCAL session_replication_role = replica;  -- no trigger and no foreign key is checked
//	COPY ...;                                      -- book_year and book_no of feedback are then the loader's to give
//	SET LOCAL session_replication_role = origin;
//	CALL linhui_recount();                         -- seats, members, book counters, hot lists
//	COMMIT;
//	ANALYZE;
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed source/*.sql directory/*.sql
var files embed.FS

// Source and Directory are the migrations of a source database and of the directory, for Up.
// Both need PostgreSQL 15 or newer, and a role that owns the database and may create roles, or is a
// member of the three already.
var (
	Source    = sub("source")
	Directory = sub("directory")
)

func sub(dir string) fs.FS {
	tree, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // only an invalid path fails, and both are constants
	}
	return tree
}
