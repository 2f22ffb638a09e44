// Package marshal is the part of gqlgen's runtime that a request spends most of its time in,
// written for objects whose fields are all at hand: no goroutine, no deferral, answers
// appended to one buffer. internal/gen makes the generated code use it.
package marshal

import (
	"bytes"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// Appender is a graphql.Marshaler that appends its JSON to a buffer.
type Appender interface {
	graphql.Marshaler
	AppendGQL(b []byte) []byte
}

// Append appends the JSON of any marshaler.
func Append(b []byte, m graphql.Marshaler) []byte {
	switch x := m.(type) {
	case Appender:
		return x.AppendGQL(b)
	case graphql.Array:
		return appendArray(b, x)
	case nil:
		return append(b, "null"...)
	}
	var w bytes.Buffer
	m.MarshalGQL(&w)
	return append(b, w.Bytes()...)
}

func appendArray(b []byte, a graphql.Array) []byte {
	b = append(b, '[')
	for i, m := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = Append(b, m)
	}
	return append(b, ']')
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keptBuffer bounds the buffers that are kept for the next request. Chosen: a page of 200 rows.
const keptBuffer = 1 << 20

// write appends a marshaler to a pooled buffer and writes it in one piece.
func write(w io.Writer, m Appender) {
	p := buffers.Get().(*[]byte)
	b := m.AppendGQL((*p)[:0])
	w.Write(b)
	if cap(b) <= keptBuffer {
		*p = b
		buffers.Put(p)
	}
}

// String is graphql.MarshalString.
func String(s string) graphql.Marshaler { return text(s) }

type text string

func (t text) MarshalGQL(w io.Writer)    { write(w, t) }
func (t text) AppendGQL(b []byte) []byte { return AppendString(b, string(t)) }

// AppendString appends s as a JSON string. Invalid UTF-8 becomes the replacement character.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, s[start:i]...), `\ufffd`...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// Int is graphql.MarshalInt.
func Int(i int) graphql.Marshaler { return integer(i) }

type integer int

func (n integer) MarshalGQL(w io.Writer)    { write(w, n) }
func (n integer) AppendGQL(b []byte) []byte { return strconv.AppendInt(b, int64(n), 10) }
