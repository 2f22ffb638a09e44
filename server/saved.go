package server

import (
	"bytes"
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/tabular"
)

// Saved is a query that runs by its name.
type Saved struct {
	Name      string
	Version   int
	Document  string
	Operation string
}

// SavedQueries finds saved queries, and says when their results are still good.
type SavedQueries interface {
	// Saved returns the version of a query that the viewer in ctx may run; 0 is the newest.
	Saved(ctx context.Context, name string, version int) (*Saved, error)
	// DataVersion names the state of all data; known is false when it cannot be told just now.
	DataVersion(ctx context.Context) (version string, known bool)
}

// serveSaved answers /q/NAME.csv?from=… with a file, by the rights of whoever asks.
func (s *Server) serveSaved(e *engine, saved SavedQueries) http.Handler {
	kept := &results{max: resultBytes, items: map[string]*list.Element{}, order: list.New()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.class = classExport
		if s.preflight(w, r) {
			return
		}
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, OPTIONS")
			s.refuse(x, mediaGraphQL, failure(http.StatusMethodNotAllowed, fault.Newf(fault.BadUserInput, "use GET")))
			return
		}
		if !s.room(classExport) {
			s.refuse(x, mediaGraphQL, busy())
			return
		}
		if refused := s.runSaved(e, saved, kept, w, r); refused != nil {
			s.refuse(x, mediaGraphQL, refused)
		}
	})
}

func (s *Server) runSaved(e *engine, saved SavedQueries, kept *results, w http.ResponseWriter, r *http.Request) *answer {
	file := r.PathValue("file")
	extension := path.Ext(file)
	format := tabular.ByName(strings.TrimPrefix(extension, "."))
	if format == nil || format.Media == "" {
		return failure(http.StatusNotFound, fault.Newf(fault.NotFound, "a saved query runs at /q/NAME.csv, .xlsx, .arrow or .json"))
	}
	ctx, t, refused := s.caller(e, r)
	if refused != nil {
		return refused
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "the query string cannot be read"))
	}
	version := 0
	if text := given.Get("version"); text != "" {
		if version, err = strconv.Atoi(text); err != nil || version < 1 {
			return failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "version is a number from 1 on"))
		}
	}
	found, err := saved.Saved(ctx, strings.TrimSuffix(file, extension), version)
	if err != nil {
		return e.refusal(ctx, err)
	}
	p := &params{query: found.Document, operation: found.Operation}
	if p.variables, err = e.named(ctx, p, given); err != nil {
		return e.refusal(ctx, err)
	}
	x, refused := e.prepareExport(ctx, p, t, s.timing.ExportRetry)
	if refused != nil {
		if refused.requestErr {
			// Saved documents were good when they were saved.
			f := misfit(refused.errors)
			return failure(http.StatusBadRequest, fault.Newf(fault.BadUserInput, "version %d of %s no longer fits: %s", found.Version, found.Name, f.Message))
		}
		return refused
	}
	x.title = found.Name
	out := &exportWriter{w: w, control: http.NewResponseController(w), format: format, params: given}
	if refused := x.open(ctx); refused != nil { // rights, price and audit come before what is kept
		return refused
	}
	if data, known := saved.DataVersion(ctx); known {
		out.tag = x.tag(ctx, data, out)
		for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
			if strings.TrimPrefix(strings.TrimSpace(known), "W/") == out.tag {
				out.tagged()
				w.WriteHeader(http.StatusNotModified)
				return nil
			}
		}
		if old := kept.get(out.tag); old != nil {
			out.head, out.end = old.head, &old.end
			_, _ = out.Write(old.body) // a client that is gone is no failure
			return nil
		}
		out.held = new(bytes.Buffer)
	}
	refused = s.export(ctx, x, out)
	if refused == nil && out.held != nil && out.end != nil && out.end.Complete() {
		kept.put(&result{tag: out.tag, head: out.head, end: *out.end, body: out.held.Bytes()})
	}
	return refused
}

// named reads the variables of an operation from an address.
func (e *engine) named(ctx context.Context, p *params, given url.Values) (map[string]any, error) {
	doc, refused := e.document(ctx, p, authz.FromContext(ctx))
	if refused != nil {
		return nil, nil // preparing meets the same, and says it
	}
	def, f := doc.operation(p.operation)
	if f != nil {
		return nil, f
	}
	vars := map[string]any{}
	var legal []string
	for _, v := range def.VariableDefinitions {
		legal = append(legal, v.Variable)
		if texts, ok := given[v.Variable]; ok {
			vars[v.Variable] = e.fromText(v.Type, texts)
		}
	}
	for name := range given {
		if !slices.Contains(legal, name) && !slices.Contains(reserved, name) {
			return nil, fault.Newf(fault.BadUserInput, "the query has no such parameter; it has %s", strings.Join(legal, ", ")).With("parameters", legal)
		}
	}
	return vars, nil
}

// fromText is a value as an address writes it: lists by commas or by repeating the name, inputs
// as JSON. What does not fit its type is left as it stands, for the validator to refuse.
func (e *engine) fromText(t *ast.Type, texts []string) any {
	if t.Elem != nil {
		values := []any{}
		for _, text := range texts {
			for element := range strings.SplitSeq(text, ",") {
				values = append(values, e.fromText(t.Elem, []string{element}))
			}
		}
		return values
	}
	text := texts[0]
	def := e.valid.Types[t.Name()]
	if def.Kind == ast.InputObject || def.Name == "Int" || def.Name == "Float" || def.Name == "Boolean" {
		var v any
		if decode(strings.NewReader(text), &v) == nil {
			return v
		}
	}
	return text
}

// tag names a result: it is another one when the program, the document, the variables, the
// format, the viewer, the data or, because some fields are worked out from the clock, the minute
// is another.
func (x *export) tag(ctx context.Context, data string, out *exportWriter) string {
	v := authz.FromContext(ctx)
	named, err := json.Marshal([]any{program(), data, x.title, x.base.RawQuery, x.base.OperationName, x.base.Variables, out.format.Name, out.style(),
		v.Principal, v.Roles, v.Communities, v.All, v.Purpose, v.Resident, v.Post, v.At.Unix() / 60})
	if err != nil {
		named = []byte(rand.Text()) // variables come from JSON, so this does not happen
	}
	sum := sha256.Sum256(named)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// program tells builds of this program apart; when it cannot, runs of it.
var program = sync.OnceValue(func() string {
	own, err := os.Executable()
	if err != nil {
		return rand.Text()
	}
	f, err := os.Open(own)
	if err != nil {
		return rand.Text()
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return rand.Text()
	}
	return fmt.Sprintf("%x", h.Sum(nil))
})
