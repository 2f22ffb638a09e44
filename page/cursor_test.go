package page_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"linhui/internal/fault"
	"linhui/page"
)

func signer(t rapid.TB, key string) *page.Signer {
	t.Helper()
	s, err := page.NewSigner([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const key = "a key of sixteen bytes at least"

func TestShortKeysAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := page.NewSigner([]byte("fifteen bytes..")); err == nil {
		t.Error("a key of 15 bytes was taken")
	}
}

// position draws a place of an order with any kinds of values.
func position(t *rapid.T, label string) page.Position {
	values := rapid.SliceOfN(rapid.OneOf(
		rapid.String().AsAny(),
		rapid.Int64().AsAny(),
		rapid.Map(rapid.Int64Range(-62135596800_000_000, 253402300799_999_999), func(us int64) time.Time { return time.UnixMicro(us).UTC() }).AsAny(),
	), 0, 4).Draw(t, label)
	if len(values) == 0 {
		return nil
	}
	return append(page.Position(values), "owner", "01890a5d-ac96-774b-bcce-b302099a8057")
}

func TestEveryCursorReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := signer(t, key)
		c := page.Cursor{At: position(t, "at"), Row: position(t, "row"), Backward: rapid.Bool().Draw(t, "backward")}
		for i := range rapid.IntRange(0, 3).Draw(t, "behind") {
			c.Behind = append(c.Behind, page.Behind{
				Owners: rapid.SliceOfN(rapid.StringMatching(`[a-z0-9-]{1,40}`), 1, 5).Draw(t, fmt.Sprint("owners", i)),
				At:     position(t, fmt.Sprint("place", i)),
			})
		}
		binding := rapid.String().Draw(t, "binding")
		got, err := s.Open(binding, s.Seal(binding, c))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%#v reads back as %#v, %v", c, got, err)
		}
	})
}

func TestCursorsKeepInstantsOfEveryZone(t *testing.T) {
	t.Parallel()
	s := signer(t, key)
	for name, at := range map[string]time.Time{
		"a zone with seconds, as Shanghai had until 1901": time.Date(1899, 5, 1, 12, 0, 0, 0, time.FixedZone("LMT", 8*3600+5*60+43)),
		"after the year 9999":                             time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC),
		"before Christ":                                   time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC),
		"a microsecond":                                   time.Date(2026, 6, 10, 12, 0, 0, 1000, time.UTC),
	} {
		got, err := s.Open("", s.Seal("", page.Cursor{At: page.Position{at, "o", "id"}}))
		if err != nil || !got.At[0].(time.Time).Equal(at) {
			t.Errorf("%s: %v became %v, %v", name, at, got.At, err)
		}
	}
}

func TestCursorsAreOnlyOpenedByWhatSealedThem(t *testing.T) {
	t.Parallel()
	s := signer(t, key)
	text := s.Seal("stations|name|null|alice", page.Cursor{At: page.Position{"甲", int64(math.MaxInt64), "anning", "01890a5d-ac96-774b-bcce-b302099a8057"}})
	refused := func(name string, s *page.Signer, binding, text string) {
		t.Helper()
		c, err := s.Open(binding, text)
		if !fault.Is(err, fault.BadUserInput) || !reflect.DeepEqual(c, page.Cursor{}) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	refused("another viewer", s, "stations|name|null|bob", text)
	refused("another list", s, "rooms|name|null|alice", text)
	refused("no binding", s, "", text)
	refused("another key", signer(t, key+"!"), "stations|name|null|alice", text)
	refused("empty", s, "", "")
	refused("shorter than its seal", s, "", "AAAA")
	refused("padded", s, "stations|name|null|alice", text+"==")
	refused("too long", s, "", strings.Repeat("A", 1<<20))
	for i := range text {
		for _, with := range []byte{'A', 'z', '7', '_'} {
			if text[i] != with {
				refused(fmt.Sprintf("character %d edited to %c", i, with), s, "stations|name|null|alice", text[:i]+string(with)+text[i+1:])
			}
		}
		refused(fmt.Sprintf("cut after %d", i), s, "stations|name|null|alice", text[:i])
	}
	// What is bound and what is sealed cannot be shifted into one another.
	body := s.Seal("ab", page.Cursor{})
	refused("binding cut", s, "a", body)
}

func TestCursorsOfAWidePlaceAreOpened(t *testing.T) {
	t.Parallel()
	s := signer(t, key)
	wide := page.Cursor{At: page.Position{strings.Repeat("长", 2000), "o", "id"}}
	many := page.Cursor{At: page.Position{"x", "o", "id"}, Behind: []page.Behind{{}}}
	for i := range 2000 {
		many.Behind[0].Owners = append(many.Behind[0].Owners, fmt.Sprintf("community-%04d", i))
	}
	for name, c := range map[string]page.Cursor{"a title of 2,000 characters": wide, "2,000 owners behind": many} {
		if got, err := s.Open("", s.Seal("", c)); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSplitAsksEveryOwnerFromWhereItStands(t *testing.T) {
	t.Parallel()
	at, early := page.Position{"m", "a", "1"}, page.Position{"c", "a", "1"}
	plain := page.Cursor{At: at}
	if got := plain.Split([]string{"a", "b"}); !reflect.DeepEqual(got, []page.Behind{{[]string{"a", "b"}, at}}) {
		t.Errorf("nobody behind: %v", got)
	}
	c := page.Cursor{At: at, Row: early, Behind: []page.Behind{{[]string{"b", "d", "gone"}, early}, {[]string{"c"}, nil}}}
	want := []page.Behind{{[]string{"a", "e"}, at}, {[]string{"b", "d"}, early}, {[]string{"c"}, nil}}
	if got := c.Split([]string{"a", "b", "c", "d", "e"}); !reflect.DeepEqual(got, want) {
		t.Errorf("split into %v, want %v", got, want)
	}
	if got := c.Reading(false); !reflect.DeepEqual(got, c) {
		t.Errorf("read on the same way: %v", got)
	}
	if got := c.Reading(true); !reflect.DeepEqual(got, page.Cursor{At: early}) {
		t.Errorf("read the other way, a list goes on from the row: %v", got)
	}
}

func TestPositionsCompareByTheirValuesInTurn(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		a, b page.Position
		want int
	}{
		{page.Position{"a"}, page.Position{"b"}, -1},
		{page.Position{"Z"}, page.Position{"a"}, -1}, // bytes, as COLLATE "C"
		{page.Position{"一"}, page.Position{"a"}, 1},
		{page.Position{int64(9)}, page.Position{int64(10)}, -1},
		{page.Position{int64(math.MinInt64)}, page.Position{int64(math.MaxInt64)}, -1},
		{page.Position{now}, page.Position{now.In(time.FixedZone("", 3600))}, 0},
		{page.Position{now}, page.Position{now.Add(time.Microsecond)}, -1},
		{page.Position{"a", "o", "2"}, page.Position{"a", "o", "1"}, 1},
	} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%v to %v is %d", c.a, c.b, got)
		}
		if got := c.b.Compare(c.a); got != -c.want {
			t.Errorf("%v to %v is %d", c.b, c.a, got)
		}
	}
}
