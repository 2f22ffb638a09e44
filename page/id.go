// Package page holds what every list of the graph is made of: global ids, cursors,
// connections and coverage. It knows neither SQL nor GraphQL execution.
package page

import (
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"linhui/internal/fault"
)

// ID is a global id: base64url of "Type:owner:uuid". The owner is a community's slug or a
// division's code, never a database, so that a community can move and its ids stay.
type ID struct {
	Type  string
	Owner string
	UUID  uuid.UUID
}

// encoding is strict, so that an id or a cursor has one text only.
var encoding = base64.RawURLEncoding.Strict()

func (id ID) String() string {
	var raw [160]byte
	b := append(raw[:0], id.Type...)
	b = append(b, ':')
	b = append(b, id.Owner...)
	b = append(b, ':')
	var text [36]byte
	b = append(b, encodeUUID(text[:], id.UUID)...)
	var coded [256]byte
	return string(encoding.AppendEncode(coded[:0], b))
}

func encodeUUID(dst []byte, u uuid.UUID) []byte {
	const hex = "0123456789abcdef"
	j := 0
	for i, b := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst[j] = '-'
			j++
		}
		dst[j], dst[j+1] = hex[b>>4], hex[b&15]
		j += 2
	}
	return dst
}

// ParseID reads a global id and checks its form; whether type and owner exist, and are in
// the viewer's sight, is for the caller. The error names no part of the input.
func ParseID(s string) (ID, error) {
	bad := fault.Newf(fault.BadUserInput, "an id is not one that this graph gave out")
	if len(s) > 256 {
		return ID{}, bad
	}
	raw, err := encoding.DecodeString(s)
	if err != nil {
		return ID{}, bad
	}
	parts := strings.Split(string(raw), ":")
	if len(parts) != 3 || parts[0] == "" || !IsOwner(parts[1]) || len(parts[2]) != 36 {
		return ID{}, bad
	}
	u, err := uuid.Parse(parts[2])
	if err != nil {
		return ID{}, bad
	}
	id := ID{Type: parts[0], Owner: parts[1], UUID: u}
	if id.String() != s { // capitals in the uuid, line breaks in the base64
		return ID{}, bad
	}
	return id, nil
}

// IsOwner reports whether s has the form of an owner: [a-z0-9-], 1 to 40 characters.
func IsOwner(s string) bool {
	if len(s) == 0 || len(s) > 40 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
