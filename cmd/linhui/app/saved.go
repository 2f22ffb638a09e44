package app

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/server"
	"linhui/sources"
	"linhui/store"
)

// savedQueries lets the server run what the directory keeps.
type savedQueries struct{ *sources.Sources }

// Saved returns a version that the viewer sees.
func (s savedQueries) Saved(ctx context.Context, name string, version int) (*server.Saved, error) {
	q, err := s.SavedQuery(ctx, name, version)
	if err != nil {
		return nil, err
	}
	out := &server.Saved{Name: q.Name, Version: q.Version, Document: q.Document}
	if q.Operation != nil {
		out.Operation = *q.Operation
	}
	return out, nil
}

// KeepQuery saves a query for ctx's viewer, unless the viewer keeps one of its name.
func (g *Gateway) KeepQuery(ctx context.Context, in *store.SaveQueryInput) error {
	if _, err := g.Sources.SavedQuery(ctx, in.Name, 0); !fault.Is(err, fault.NotFound) {
		return err
	}
	variables, err := g.parameters(in.Document, in.Operation)
	if err == nil {
		_, err = g.Sources.SaveQuery(ctx, in, variables)
	}
	return err
}

// parameters checks documents that are to be saved as the server would run them.
func parameters(schema *ast.Schema, l *server.Limits) func(string, *string) ([]store.SavedQueryParameter, error) {
	return func(document string, operation *string) ([]store.SavedQueryParameter, error) {
		variables, err := server.CheckExport(schema, l, document, operation)
		if err != nil {
			return nil, err
		}
		list := []store.SavedQueryParameter{}
		for _, v := range variables {
			p := store.SavedQueryParameter{Name: v.Variable, Type: v.Type.String(), Required: v.Type.NonNull && v.DefaultValue == nil}
			if v.DefaultValue != nil {
				text := v.DefaultValue.String()
				p.Default = &text
			}
			list = append(list, p)
		}
		return list, nil
	}
}
