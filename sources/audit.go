package sources

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/store"
)

// Audit records, before anything is read, that a viewer asks for personal fields and why.
// The row names fields, never values. Without the row nothing is read.
func (s *Sources) Audit(ctx context.Context, v *authz.Viewer, fields []string) error {
	communities := v.Communities
	if v.All {
		communities = []string{"*"}
	}
	var role string
	if len(v.Roles) > 0 {
		role = string(v.Roles[0])
	}
	scope := database.Scope{Owners: []string{"directory"}, Principal: v.Principal}
	return s.opt.Directory.Write(ctx, scope, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_log (principal, role, action, communities, purpose, detail) VALUES ($1, $2, 'READ_PERSONAL', $3, $4, $5)`,
			v.Principal, role, pq.Array(communities), v.Purpose, store.JSON{V: map[string]any{"fields": fields}})
		return err
	})
}
