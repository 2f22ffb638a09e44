package sources

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"linhui/internal/authz"
	"linhui/store"
)

// SavedQuery returns a version of a saved query that the viewer sees; 0 is the newest.
func (s *Sources) SavedQuery(ctx context.Context, name string, version int) (*store.SavedQuery, error) {
	return store.SavedQueryByName(ctx, s.opt.Directory, authz.FromContext(ctx), name, version)
}

// SavedQueries returns those that the viewer sees in a folder; nil: everywhere.
func (s *Sources) SavedQueries(ctx context.Context, folder *string) ([]*store.SavedQuery, error) {
	return store.SavedQueries(ctx, s.opt.Directory, authz.FromContext(ctx), folder)
}

// SaveQuery writes a new query or version, whose document was found good.
func (s *Sources) SaveQuery(ctx context.Context, in *store.SaveQueryInput, parameters []store.SavedQueryParameter) (*store.SavedQuery, error) {
	return s.writeSaved(ctx, "SAVE_QUERY", in.Name, func(ctx context.Context, tx *sqlx.Tx, v *authz.Viewer) error {
		return store.SaveQuery(ctx, tx, v, in, parameters)
	})
}

// ShareQuery lets a role run a query of the viewer's own.
func (s *Sources) ShareQuery(ctx context.Context, in *store.ShareQueryInput) (*store.SavedQuery, error) {
	return s.writeSaved(ctx, "SHARE_QUERY", in.Name, func(ctx context.Context, tx *sqlx.Tx, v *authz.Viewer) error {
		return store.ShareQuery(ctx, tx, v, in)
	})
}

// DeleteQuery deletes a query of the viewer's own.
func (s *Sources) DeleteQuery(ctx context.Context, in *store.DeleteQueryInput) error {
	v := authz.FromContext(ctx)
	return s.writeDirectory(ctx, v, savedEntry("DELETE_QUERY", in.Name), func(ctx context.Context, tx *sqlx.Tx) error {
		return store.DeleteQuery(ctx, tx, v, in)
	})
}

func (s *Sources) writeSaved(ctx context.Context, action, name string, do func(context.Context, *sqlx.Tx, *authz.Viewer) error) (*store.SavedQuery, error) {
	v := authz.FromContext(ctx)
	err := s.writeDirectory(ctx, v, savedEntry(action, name), func(ctx context.Context, tx *sqlx.Tx) error { return do(ctx, tx, v) })
	if err != nil {
		return nil, err
	}
	return s.SavedQuery(ctx, name, 0)
}

func savedEntry(action, name string) auditEntry {
	return auditEntry{action: action, entityType: "SavedQuery", entityID: name, detail: map[string]any{}}
}

// DataVersion names what all databases show now: while it stays the same, so does every row.
// It is not known while a source does not answer.
func (s *Sources) DataVersion(ctx context.Context) (version string, known bool) {
	var b strings.Builder
	b.WriteString(s.state.Load().version)
	for _, p := range askAll(ctx, s, func(ctx context.Context, src *Source) (string, error) { return store.Snapshot(ctx, src) }) {
		if p.Err != nil {
			return "", false
		}
		b.WriteString(" " + p.Source.Key + "=" + p.Value)
	}
	return b.String(), true
}
