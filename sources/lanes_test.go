package sources_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"linhui/page"
)

// Three hundred at once are more than any source takes; each still gets its whole answer.
func TestACrowdIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "d"}, "south": {"b"}})
	var whole atomic.Int64
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			c, err := b.list(page.Args{First: most}, false, "a", "b", "d")
			if err == nil && len(c.Nodes()) > 0 {
				whole.Add(1)
			}
		})
	}
	wg.Wait()
	if n := whole.Load(); n != 300 {
		t.Errorf("%d of 300 answers are whole", n)
	}
}
