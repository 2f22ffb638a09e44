package store

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Merging runs gives what sorting all of them would, and of equal rows every one.
func TestMergeIsTheFirstOfAllInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 20), 0, 6), 0, 12).Draw(t, "runs")
		n := rapid.IntRange(0, 40).Draw(t, "n")
		var all []int
		rows := make([][]*int, len(runs))
		for i := range runs {
			slices.Sort(runs[i])
			all = append(all, runs[i]...)
			for k := range runs[i] {
				rows[i] = append(rows[i], &runs[i][k])
			}
		}
		slices.Sort(all)
		var got []int
		seen := map[*int]bool{}
		for _, r := range Merge(rows, func(a, b *int) int { return cmp.Compare(*a, *b) }, n) {
			if seen[r] {
				t.Fatalf("a row stands twice in %v", got)
			}
			seen[r] = true
			got = append(got, *r)
		}
		if want := all[:min(n, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("merged %v, want %v", got, want)
		}
	})
}
