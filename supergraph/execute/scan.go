package execute

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// scanner reads the JSON of one body (RFC 8259, UTF-8). It makes nothing: values are ranges of
// bytes.
type scanner struct {
	body []byte
	at   int
}

// depthMost bounds nesting inside a value that nobody selects from; chosen.
const depthMost = 128

func (s *scanner) broken(what string) error {
	return fmt.Errorf("the answer is no JSON at byte %d: %s", s.at, what)
}

// space skips white space and returns the byte that follows; 0 at the end.
func (s *scanner) space() byte {
	for s.at < len(s.body) {
		c := s.body[s.at]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.at++
	}
	return 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text skips a string whose opening quote is at s.at.
func (s *scanner) text() error {
	start := s.at
	i := s.at + 1
	b := s.body
	var seen uint64
	for {
		if i+8 > len(b) {
			if i >= len(b) {
				return s.broken("a string does not end")
			}
			c := b[i]
			seen |= uint64(c)
			switch {
			case c == '"':
				return s.endText(start, i, seen)
			case c == '\\':
				n, err := s.escape(i)
				if err != nil {
					return err
				}
				i = n
				continue
			case c < ' ':
				s.at = i
				return s.broken("a control character in a string")
			}
			i++
			continue
		}
		x := binary.LittleEndian.Uint64(b[i:])
		q, e := x^(ones*'"'), x^(ones*'\\')
		// The lowest set bit is right; those above it may be due to a borrow.
		stop := ((q-ones)&^q | (e-ones)&^e | (x-ones*' ')&^x) & highs
		if stop == 0 {
			seen |= x
			i += 8
			continue
		}
		n := bits.TrailingZeros64(stop) >> 3
		seen |= x & (1<<(8*n) - 1)
		i += n
		switch b[i] {
		case '"':
			return s.endText(start, i, seen)
		case '\\':
			next, err := s.escape(i)
			if err != nil {
				return err
			}
			i = next
		default:
			s.at = i
			return s.broken("a control character in a string")
		}
	}
}

func (s *scanner) endText(start, quote int, seen uint64) error {
	if seen&highs != 0 && !utf8.Valid(s.body[start:quote]) {
		return s.broken("a string is not UTF-8")
	}
	s.at = quote + 1
	return nil
}

// escape returns what follows the escape at i.
func (s *scanner) escape(i int) (int, error) {
	if i+1 < len(s.body) {
		switch s.body[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return i + 2, nil
		case 'u':
			if i+6 <= len(s.body) && hexadecimal(s.body[i+2:i+6]) {
				return i + 6, nil
			}
		}
	}
	s.at = i
	return 0, s.broken("an unknown escape")
}

func hexadecimal(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// number skips a number.
func (s *scanner) number() error {
	b, i := s.body, s.at
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return s.broken("an unknown value")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return s.broken("a number ends in a point")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return s.broken("a number without an exponent")
		}
	}
	s.at = i
	return nil
}

func (s *scanner) word(w string) error {
	if len(s.body)-s.at < len(w) || string(s.body[s.at:s.at+len(w)]) != w {
		return s.broken("an unknown value")
	}
	s.at += len(w)
	return nil
}

// scalar skips a value that is neither object nor list and says its kind.
func (s *scanner) scalar() (uint8, error) {
	if s.at >= len(s.body) {
		return 0, s.broken("it ends early")
	}
	switch s.body[s.at] {
	case '"':
		return text, s.text()
	case 't':
		return boolean, s.word("true")
	case 'f':
		return boolean, s.word("false")
	case 'n':
		return null, s.word("null")
	}
	return number, s.number()
}

// skip skips any value.
func (s *scanner) skip(depth int) error {
	if depth > depthMost {
		return s.broken(fmt.Sprintf("more than %d levels", depthMost))
	}
	switch s.space() {
	case '{':
		s.at++
		if s.space() == '}' {
			s.at++
			return nil
		}
		for {
			if s.space() != '"' {
				return s.broken("a key is missing")
			}
			if err := s.text(); err != nil {
				return err
			}
			if err := s.colon(); err != nil {
				return err
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
			if more, err := s.comma('}'); !more {
				return err
			}
		}
	case '[':
		s.at++
		if s.space() == ']' {
			s.at++
			return nil
		}
		for {
			if err := s.skip(depth + 1); err != nil {
				return err
			}
			if more, err := s.comma(']'); !more {
				return err
			}
		}
	}
	_, err := s.scalar()
	return err
}

func (s *scanner) colon() error {
	if s.space() != ':' {
		return s.broken("a colon is missing")
	}
	s.at++
	return nil
}

// comma skips what separates two members, or the end of their object or list.
func (s *scanner) comma(end byte) (more bool, err error) {
	switch s.space() {
	case ',':
		s.at++
		return true, nil
	case end:
		s.at++
		return false, nil
	}
	return false, s.broken("neither a comma nor the end")
}
