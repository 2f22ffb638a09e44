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

// Cursor marks the place of a row in a list that is merged from several sources. A nil
// position means "from the end that reading starts from".
type Cursor struct {
	At Position
	// Behind are the owners whose rows have not been read up to At, because their source did
	// not answer: a later page asks for them from where they stand and steps over none. It
	// names owners, not sources, since an owner may have moved by then.
	Behind []Behind
	// Row and Backward say, when some owners are behind, which row the cursor is of and which
	// way it was read: read the other way, the list goes on from that row for every owner.
	Row      Position
	Backward bool
}

// Behind is some owners and the place up to which their rows have been read.
type Behind struct {
	Owners []string
	At     Position
}

// Reading is the cursor for a page that is read in the given direction.
func (c Cursor) Reading(backward bool) Cursor {
	if c.Behind == nil || c.Backward == backward {
		return c
	}
	return Cursor{At: c.Row}
}

// Split groups owners by the place from which they are to be asked.
func (c Cursor) Split(owners []string) []Behind {
	if c.Behind == nil {
		return []Behind{{owners, c.At}}
	}
	place := map[string]int{} // owner -> 1 + index in c.Behind
	for i, b := range c.Behind {
		for _, o := range b.Owners {
			place[o] = i + 1
		}
	}
	var groups []Behind
	at := map[int]int{} // place -> index in groups
	for _, o := range owners {
		p := place[o]
		if _, ok := at[p]; !ok {
			at[p] = len(groups)
			from := c.At
			if p > 0 {
				from = c.Behind[p-1].At
			}
			groups = append(groups, Behind{At: from})
		}
		g := &groups[at[p]]
		g.Owners = append(g.Owners, o)
	}
	return groups
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

const (
	macSize = 12 // 96 bits; a cursor is no credential, it only must not be edited
	// maxCursor bounds what is decoded. Chosen: 2,000 owners behind still fit.
	maxCursor = 64 << 10
)

// Seal returns the opaque text of c, bound to a list.
func (s *Signer) Seal(binding string, c Cursor) string {
	body := marshalCursor(c)
	return encoding.EncodeToString(append(s.mac(binding, body), body...))
}

// Open reads a cursor that Seal made for the same binding.
func (s *Signer) Open(binding, text string) (Cursor, error) {
	bad := fault.Newf(fault.BadUserInput, "the cursor is not one that this list, with this filter, order and viewer, gave out")
	if len(text) > maxCursor {
		return Cursor{}, bad
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < macSize {
		return Cursor{}, bad
	}
	if subtle.ConstantTimeCompare(raw[:macSize], s.mac(binding, raw[macSize:])) != 1 {
		return Cursor{}, bad
	}
	c, err := unmarshalCursor(raw[macSize:])
	if err != nil {
		return Cursor{}, bad.Because(err) // of another version of this program
	}
	return c, nil
}

func (s *Signer) mac(binding string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	fmt.Fprintf(h, "%d:", len(binding))
	h.Write([]byte(binding))
	h.Write(body)
	return h.Sum(nil)[:macSize]
}

// wireValue keeps a value's type through JSON. Times are microseconds, as PostgreSQL has them.
type wireValue struct {
	Int  *int64  `json:"i,omitempty"`
	Time *int64  `json:"t,omitempty"`
	Text *string `json:"s,omitempty"`
}

type wireCursor struct {
	At       []wireValue  `json:"a,omitempty"`
	Behind   []wireBehind `json:"b,omitempty"`
	Row      []wireValue  `json:"r,omitempty"`
	Backward bool         `json:"d,omitempty"`
}

type wireBehind struct {
	Owners []string    `json:"o"`
	At     []wireValue `json:"a,omitempty"`
}

func marshalCursor(c Cursor) []byte {
	w := wireCursor{At: toWire(c.At), Row: toWire(c.Row), Backward: c.Backward}
	for _, b := range c.Behind {
		w.Behind = append(w.Behind, wireBehind{b.Owners, toWire(b.At)})
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
	c := Cursor{Backward: w.Backward}
	var err error
	if c.At, err = fromWire(w.At); err != nil {
		return Cursor{}, err
	}
	if c.Row, err = fromWire(w.Row); err != nil {
		return Cursor{}, err
	}
	for _, b := range w.Behind {
		at, err := fromWire(b.At)
		if err != nil {
			return Cursor{}, err
		}
		c.Behind = append(c.Behind, Behind{b.Owners, at})
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
			micros := x.UnixMicro()
			out[i].Time = &micros
		default:
			panic(fmt.Sprintf("page: %T cannot order a list", v))
		}
	}
	return out
}

func fromWire(w []wireValue) (Position, error) {
	if len(w) == 0 {
		return nil, nil
	}
	p := make(Position, len(w))
	for i, v := range w {
		switch {
		case v.Int != nil:
			p[i] = *v.Int
		case v.Time != nil:
			p[i] = time.UnixMicro(*v.Time).UTC()
		case v.Text != nil:
			p[i] = *v.Text
		default:
			return nil, errors.New("cursor: a value without a type")
		}
	}
	return p, nil
}
