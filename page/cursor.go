package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"linhui/internal/fault"
)

// Position is a place in a list's total order: the order's values, then owner, then id as
// text. A value is a string (ordered by bytes), an int64 or a time.Time.
type Position []any

// Compare orders two positions of the same list.
func (p Position) Compare(q Position) int {
	for i := range min(len(p), len(q)) {
		if c := compare(p[i], q[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compare(a, b any) int {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	case int64:
		if y, ok := b.(int64); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	}
	panic(fmt.Sprintf("page: positions of different lists compared: %T with %T", a, b))
}

// Cursor marks a place in a list that is merged from several sources. At is the place;
// Behind holds, by source key, the places of sources that did not answer, so that a later
// page asks them again from where they stood and never steps over their rows. A nil
// position means "from the beginning".
type Cursor struct {
	At     Position
	Behind map[string]Position
}

// From returns the place after which the given source is to be asked.
func (c *Cursor) From(source string) Position {
	if c == nil {
		return nil
	}
	if p, ok := c.Behind[source]; ok {
		return p
	}
	return c.At
}

// Signer seals cursors with an HMAC over the list they belong to and the viewer they were
// given to. Every instance of the gateway shares the key.
type Signer struct{ key []byte }

// NewSigner needs a secret of at least 16 bytes.
func NewSigner(key []byte) (*Signer, error) {
	if len(key) < 16 {
		return nil, errors.New("cursor key: at least 16 bytes are needed")
	}
	return &Signer{key: key}, nil
}

const macSize = 12 // 96 bits; a cursor is no credential, it only must not be edited

// Seal returns the opaque text of c, bound to a list.
func (s *Signer) Seal(binding string, c Cursor) string {
	body := marshalCursor(c)
	return encoding.EncodeToString(append(s.mac(binding, body), body...))
}

// Open reads a cursor that Seal made for the same binding.
func (s *Signer) Open(binding, text string) (Cursor, error) {
	bad := fault.Newf(fault.BadUserInput, "the cursor is not one that this list, with this filter, order and viewer, gave out")
	if len(text) > 4096 {
		return Cursor{}, bad
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < macSize {
		return Cursor{}, bad
	}
	if subtle.ConstantTimeCompare(raw[:macSize], s.mac(binding, raw[macSize:])) != 1 {
		return Cursor{}, bad
	}
	return unmarshalCursor(raw[macSize:])
}

func (s *Signer) mac(binding string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	fmt.Fprintf(h, "%d:", len(binding))
	h.Write([]byte(binding))
	h.Write(body)
	return h.Sum(nil)[:macSize]
}

// wireValue keeps a value's type through JSON: a string as it is, the others as an object.
type wireValue struct {
	Int  *int64     `json:"i,omitempty"`
	Time *time.Time `json:"t,omitempty"`
	Text *string    `json:"s,omitempty"`
}

type wireCursor struct {
	At     []wireValue            `json:"a,omitempty"`
	Behind map[string][]wireValue `json:"b,omitempty"`
}

func marshalCursor(c Cursor) []byte {
	w := wireCursor{At: toWire(c.At)}
	for k, p := range c.Behind {
		if w.Behind == nil {
			w.Behind = map[string][]wireValue{}
		}
		w.Behind[k] = toWire(p)
	}
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // the wire types always marshal
	}
	return b
}

func unmarshalCursor(b []byte) (Cursor, error) {
	var w wireCursor
	if err := json.Unmarshal(b, &w); err != nil {
		return Cursor{}, fmt.Errorf("cursor: %w", err)
	}
	c := Cursor{At: fromWire(w.At)}
	for k, p := range w.Behind {
		if c.Behind == nil {
			c.Behind = map[string]Position{}
		}
		c.Behind[k] = fromWire(p)
	}
	return c, nil
}

func toWire(p Position) []wireValue {
	out := make([]wireValue, len(p))
	for i, v := range p {
		switch x := v.(type) {
		case string:
			out[i].Text = &x
		case int64:
			out[i].Int = &x
		case time.Time:
			out[i].Time = &x
		default:
			panic(fmt.Sprintf("page: %T cannot order a list", v))
		}
	}
	return out
}

func fromWire(w []wireValue) Position {
	if len(w) == 0 {
		return nil
	}
	p := make(Position, len(w))
	for i, v := range w {
		switch {
		case v.Int != nil:
			p[i] = *v.Int
		case v.Time != nil:
			p[i] = *v.Time
		case v.Text != nil:
			p[i] = *v.Text
		}
	}
	return p
}
