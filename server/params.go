package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"linhui/internal/fault"
)

// params is a GraphQL request as a transport received it.
type params struct {
	query     string
	operation string
	variables map[string]any
	persisted string // the hash of Apollo's persisted query extension, as sent
}

// wire is the JSON form of params, in a POST body and in a socket's subscribe payload.
type wire struct {
	Query         *string         `json:"query"`
	OperationName *string         `json:"operationName"`
	Variables     json.RawMessage `json:"variables"`
	Extensions    json.RawMessage `json:"extensions"`
}

// parseParams reads the JSON form. Lists (batches) are refused like every other mistake.
func parseParams(b []byte) (*params, *fault.Error) {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fault.Newf(fault.BadUserInput, "%s must be a string", wrong.Field)
		}
		return nil, fault.Newf(fault.BadUserInput, "the body must be one JSON object with a query")
	}
	return w.params()
}

func (w *wire) params() (*params, *fault.Error) {
	p := &params{}
	if w.Query != nil {
		p.query = *w.Query
	}
	if w.OperationName != nil {
		p.operation = *w.OperationName
	}
	var f *fault.Error
	if p.variables, f = parseVariables(w.Variables); f != nil {
		return nil, f
	}
	if p.persisted, f = parsePersisted(w.Extensions); f != nil {
		return nil, f
	}
	if p.query == "" && p.persisted == "" {
		return nil, fault.Newf(fault.BadUserInput, "query is missing")
	}
	return p, nil
}

func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

// parseVariables keeps numbers as json.Number, so that an Int or a decimal keeps every digit.
func parseVariables(raw json.RawMessage) (map[string]any, *fault.Error) {
	if absent(raw) {
		return nil, nil
	}
	var vars map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&vars); err != nil {
		return nil, fault.Newf(fault.BadUserInput, "variables must be an object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.Newf(fault.BadUserInput, "variables must be one object")
	}
	return vars, nil
}

func parsePersisted(raw json.RawMessage) (string, *fault.Error) {
	if absent(raw) {
		return "", nil
	}
	var ext map[string]json.RawMessage
	if err := json.Unmarshal(raw, &ext); err != nil {
		return "", fault.Newf(fault.BadUserInput, "extensions must be an object")
	}
	var pq struct {
		Version int    `json:"version"`
		Hash    string `json:"sha256Hash"`
	}
	if absent(ext["persistedQuery"]) {
		return "", nil
	}
	if err := json.Unmarshal(ext["persistedQuery"], &pq); err != nil || pq.Version != 1 || pq.Hash == "" {
		return "", fault.Newf(fault.BadUserInput, "extensions.persistedQuery must hold version 1 and a sha256Hash")
	}
	return pq.Hash, nil
}

// readParams reads a GET or POST request of at most most bytes.
func readParams(r *http.Request, most int64) (*params, *answer) {
	if r.Method == http.MethodPost {
		return readBody(r, most)
	}
	if int64(len(r.URL.RawQuery)) > most {
		return nil, failure(http.StatusRequestURITooLong, tooLarge(most))
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "the query string cannot be read"))
	}
	text, operation := q.Get("query"), q.Get("operationName")
	w := wire{Query: &text, OperationName: &operation, Variables: json.RawMessage(q.Get("variables")), Extensions: json.RawMessage(q.Get("extensions"))}
	p, f := w.params()
	if f != nil {
		return nil, failure(http.StatusBadRequest, f)
	}
	return p, nil
}

func tooLarge(most int64) *fault.Error {
	return fault.Newf(fault.BadUserInput, "the request is larger than %d bytes", most).With("max", most)
}

func readBody(r *http.Request, most int64) (*params, *answer) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, failure(http.StatusUnsupportedMediaType,
			fault.Newf(fault.BadUserInput, "the content type must be application/json in UTF-8"))
	}
	if r.ContentLength > most {
		return nil, failure(http.StatusRequestEntityTooLarge, tooLarge(most))
	}
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	if _, err := b.ReadFrom(io.LimitReader(r.Body, most+1)); err != nil {
		return nil, failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "the body ended early"))
	}
	if int64(b.Len()) > most {
		return nil, failure(http.StatusRequestEntityTooLarge, tooLarge(most))
	}
	p, f := parseParams(b.Bytes())
	if f != nil {
		return nil, failure(http.StatusBadRequest, f)
	}
	return p, nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	kind, attrs, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" {
		return false
	}
	charset, given := attrs["charset"]
	return !given || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
