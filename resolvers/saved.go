package resolvers

import (
	"context"

	"linhui/store"
)

func (q query) SavedQuery(ctx context.Context, name string, version *int) (*store.SavedQuery, error) {
	if version == nil {
		version = new(int)
	}
	return q.Sources.SavedQuery(ctx, name, *version)
}

func (q query) SavedQueries(ctx context.Context, folder *string) ([]*store.SavedQuery, error) {
	return q.Sources.SavedQueries(ctx, folder)
}

func (m mutation) SaveQuery(ctx context.Context, input store.SaveQueryInput) (*store.SavedQueryPayload, error) {
	err := input.Check()
	var parameters []store.SavedQueryParameter
	if err == nil {
		parameters, err = m.Parameters(input.Document, input.Operation)
	}
	if err != nil {
		return savedPayload(nil, err)
	}
	return savedPayload(m.Sources.SaveQuery(ctx, &input, parameters))
}

func (m mutation) ShareQuery(ctx context.Context, input store.ShareQueryInput) (*store.SavedQueryPayload, error) {
	return savedPayload(m.Sources.ShareQuery(ctx, &input))
}

func (m mutation) DeleteQuery(ctx context.Context, input store.DeleteQueryInput) (*store.SavedQueryPayload, error) {
	return savedPayload(nil, m.Sources.DeleteQuery(ctx, &input))
}

// savedPayload is the payload of a write of a saved query, or of the rules that it broke.
func savedPayload(q *store.SavedQuery, err error) (*store.SavedQueryPayload, error) {
	broken := []store.UserError{}
	if err != nil {
		if broken = store.UserErrors(err); broken == nil {
			return nil, err
		}
	}
	return &store.SavedQueryPayload{SavedQuery: q, UserErrors: broken}, nil
}
