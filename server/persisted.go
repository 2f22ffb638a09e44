package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// AllowList is the set of documents that may run, by the SHA-256 of their text.
type AllowList map[digest]string

// ReadAllowList reads a JSON object of hexadecimal SHA-256 to document text, and refuses a hash
// that is not its text's.
func ReadAllowList(r io.Reader) (AllowList, error) {
	var raw map[string]string
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return nil, fmt.Errorf("allow-list: %w", err)
	}
	list := make(AllowList, len(raw))
	for name, text := range raw {
		hash, ok := parseDigest(name)
		if !ok || hash != sha256.Sum256([]byte(text)) {
			return nil, fmt.Errorf("allow-list: %q is not the SHA-256 of its document", name)
		}
		list[hash] = text
	}
	return list, nil
}

// persistedFor is how long Redis remembers a registered document that nobody asks for.
const persistedFor = 24 * time.Hour

// persisted shares registered documents between instances. Its failures are misses: the client
// then sends the text again.
type persisted struct{ redis redis.UniversalClient }

func persistedKey(hash digest) string { return "linhui:apq:" + hash.String() }

func (p persisted) load(ctx context.Context, hash digest) (string, bool) {
	if p.redis == nil {
		return "", false
	}
	text, err := p.redis.GetEx(ctx, persistedKey(hash), persistedFor).Result()
	return text, err == nil && sha256.Sum256([]byte(text)) == hash
}

func (p persisted) save(ctx context.Context, d *document) {
	if p.redis != nil {
		p.redis.Set(ctx, persistedKey(d.hash), d.text, persistedFor)
	}
}

// document finds or compiles the document that p asks for.
//
// Apollo's protocol: a hash alone asks for a document sent before, a hash with a text registers
// it. Only documents that are valid are remembered, and any valid document may afterwards be
// asked for by its hash.
func (e *engine) document(ctx context.Context, p *params, v *authz.Viewer) (*document, *answer) {
	var hash digest
	if p.query != "" {
		hash = sha256.Sum256([]byte(p.query))
	}
	if p.persisted != "" {
		sent, ok := parseDigest(p.persisted)
		if !ok || p.query != "" && sent != hash {
			return nil, invalid(badInput("provided sha does not match query"))
		}
		hash = sent
	}
	exchangeOf(ctx).hash = hash
	text, listed := p.query, false
	if e.allow != nil {
		if text, listed = e.allow[hash]; !listed {
			if !e.exempt(v) {
				return nil, failure(http.StatusForbidden, fault.Newf(fault.Forbidden, "only registered documents may run here"))
			}
			text = p.query
		}
	}
	if d := e.documents.get(hash); d != nil {
		e.metrics.documents.hits.Inc()
		return d, nil
	}
	if text == "" {
		var ok bool
		if text, ok = e.persisted.load(ctx, hash); !ok {
			return nil, unknownHash()
		}
	}
	e.metrics.documents.misses.Inc()
	d, errs := compile(e.valid, text, hash, e.limits)
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	e.documents.add(d)
	if p.persisted != "" && p.query != "" {
		e.persisted.save(ctx, d)
	}
	return d, nil
}

// unknownHash is what Apollo's clients look for, literally, before they send the text. It is
// the one code outside the closed set of package fault.
func unknownHash() *answer {
	return &answer{errors: gqlerror.List{{Message: "PersistedQueryNotFound",
		Extensions: map[string]any{"code": "PERSISTED_QUERY_NOT_FOUND"}}}}
}
