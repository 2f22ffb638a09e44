package page_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"linhui/internal/fault"
	"linhui/page"
)

func ptr[T any](v T) *T { return &v }

func TestPagingArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args page.Args
		want page.Window
		at   string // the argument refused
	}{
		"nothing":                {page.Args{}, page.Window{Size: page.DefaultSize}, ""},
		"first":                  {page.Args{First: ptr(1)}, page.Window{Size: 1}, ""},
		"the largest first":      {page.Args{First: ptr(page.MaxSize)}, page.Window{Size: page.MaxSize}, ""},
		"first and after":        {page.Args{First: ptr(7), After: ptr("c")}, page.Window{Size: 7, Cursor: "c"}, ""},
		"after alone":            {page.Args{After: ptr("c")}, page.Window{Size: page.DefaultSize, Cursor: "c"}, ""},
		"last":                   {page.Args{Last: ptr(3)}, page.Window{Size: 3, Backward: true}, ""},
		"last and before":        {page.Args{Last: ptr(3), Before: ptr("c")}, page.Window{Size: 3, Backward: true, Cursor: "c"}, ""},
		"first 0":                {page.Args{First: ptr(0)}, page.Window{}, "first"},
		"first -1":               {page.Args{First: ptr(-1)}, page.Window{}, "first"},
		"first above the most":   {page.Args{First: ptr(page.MaxSize + 1)}, page.Window{}, "first"},
		"last 0":                 {page.Args{Last: ptr(0)}, page.Window{}, "last"},
		"last above the most":    {page.Args{Last: ptr(page.MaxSize + 1)}, page.Window{}, "last"},
		"first and last":         {page.Args{First: ptr(1), Last: ptr(1)}, page.Window{}, "last"},
		"last and after":         {page.Args{Last: ptr(1), After: ptr("c")}, page.Window{}, "after"},
		"first and before":       {page.Args{First: ptr(1), Before: ptr("c")}, page.Window{}, "before"},
		"before alone":           {page.Args{Before: ptr("c")}, page.Window{}, "before"},
		"first after and before": {page.Args{First: ptr(1), After: ptr("a"), Before: ptr("b")}, page.Window{}, "before"},
	} {
		got, err := c.args.Window()
		if c.at == "" {
			if err != nil || got != c.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.BadUserInput || !reflect.DeepEqual(f.Path, []string{c.at}) {
			t.Errorf("%s: %v, want a refusal of %s", name, err, c.at)
		}
	}
}

func connection(rows int, info page.Info, states ...page.SourceState) *page.Connection[int] {
	c := &page.Coverage{}
	for i, s := range states {
		c.Sources = append(c.Sources, page.SourceCoverage{Key: fmt.Sprint(i), State: s, Communities: []string{"a", "b"}, AsOf: ptr(time.Time{})})
	}
	values := make([]*int, rows)
	for i := range values {
		values[i] = ptr(i)
	}
	return page.NewConnection(values, info, c, func(i int) string { return fmt.Sprint("c", i) },
		func(context.Context) (int, error) { return 42, nil })
}

func TestCursorsOfAPage(t *testing.T) {
	t.Parallel()
	c := connection(3, page.Info{HasNext: true})
	p := c.PageInfo()
	if *p.StartCursor() != "c0" || *p.EndCursor() != "c2" || !p.HasNextPage || p.HasPreviousPage {
		t.Errorf("%+v", p)
	}
	for i, e := range c.Edges() {
		if *e.Node != i || e.Cursor() != fmt.Sprint("c", i) {
			t.Errorf("edge %d: %d %s", i, *e.Node, e.Cursor())
		}
	}
	empty := connection(0, page.Info{}).PageInfo()
	if empty.StartCursor() != nil || empty.EndCursor() != nil {
		t.Error("a page without rows has cursors")
	}
	halted := connection(0, page.Info{HasNext: true, End: ptr("where it stood")}).PageInfo()
	if halted.StartCursor() != nil || *halted.EndCursor() != "where it stood" {
		t.Error("reading cannot go on after an outage that left a page empty")
	}
}

func TestCoverageCountsOwnersAndTotalsOnlyWhatIsWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		states                     []page.SourceState
		requested, answered, stale int
		complete                   bool
	}{
		{nil, 0, 0, 0, true},
		{[]page.SourceState{page.OK, page.OK}, 4, 4, 0, true},
		{[]page.SourceState{page.OK, page.Stale}, 4, 4, 2, false},
		{[]page.SourceState{page.OK, page.Timeout}, 4, 2, 0, false},
		{[]page.SourceState{page.OK, page.Forbidden}, 4, 2, 0, false},
		{[]page.SourceState{page.Skipped}, 2, 0, 0, false},
		{[]page.SourceState{page.Unavailable, page.BreakerOpen}, 4, 0, 0, false},
	} {
		conn := connection(1, page.Info{}, c.states...)
		cov := conn.Coverage()
		if cov.Requested() != c.requested || cov.Answered() != c.answered || cov.Stale() != c.stale || cov.Complete() != c.complete {
			t.Errorf("%v: %d %d %d %t", c.states, cov.Requested(), cov.Answered(), cov.Stale(), cov.Complete())
		}
		n, err := conn.TotalCount(t.Context())
		if err != nil || (n != nil) != c.complete {
			t.Errorf("%v: total %v, %v", c.states, n, err)
		}
	}
}
