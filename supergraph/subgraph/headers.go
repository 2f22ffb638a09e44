package subgraph

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"

	"linhui/internal/authz"
)

// Headers are those of one client's request and answer, as far as calls of subgraphs may see and
// add to them.
type Headers struct {
	In http.Header

	mu  sync.Mutex
	Out http.Header
}

type headersKey struct{}

// WithHeaders returns ctx with the headers of its request. Without them nothing is forwarded.
func WithHeaders(ctx context.Context, h *Headers) context.Context {
	return context.WithValue(ctx, headersKey{}, h)
}

func headersOf(ctx context.Context) *Headers {
	h, _ := ctx.Value(headersKey{}).(*Headers)
	return h
}

// never are headers that no rule lets through: they belong to one connection, or say who asks.
var never = map[string]bool{"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Host": true, "Content-Length": true, "Content-Type": true, "Content-Encoding": true,
	"Accept-Encoding": true, "Accept": true}

// headers returns those of a call. Callers do not change them.
func (c *Client) headers(ctx context.Context, mutation bool) (http.Header, error) {
	header := c.again
	if mutation {
		header = c.header
	}
	v := authz.FromContext(ctx)
	in := headersOf(ctx)
	if in == nil && (c.o.Assert == nil || v.Principal == "") {
		return header, nil
	}
	h := maps.Clone(header)
	if in != nil {
		for _, name := range c.o.Forward {
			name = http.CanonicalHeaderKey(name)
			if values := in.In[name]; len(values) > 0 && !never[name] {
				h[name] = values
			}
		}
	}
	if c.o.Assert != nil {
		delete(h, "Authorization")
		if v.Principal != "" {
			token, err := c.o.Assert(v)
			if err != nil {
				return nil, err
			}
			h["Authorization"] = []string{"Bearer " + token}
		}
	}
	return h, nil
}

// returned adds what a subgraph answered to the client's headers.
func returned(ctx context.Context, names []string, from http.Header) {
	h := headersOf(ctx)
	if h == nil || h.Out == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		name = http.CanonicalHeaderKey(name)
		if values := from[name]; len(values) > 0 && !never[name] {
			h.Out[name] = append(h.Out[name], values...)
		}
	}
}

// flightKey is everything that a call sends.
func flightKey(request []byte, header http.Header) string {
	var b strings.Builder
	b.Write(request)
	for _, name := range sortedNames(header) {
		b.WriteString("\x00" + name)
		for _, v := range header[name] {
			b.WriteString("\x01" + v)
		}
	}
	return b.String()
}
