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
	return s.writeDirectory(ctx, v, auditEntry{action: "READ_PERSONAL", purpose: v.Purpose, detail: map[string]any{"fields": fields}}, nil)
}

// auditEntry is what a row of the directory's audit log says beside who and where.
type auditEntry struct {
	action, entityType, entityID, purpose string
	detail                                map[string]any // names, never values
}

// writeDirectory does something to the directory, nil for nothing, and writes its audit row, in
// one transaction.
func (s *Sources) writeDirectory(ctx context.Context, v *authz.Viewer, entry auditEntry, do func(context.Context, *sqlx.Tx) error) error {
	communities := v.Communities
	if v.All {
		communities = []string{"*"}
	}
	var role string
	if len(v.Roles) > 0 {
		role = string(v.Roles[0])
	}
	scope := database.Scope{Owners: store.DirectoryScope, Principal: v.Principal}
	return s.opt.Directory.Write(ctx, scope, func(ctx context.Context, tx *sqlx.Tx) error {
		if do != nil {
			if err := do(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_log (principal, role, action, communities, entity_type, entity_id, purpose, detail)
			VALUES ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), nullif($7, ''), $8)`, v.Principal, role, entry.action, pq.Array(communities),
			entry.entityType, entry.entityID, entry.purpose, store.JSON{V: entry.detail})
		return err
	})
}
