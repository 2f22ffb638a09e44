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
	query      string
	operation  string
	variables  map[string]any
	extensions map[string]any
	persisted  string // the hash of Apollo's persisted query extension, as sent
}

// wire is the JSON form of params, in a POST body and in a socket's subscribe payload.
type wire struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
	Extensions    map[string]any `json:"extensions"`
}

// decode reads exactly one JSON value. Numbers stay json.Number, so that an Int or a decimal in
// the variables keeps every digit.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

// parseParams reads the JSON form. Lists (batches) are refused like every other mistake.
func parseParams(r io.Reader) (*params, *fault.Error) {
	var w wire
	if err := decode(r, &w); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fault.Newf(fault.BadUserInput, "%s is of the wrong type", wrong.Field)
		}
		return nil, fault.Newf(fault.BadUserInput, "the body must be one JSON object with a query")
	}
	return w.params()
}

func (w *wire) params() (*params, *fault.Error) {
	p := &params{query: w.Query, operation: w.OperationName, variables: w.Variables, extensions: w.Extensions}
	if pq := w.Extensions["persistedQuery"]; pq != nil {
		fields, _ := pq.(map[string]any)
		hash, _ := fields["sha256Hash"].(string)
		if fields["version"] != json.Number("1") || hash == "" {
			return nil, fault.Newf(fault.BadUserInput, "extensions.persistedQuery must hold version 1 and a sha256Hash")
		}
		p.persisted = hash
	}
	if p.query == "" && p.persisted == "" {
		return nil, fault.Newf(fault.BadUserInput, "query is missing")
	}
	return p, nil
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
	w := wire{Query: q.Get("query"), OperationName: q.Get("operationName")}
	for name, into := range map[string]*map[string]any{"variables": &w.Variables, "extensions": &w.Extensions} {
		if text := q.Get(name); text != "" && decode(strings.NewReader(text), into) != nil {
			return nil, failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "%s must be a JSON object", name))
		}
	}
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
	p, f := parseParams(b)
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
