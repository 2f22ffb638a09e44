package subgraph

import (
	"io"
	"net/http"
	"sync"
)

// body is the body of one request, in memory that later requests use again. The transport may
// read it after the call has returned, until it closes it: so it holds a copy of its own.
type body struct {
	mu    sync.Mutex
	bytes *[]byte // nil: closed
	at    int
}

var bodies = sync.Pool{New: func() any { return new([]byte) }}

// bodyKept is the largest that is used again; chosen.
const bodyKept = 64 << 10

func newBody(request []byte) *body {
	b := bodies.Get().(*[]byte)
	*b = append((*b)[:0], request...)
	return &body{bytes: b}
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n := copy(p, (*b.bytes)[b.at:])
	if b.at += n; n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes != nil && cap(*b.bytes) <= bodyKept {
		bodies.Put(b.bytes)
	}
	b.bytes = nil
	return nil
}
