package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// entry is a cached value with what decides whether it may be shown.
type entry[T any] struct {
	value   T
	version int64         // of (owner, list), in the snapshot the rows were read from
	asOf    time.Time     // just before the rows were read
	fresh   time.Duration // for how long from asOf the value is shown without a word
}

func (e *entry[T]) freshAt(now time.Time) bool { return now.Before(e.asOf.Add(e.fresh)) }

// bridgesAt reports whether the value may be shown, marked stale, while one loader refreshes it.
func (e *entry[T]) bridgesAt(now time.Time) bool { return now.Before(e.asOf.Add(2 * e.fresh)) }

// lifetime is how long the value is of any use: to bridge a refresh, or an outage of its source.
func (e *entry[T]) lifetime(staleFor time.Duration) time.Duration {
	return max(2*e.fresh, e.fresh+staleFor)
}

// A stored entry is a header (checksum of the rest, version, asOf and fresh in milliseconds; all
// big-endian) and the encoded value.
const (
	sumEnd     = 4
	versionEnd = sumEnd + 8
	asOfEnd    = versionEnd + 8
	headerEnd  = asOfEnd + 8
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errCorrupt = errors.New("cached value is corrupt")
)

func (h *Hot[T]) encode(e *entry[T]) ([]byte, error) {
	value, err := h.opts.Encode(e.value)
	if err != nil {
		return nil, err
	}
	b := make([]byte, headerEnd, headerEnd+len(value))
	binary.BigEndian.PutUint64(b[sumEnd:], uint64(e.version))
	binary.BigEndian.PutUint64(b[versionEnd:], uint64(e.asOf.UnixMilli()))
	binary.BigEndian.PutUint64(b[asOfEnd:], uint64(e.fresh.Milliseconds()))
	b = append(b, value...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[sumEnd:], castagnoli))
	return b, nil
}

func (h *Hot[T]) decode(stored string) (*entry[T], error) {
	b := []byte(stored)
	if len(b) < headerEnd || binary.BigEndian.Uint32(b) != crc32.Checksum(b[sumEnd:], castagnoli) {
		return nil, errCorrupt
	}
	value, err := h.opts.Decode(b[headerEnd:])
	if err != nil {
		return nil, err
	}
	return &entry[T]{
		value:   value,
		version: int64(binary.BigEndian.Uint64(b[sumEnd:])),
		asOf:    time.UnixMilli(int64(binary.BigEndian.Uint64(b[versionEnd:]))),
		fresh:   time.Duration(binary.BigEndian.Uint64(b[asOfEnd:])) * time.Millisecond,
	}, nil
}
