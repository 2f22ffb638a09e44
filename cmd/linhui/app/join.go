package app

import (
	"context"
	"io"

	"linhui/cmd/linhui/gateway"
	"linhui/schema"
	"linhui/server"
	"linhui/supergraph"
	"linhui/supergraph/execute"
)

// Name is that of the own graph among the subgraphs of a supergraph.
const Name = "linhui"

// join serves the own graph, which s answers to gateways and so serves the public, as one of a
// supergraph's.
func join(ctx context.Context, o gateway.Options, s *server.Server, so server.Options) (*gateway.Gateway, error) {
	o.Local = &gateway.Local{Subgraph: local{s}, Name: Name, Schema: so.Schema, Before: so.Before}
	if o.Load == nil {
		c, err := gateway.NewComposer(o.URLs, o.Local, o.Client)
		if err != nil {
			return nil, err
		}
		o.Load, o.Part, o.URLs = c.Load, c.Part, nil
	}
	o.Server, o.Log = so, so.Log
	o.Server.Subgraph = nil
	if o.Policies == nil {
		o.Policies = make(map[string]execute.Policy)
	}
	o.Policies[Name] = execute.Policy{Messages: true, Extensions: []string{"*"}} // presented already
	return gateway.New(ctx, o)
}

// local is the own graph as a subgraph, without HTTP.
type local struct{ *server.Server }

// SDL implements supergraph.Subgraph.
func (local) SDL(context.Context) (string, error) { return schema.SDL(), nil }

// Do implements supergraph.Subgraph.
func (l local) Do(ctx context.Context, r *supergraph.Request) (*supergraph.Response, error) {
	body, err := r.Body()
	if err != nil {
		return nil, err
	}
	return supergraph.ReadResponse(l.Ask(ctx, body, nil))
}

// Post implements execute.Poster.
func (l local) Post(ctx context.Context, request []byte, _ bool, buffer []byte) ([]byte, bool, error) {
	return l.Ask(ctx, request, buffer), true, nil
}

// Subscribe implements execute.Streamer.
func (l local) Subscribe(ctx context.Context, request []byte) (func() ([]byte, error), error) {
	next := l.Stream(ctx, request)
	return func() ([]byte, error) {
		if answer := next(); answer != nil {
			return answer, nil
		}
		return nil, io.EOF
	}, nil
}
