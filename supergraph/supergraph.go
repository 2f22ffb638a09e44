// Package supergraph is the seam between the gateway and the graphs it joins.
//
// compose makes one supergraph SDL of the subgraphs' SDLs, plan turns an operation on it into a tree of
// fetches, and execute runs that tree. Only execute does I/O, and only through Subgraph.
package supergraph

import (
	"context"
	"encoding/json"
	"net/http"
)

// Subgraph is one graph that takes part: a schema of this process or a service over HTTP.
type Subgraph interface {
	// SDL is the subgraph's own schema as its _service field tells it, federation directives included.
	SDL(ctx context.Context) (string, error)
	// Do answers one operation. An error means that there is no answer at all; a GraphQL answer that
	// holds errors is a Response. Safe for concurrent use.
	Do(ctx context.Context, r *Request) (*Response, error)
}

// Request is one operation for one subgraph.
type Request struct {
	Query         string
	OperationName string          // empty: the only one
	Variables     json.RawMessage // a JSON object, or nil
	Extensions    json.RawMessage // a JSON object, or nil
	Header        http.Header     // what the header rules let through; nil is none
}

// Response is a subgraph's answer, its bytes as they came. The receiver may keep and change them.
type Response struct {
	Data       json.RawMessage // nil when the answer has no data member
	Errors     json.RawMessage // nil when the answer has no errors member
	Extensions json.RawMessage
	Header     http.Header // what the subgraph answered with, before header rules
}
