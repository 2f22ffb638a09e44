package server

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/fault"
)

// answer is a GraphQL response and how HTTP should carry it. data is the bytes that the schema
// wrote; they are never parsed or copied again.
type answer struct {
	status     int  // 0: 200
	requestErr bool // the document or the variables are wrong, the request itself is not
	retryAfter time.Duration
	data       []byte // nil: no data entry, the request was refused before execution
	errors     gqlerror.List
	extensions map[string]any
}

// failure is an answer that refuses the request with one error.
func failure(status int, f *fault.Error) *answer {
	return &answer{status: status, errors: gqlerror.List{coded(f)}}
}

// invalid refuses a request whose document or variables are wrong. Clients that accept only
// application/json expect 200 for those, all others 400.
func invalid(errs ...*gqlerror.Error) *answer {
	return &answer{status: http.StatusBadRequest, requestErr: true, errors: errs}
}

// media is the content type of an answer.
type media struct {
	header []string
	always bool // 200 for every well-formed request, as clients of this type expect
}

var (
	mediaJSON    = &media{[]string{"application/json; charset=utf-8"}, true}
	mediaGraphQL = &media{[]string{"application/graphql-response+json; charset=utf-8"}, false}
)

var (
	noStore    = []string{"no-store"}
	varyAccept = []string{"Accept, Authorization"}
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is the largest buffer that returns to the pool: a rare large answer should not
// hold memory for ever.
const keepBuffer = 64 << 10

func recycle(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// head writes everything that precedes data, and tail everything after it.
func (a *answer) head(b *bytes.Buffer) {
	b.WriteByte('{')
	if len(a.errors) > 0 {
		b.WriteString(`"errors":`)
		writeJSON(b, a.errors)
		if a.data != nil {
			b.WriteByte(',')
		}
	}
	if a.data != nil {
		b.WriteString(`"data":`)
	}
}

func (a *answer) tail(b *bytes.Buffer) {
	if len(a.extensions) > 0 {
		b.WriteString(`,"extensions":`)
		writeJSON(b, a.extensions)
	}
	b.WriteByte('}')
}

// writeJSON appends v. Extensions come from our own code: a value that JSON cannot hold becomes
// null rather than a broken answer.
func writeJSON(b *bytes.Buffer, v any) {
	at := b.Len()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		b.Truncate(at)
		b.WriteString("null")
		return
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
}

// whole appends the entire answer, for transports that frame it themselves.
func (a *answer) whole(b *bytes.Buffer) {
	a.head(b)
	b.Write(a.data)
	a.tail(b)
}

// smallAnswer is the largest data that is copied to make one write of the answer; above it
// three writes are cheaper than the copy.
const smallAnswer = 2 << 10

// write sends the answer in the given media type.
func (a *answer) write(w http.ResponseWriter, m *media) {
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	a.head(b)
	split := b.Len()
	if len(a.data) <= smallAnswer {
		b.Write(a.data)
		split = -1
	}
	a.tail(b)

	h := w.Header()
	size := b.Len()
	if split >= 0 {
		size += len(a.data)
	}
	h["Content-Type"] = m.header
	h["Content-Length"] = []string{strconv.Itoa(size)}
	h["Cache-Control"] = noStore
	h["Vary"] = append(h["Vary"], varyAccept...)
	if a.retryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds())))}
	}
	if a.status == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{"Bearer"}
	}
	w.WriteHeader(a.httpStatus(m))
	if split < 0 {
		w.Write(b.Bytes())
		return
	}
	w.Write(b.Bytes()[:split])
	w.Write(a.data)
	w.Write(b.Bytes()[split:])
}

func (a *answer) httpStatus(m *media) int {
	if a.status == 0 || a.requestErr && m.always {
		return http.StatusOK
	}
	return a.status
}
