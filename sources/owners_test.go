package sources_test

import (
	"slices"
	"strings"
	"testing"

	"linhui/internal/testkit"
	"linhui/page"
	"linhui/sources"
)

func TestTwoSourcesThatClaimOneOwnerAreRefused(t *testing.T) {
	t.Parallel()
	b := prepare(t, map[string][]string{"north": {"a", "b"}, "south": {"b", "c"}})
	if _, err := sources.Open(t.Context(), b.opt); err == nil || !strings.Contains(err.Error(), "north") || !strings.Contains(err.Error(), "south") || !strings.Contains(err.Error(), " b") {
		t.Fatalf("at Open: %v", err)
	}
	b.take("south", "b")
	b.open()
	b.give("south", "a")
	if err := b.sources.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "north") || !strings.Contains(err.Error(), "south") {
		t.Errorf("at Refresh: %v", err)
	}
	c, err := b.list(page.Args{First: most}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	b.want("the running picture stays", c, []string{"a", "b", "c"}, map[string]page.SourceState{"north": page.OK, "south": page.OK})
}

func TestOwnersMoveBetweenSourcesWithoutARestart(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "b"}, "south": {"c"}})
	before, err := b.list(page.Args{First: ptr(5)}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	b.take("north", "b")
	b.give("south", "b")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if key := b.sources.Holder("b").Key; key != "south" {
		t.Errorf("b is held by %s", key)
	}
	after, err := b.list(page.Args{First: most, After: before.PageInfo().EndCursor()}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, r := range append(slices.Clone(before.Nodes()), after.Nodes()...) {
		ids[r.ID()]++
	}
	if len(ids) != 3*perOwner || len(before.Nodes())+len(after.Nodes()) != 3*perOwner {
		t.Errorf("a list read over the move has %d rows, %d of them different, of %d", len(before.Nodes())+len(after.Nodes()), len(ids), 3*perOwner)
	}
}

func TestASourceThatIsDownAtTheStartJoinsLater(t *testing.T) {
	t.Parallel()
	b := prepare(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	b.set(testkit.Refuse, "south")
	b.open()
	first, err := b.list(page.Args{First: ptr(4)}, false, "a", "b")
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_UNAVAILABLE <nil> [b]"}) || states(first.Coverage())[""] != page.Skipped {
		t.Errorf("before: %v, %v", got, states(first.Coverage()))
	}
	if b.sources.Directory().Community("b") == nil {
		t.Error("the community has lost its name")
	}
	b.set(testkit.Pass, "south")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest, err := b.list(page.Args{First: most, After: first.PageInfo().EndCursor()}, false, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(first.Nodes()) + len(rest.Nodes()); n != 2*perOwner {
		t.Errorf("a list begun before the source was known gives %d rows of %d", n, 2*perOwner)
	}
	b.set(testkit.Refuse, "south")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.sources.Holder("b") == nil {
		t.Error("a source that does not answer has lost its owners")
	}
}

func TestARefreshKeepsThePictureWhenTheDirectoryIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}})
	b.opt.Directory.Close()
	if err := b.sources.Refresh(t.Context()); err == nil {
		t.Error("no error")
	}
	if b.sources.Directory().Community("a") == nil || b.sources.Holder("a") == nil {
		t.Error("the picture is lost")
	}
}
