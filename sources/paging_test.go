package sources_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"linhui/internal/testkit"
	"linhui/page"
	"linhui/store"
)

// next are the arguments of the page behind c, ok false at the list's end.
func next(c *page.Connection[store.Station], size int, backward bool) (args page.Args, ok bool) {
	info := c.PageInfo()
	if backward {
		return page.Args{Last: &size, Before: info.StartCursor()}, info.HasPreviousPage
	}
	return page.Args{First: &size, After: info.EndCursor()}, info.HasNextPage
}

func from(size int, backward bool) page.Args {
	if backward {
		return page.Args{Last: &size}
	}
	return page.Args{First: &size}
}

func TestPagingAcrossAnOutageGivesEveryRowOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "d"}, "south": {"b"}, "west": {"c"}})
	all := []string{"a", "b", "c", "d"}
	for _, backward := range []bool{false, true} {
		// Page 2 comes while a source is black-holed, page 3 after it was repaired.
		seen := map[string]int{}
		var incomplete []int
		args, more := from(6, backward), true
		for n := 1; more; n++ {
			mode := testkit.Pass
			if n == 2 {
				mode = testkit.Blackhole
			}
			b.set(mode, "north")
			c, err := b.list(args, false, all...)
			if c == nil {
				t.Fatal(err)
			}
			if !c.Coverage().Complete() {
				incomplete = append(incomplete, n)
			}
			if (err != nil) != !c.Coverage().Complete() {
				t.Errorf("page %d: %v with coverage %v", n, err, states(c.Coverage()))
			}
			for _, r := range c.Nodes() {
				seen[r.ID()]++
			}
			args, more = next(c, 6, backward)
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("backward %t: %s came %d times", backward, id, n)
			}
		}
		if len(seen) != len(all)*perOwner || !slices.Equal(incomplete, []int{2}) {
			t.Errorf("backward %t: %d rows of %d; incomplete were pages %v", backward, len(seen), len(all)*perOwner, incomplete)
		}
	}
}

// Whatever fails while a list is read, page by page and from any row of a page, it gives every
// row once as soon as all sources answer again.
func TestPagingAcrossAnyOutagesGivesEveryRowOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "d"}, "south": {"b"}, "west": {"c", "e"}})
	all := []string{"a", "b", "c", "d", "e"}
	keys := []string{"north", "south", "west"}
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		backward, size := random.IntN(2) == 0, 1+random.IntN(9)
		t.Run(fmt.Sprintf("seed %d, backward %t, %d a page", seed, backward, size), func(t *testing.T) {
			seen := map[string]int{}
			args, more := from(size, backward), true
			for n := 0; more; n++ {
				if n > 300 {
					t.Fatal("the list does not end")
				}
				down := map[string]bool{}
				for _, k := range keys {
					if down[k] = n < 12 && random.IntN(3) == 0; down[k] {
						b.set(testkit.Refuse, k)
					} else {
						b.set(testkit.Pass, k)
					}
				}
				c, err := b.list(args, false, all...)
				if c == nil {
					if down["north"] && down["south"] && down["west"] {
						continue // none up: the client asks again
					}
					t.Fatal(err)
				}
				rows := c.Nodes()
				args, more = next(c, size, backward)
				if len(rows) == 0 && more && c.Coverage().Complete() {
					t.Fatal("an empty page of a whole answer says there is more")
				}
				if args.After == nil && args.Before == nil {
					args = from(size, backward)
				}
				// A client may also go on from a row inside the page.
				if cut := random.IntN(size) + 1; cut < len(rows) {
					edges := c.Edges()
					more = true
					if backward {
						rows = rows[len(rows)-cut:]
						args.Before = ptr(edges[len(edges)-cut].Cursor())
					} else {
						rows = rows[:cut]
						args.After = ptr(edges[cut-1].Cursor())
					}
				}
				for _, r := range rows {
					seen[r.ID()]++
				}
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
			if len(seen) != len(all)*perOwner {
				t.Errorf("%d rows of %d", len(seen), len(all)*perOwner)
			}
		})
	}
	b.set(testkit.Pass, keys...)
}

func TestReadingBackFromAPageThatLackedASourceGivesItsRowsToo(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	all := func(args page.Args) []string {
		t.Helper()
		c, err := b.list(args, false, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range c.Nodes() {
			out = append(out, r.NameZh+r.Owner)
		}
		return out
	}
	whole := all(page.Args{First: most})
	b.set(testkit.Refuse, "south")
	c, _ := b.list(page.Args{First: ptr(4)}, false, "a", "b") // 站1 to 站4 of a
	last := c.Edges()[3]
	b.set(testkit.Pass, "south")
	if got, want := all(page.Args{Last: most, Before: ptr(last.Cursor())}), whole[:slices.Index(whole, last.Node.NameZh+last.Node.Owner)]; !slices.Equal(got, want) {
		t.Errorf("before %s of %s stand %v, want %v", last.Node.NameZh, last.Node.Owner, got, want)
	}
}
