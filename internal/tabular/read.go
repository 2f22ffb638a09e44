package tabular

import (
	"bytes"
	"errors"
)

var errJSON = errors.New("tabular: the answer is not the JSON that its operation yields")

// Read calls row for each row in the data of an answer, and returns what stands beside the rows
// on a connection, as JSON by response key. A root that is null has neither. Cells, and the slice
// of them, are valid during the call only.
func (s *Shape) Read(data []byte, row func([]Cell) error) (beside map[string][]byte, err error) {
	r := &reader{b: data, cells: make([]Cell, len(s.Columns)), row: row}
	if r.null() {
		return nil, nil
	}
	err = r.object(func(key []byte) error {
		switch {
		case string(key) != s.Root.Alias:
			return r.skip()
		case r.null():
			return nil
		case s.Connection == nil:
			return r.rows(&s.tree)
		}
		beside = map[string][]byte{}
		return r.object(func(key []byte) error {
			if string(key) == s.rows {
				return r.rows(&s.tree)
			}
			from := r.at
			err := r.skip()
			beside[string(key)] = data[from:r.at]
			return err
		})
	})
	return beside, err
}

// reader walks JSON once, without parsing what becomes a cell. The engine's own JSON has no
// spaces; that of others may.
type reader struct {
	b     []byte
	at    int
	cells []Cell
	row   func([]Cell) error
}

// peek returns the next byte that is no space, 0 at the end.
func (r *reader) peek() byte {
	for r.at < len(r.b) {
		switch c := r.b[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) null() bool {
	if r.peek() == 'n' && bytes.HasPrefix(r.b[r.at:], []byte("null")) {
		r.at += len("null")
		return true
	}
	return false
}

// text passes a string and returns it between its quotes.
func (r *reader) text() ([]byte, error) {
	if !r.take('"') {
		return nil, errJSON
	}
	from := r.at
	for r.at < len(r.b) {
		i := bytes.IndexByte(r.b[r.at:], '"')
		if i < 0 {
			break
		}
		r.at += i + 1
		slashes := 0
		for j := r.at - 2; j >= from && r.b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return r.b[from : r.at-1], nil
		}
	}
	return nil, errJSON
}

// object calls member with each key; member must pass the value.
func (r *reader) object(member func(key []byte) error) error {
	if !r.take('{') {
		return errJSON
	}
	if r.take('}') {
		return nil
	}
	for {
		key, err := r.text()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return errJSON
		}
		if err := member(key); err != nil {
			return err
		}
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return errJSON
		}
	}
}

// skip passes any value.
func (r *reader) skip() error {
	depth := 0
	for {
		switch c := r.peek(); c {
		case 0:
			return errJSON
		case '"':
			if _, err := r.text(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			r.at++
			continue
		case '}', ']':
			depth--
			r.at++
		case ',', ':':
			r.at++
			continue
		default:
			for r.at < len(r.b) && bytes.IndexByte([]byte(" \t\n\r,:]}"), r.b[r.at]) < 0 {
				r.at++
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// rows passes a list and hands over its elements; null is an empty list.
func (r *reader) rows(tree *node) error {
	if r.null() {
		return nil
	}
	if !r.take('[') {
		return errJSON
	}
	if r.take(']') {
		return nil
	}
	for {
		clear(r.cells)
		if err := r.value(tree); err != nil {
			return err
		}
		if err := r.row(r.cells); err != nil {
			return err
		}
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return errJSON
		}
	}
}

// elements passes a list whose elements are columns. It may be shorter than these.
func (r *reader) elements(n *node) error {
	if !r.take('[') {
		return errJSON
	}
	if r.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if i == len(n.children) {
			return errJSON
		}
		if err := r.value(&n.children[i]); err != nil {
			return err
		}
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return errJSON
		}
	}
}

// value passes one place of a row, and keeps the cells in and below it.
func (r *reader) value(n *node) error {
	switch {
	case r.null():
		return nil
	case n.column >= 0:
		from := r.at
		err := r.skip()
		r.cells[n.column] = r.b[from:r.at]
		return err
	case n.list:
		return r.elements(n)
	}
	next := 0 // members come in the order of the selection
	return r.object(func(key []byte) error {
		for i := range n.children {
			c := &n.children[(next+i)%len(n.children)]
			if c.key == string(key) {
				next = (next + i + 1) % len(n.children)
				return r.value(c)
			}
		}
		return r.skip()
	})
}
