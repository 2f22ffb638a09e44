package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// SavedQuery is one version of a query kept in the directory.
type SavedQuery struct {
	Name        string
	Folder      string
	Description *string
	Version     int
	Latest      int
	Document    string
	Operation   *string
	Parameters  []SavedQueryParameter
	Owner       string
	Mine        bool
	SharedWith  *scalar.Enum
	SavedAt     time.Time
}

// SavedQueryParameter is a variable of a document.
type SavedQueryParameter struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Required bool    `json:"required"`
	Default  *string `json:"default,omitempty"`
}

// Permalink is where this very version runs.
func (q *SavedQuery) Permalink() string {
	return "/q/" + url.PathEscape(q.Name) + "?version=" + strconv.Itoa(q.Version)
}

// SavedQueryPayload answers a write.
type SavedQueryPayload struct {
	SavedQuery *SavedQuery
	UserErrors []UserError
}

// SaveQueryInput asks for a new query, or a new version of one's own.
type SaveQueryInput struct {
	Name, Folder, Document string
	Description, Operation *string
	ExpectedVersion        *int
}

// ShareQueryInput asks that a role may run a query; nil: nobody but its owner.
type ShareQueryInput struct {
	Name string
	Role *scalar.Enum
}

// DeleteQueryInput names a query.
type DeleteQueryInput struct{ Name string }

const (
	maxFolder      = 120
	maxDescription = 500
	// maxSaved bounds the queries of a principal: lists of them are not paged. Chosen.
	maxSaved = 200
)

var savedName = regexp.MustCompile(`^[\p{L}\p{N}_-]{1,60}$`)

// Check refuses what the directory would not take.
func (in *SaveQueryInput) Check() error {
	switch {
	case !savedName.MatchString(in.Name):
		return fault.Newf(fault.BadUserInput, "a name has 1 to 60 letters, digits, - and _").At("name")
	case utf8.RuneCountInString(in.Folder) > maxFolder || strings.HasPrefix(in.Folder, "/") || strings.HasSuffix(in.Folder, "/"):
		return fault.Newf(fault.BadUserInput, "a folder has at most %d characters and neither begins nor ends with /", maxFolder).At("folder")
	case in.Description != nil && utf8.RuneCountInString(*in.Description) > maxDescription:
		return fault.Newf(fault.BadUserInput, "a description has at most %d characters", maxDescription).At("description")
	}
	return nil
}

const savedColumns = `SELECT q.name, q.folder, q.description, v.version, q.latest, v.document, v.operation, v.parameters,
	q.principal, q.principal = $1, q.shared_with, v.saved_at
	FROM saved_queries q JOIN saved_query_versions v USING (name) WHERE (q.principal = $1 OR q.shared_with = ANY($2))`

// savedSeen is whose queries a viewer sees: their own, and those shared with a role they hold.
func savedSeen(v *authz.Viewer) []any {
	var roles []string
	for _, r := range authz.Roles() {
		if v.Principal != "" && v.Has(r) {
			roles = append(roles, string(r))
		}
	}
	return []any{v.Principal, pq.Array(roles)}
}

// DirectoryScope is the scope of statements on the directory, which belongs to no community.
var DirectoryScope = []string{"directory"}

// SavedQueryByName returns a version that the viewer sees; 0 is the newest. Otherwise NOT_FOUND.
func SavedQueryByName(ctx context.Context, src Source, v *authz.Viewer, name string, version int) (*SavedQuery, error) {
	list, err := savedQueries(ctx, src, savedColumns+` AND q.name = $3 AND v.version = CASE $4::int WHEN 0 THEN q.latest ELSE $4 END`,
		append(savedSeen(v), name, version))
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, fault.Newf(fault.NotFound, "no saved query of this name and version is in your sight").At("name")
	}
	return list[0], nil
}

// SavedQueries returns the newest versions that the viewer sees in a folder and those inside it;
// nil: everywhere.
func SavedQueries(ctx context.Context, src Source, v *authz.Viewer, folder *string) ([]*SavedQuery, error) {
	return savedQueries(ctx, src, savedColumns+` AND v.version = q.latest
		AND ($3::text IS NULL OR q.folder = $3 OR starts_with(q.folder, $3 || '/')) ORDER BY q.folder, q.name`, append(savedSeen(v), folder))
}

func savedQueries(ctx context.Context, src Source, text string, args []any) ([]*SavedQuery, error) {
	list := []*SavedQuery{}
	q := database.Query{Access: database.Scoped, Owners: DirectoryScope, SQL: text, Args: args}
	err := each(ctx, src, q, func(rs *sql.Rows) error {
		var s SavedQuery
		var parameters []byte
		err := rs.Scan(&s.Name, &s.Folder, &s.Description, &s.Version, &s.Latest, &s.Document, &s.Operation, &parameters,
			&s.Owner, &s.Mine, &s.SharedWith, &s.SavedAt)
		list = append(list, &s)
		return errors.Join(err, json.Unmarshal(parameters, &s.Parameters))
	})
	return list, err
}

// SaveQuery writes a new query or version. The name of somebody else's query is a CONFLICT.
func SaveQuery(ctx context.Context, tx *sqlx.Tx, v *authz.Viewer, in *SaveQueryInput, parameters []SavedQueryParameter) error {
	var held int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM saved_queries WHERE principal = $1 AND name <> $2`, v.Principal, in.Name).Scan(&held); err != nil {
		return err
	}
	if held >= maxSaved {
		return fault.Newf(fault.BadUserInput, "you keep %d queries already: delete one first", held)
	}
	var latest int
	err := tx.QueryRowContext(ctx, `INSERT INTO saved_queries AS q (name, folder, description, principal) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET folder = $2, description = $3, latest = q.latest + 1, updated_at = now() WHERE q.principal = $4
		RETURNING latest`, in.Name, in.Folder, in.Description, v.Principal).Scan(&latest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.Newf(fault.Conflict, "somebody else keeps a query of this name: choose another").At("name")
	case err != nil:
		return err
	case in.ExpectedVersion != nil && *in.ExpectedVersion != latest-1:
		return fault.Newf(fault.Conflict, "the query has another version by now").At("expectedVersion").With("version", latest-1)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO saved_query_versions (name, version, document, operation, parameters) VALUES ($1, $2, $3, $4, $5)`,
		in.Name, latest, in.Document, in.Operation, JSON{V: parameters})
	return err
}

// ShareQuery lets a role run a query of the viewer's own.
func ShareQuery(ctx context.Context, tx *sqlx.Tx, v *authz.Viewer, in *ShareQueryInput) error {
	return changeOwn(tx.ExecContext(ctx, `UPDATE saved_queries SET shared_with = $3, updated_at = now() WHERE name = $1 AND principal = $2`,
		in.Name, v.Principal, in.Role))
}

// DeleteQuery deletes a query of the viewer's own.
func DeleteQuery(ctx context.Context, tx *sqlx.Tx, v *authz.Viewer, in *DeleteQueryInput) error {
	return changeOwn(tx.ExecContext(ctx, `DELETE FROM saved_queries WHERE name = $1 AND principal = $2`, in.Name, v.Principal))
}

func changeOwn(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return fault.Newf(fault.NotFound, "you keep no query of this name").At("name")
}

// Snapshot names what a database shows to a statement that begins now: while the name is the
// same, so is every row. It changes with every write on the same server, also elsewhere. A standby
// cannot name it, since its snapshots do not list what is still being written: SOURCE_UNAVAILABLE.
func Snapshot(ctx context.Context, src Source) (name string, err error) {
	var found sql.NullString
	err = each(ctx, src, database.Query{SQL: `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_snapshot()::text END`}, func(rs *sql.Rows) error { return rs.Scan(&found) })
	if err == nil && !found.Valid {
		err = fault.Newf(fault.SourceUnavailable, "a standby answers for the source")
	}
	return found.String, err
}
