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

// Body is the request as the body of a POST.
func (r *Request) Body() ([]byte, error) {
	return json.Marshal(struct {
		Query         string          `json:"query"`
		OperationName string          `json:"operationName,omitempty"`
		Variables     json.RawMessage `json:"variables,omitempty"`
		Extensions    json.RawMessage `json:"extensions,omitempty"`
	}{r.Query, r.OperationName, r.Variables, r.Extensions})
}

// ReadResponse takes an answer's body apart.
func ReadResponse(body []byte) (*Response, error) {
	var answer struct{ Data, Errors, Extensions json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	return &Response{Data: answer.Data, Errors: answer.Errors, Extensions: answer.Extensions}, nil
}

// Response is a subgraph's answer, its bytes as they came. The receiver may keep and change them.
type Response struct {
	Data       json.RawMessage // nil when the answer has no data member
	Errors     json.RawMessage // nil when the answer has no errors member
	Extensions json.RawMessage
	Header     http.Header // what the subgraph answered with, before header rules
}
