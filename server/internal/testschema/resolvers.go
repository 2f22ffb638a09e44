// Package testschema is a small generated schema that the tests of package server drive.
package testschema

//go:generate go run gen.go

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// Day is a scalar that refuses what is not a date, with an error that carries no code.
type Day string

func (d Day) MarshalGQL(w io.Writer) { io.WriteString(w, strconv.Quote(string(d))) }

func (d *Day) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return errors.New("a Day is a string such as 2026-03-01")
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("a Day looks like 2026-03-01")
	}
	*d = Day(s)
	return nil
}

// Root resolves every field. Release, when not nil, lets `wait` answer; Waiting counts the
// calls that wait.
type Root struct {
	Release chan struct{}
	Cover   func(from int) []*SourceCoverage // of the page of items that begins there; nil: it cannot be had
	Waiting atomic.Int64
	Open    atomic.Int64 // running `open` subscriptions
	Bumped  atomic.Int64
}

type (
	query        struct{ *Root }
	mutation     struct{ *Root }
	subscription struct{ *Root }
	item         struct{ *Root }
	entity       struct{}
)

func (r *Root) Query() QueryResolver               { return query{r} }
func (r *Root) Mutation() MutationResolver         { return mutation{r} }
func (r *Root) Subscription() SubscriptionResolver { return subscription{r} }
func (r *Root) Item() ItemResolver                 { return item{r} }
func (r *Root) Entity() EntityResolver             { return entity{} }

func (query) Hello(_ context.Context, name *string) (string, error) {
	if name == nil {
		return "hello", nil
	}
	return "hello " + *name, nil
}

func (query) Item(_ context.Context, id string) (*Item, error) { return &Item{ID: id}, nil }

func (r query) Items(_ context.Context, first *int, after *string, _ *Filter, of *int, _ *int, _ *string) (*ItemConnection, error) {
	n, from := 10, 0
	if first != nil {
		n = *first
	}
	total := n
	if of != nil {
		total = *of
	}
	if after != nil {
		from, _ = strconv.Atoi(*after)
	}
	c := &ItemConnection{TotalCount: total, Coverage: &Coverage{}}
	if r.Cover != nil {
		if c.Coverage.Sources = r.Cover(from); c.Coverage.Sources == nil {
			return nil, fault.Newf(fault.SourceUnavailable, "all are down")
		}
	}
	until := min(from+n, total)
	for i := from; i < until; i++ {
		id := strconv.Itoa(i)
		c.Nodes = append(c.Nodes, &Item{ID: id, Size: -i})
		c.Edges = append(c.Edges, &ItemEdge{Cursor: strconv.Itoa(i + 1), Node: c.Nodes[len(c.Nodes)-1]})
	}
	end := strconv.Itoa(until)
	c.PageInfo = &PageInfo{HasNextPage: until < total, EndCursor: &end}
	return c, nil
}

func (query) Kinds(context.Context) ([]*Kind, error) {
	x := "x"
	return []*Kind{{Code: KindCodeA, Tags: []*string{&x, nil}}, {Code: KindCodeB, Tags: []*string{}}}, nil
}

func (query) Words(context.Context) ([]string, error) { return []string{"=1+1", "-5", "李, 王"}, nil }

func (query) Day(_ context.Context, on Day) (string, error) { return string(on), nil }

func (query) Fail(_ context.Context, code string) (*string, error) {
	if code == "" {
		return nil, errors.New("pq: password authentication failed for user \"secret\"")
	}
	return nil, fault.Newf(fault.Code(code), "it failed as asked").With("source", "north").
		Because(errors.New("the secret cause"))
}

func (query) Panic(context.Context) (*string, error) { panic("a secret panic") }

func (query) Big(_ context.Context, bytes int) (string, error) {
	return strings.Repeat("x", bytes), nil
}

func (r query) Wait(ctx context.Context) (string, error) {
	r.Waiting.Add(1)
	defer r.Waiting.Add(-1)
	select {
	case <-r.Release:
		return "released", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (query) Whoami(ctx context.Context) (string, error) {
	v := authz.FromContext(ctx)
	return fmt.Sprintf("%s %v %s %s", v.Principal, v.Roles, v.Purpose, v.At.UTC().Format(time.RFC3339)), nil
}

func (entity) FindItemByID(_ context.Context, id string) (*Item, error) { return &Item{ID: id}, nil }

func (r mutation) Bump(_ context.Context, by int) (int, error) {
	return int(r.Bumped.Add(int64(by))), nil
}

func (subscription) Count(ctx context.Context, to int) (<-chan int, error) {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := range to {
			select {
			case out <- i + 1:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

func (r subscription) Open(ctx context.Context) (<-chan int, error) {
	out := make(chan int, 1)
	out <- 1
	r.Root.Open.Add(1)
	go func() {
		<-ctx.Done()
		r.Root.Open.Add(-1)
		close(out)
	}()
	return out, nil
}

func (subscription) Refused(context.Context) (<-chan int, error) {
	return nil, fault.Newf(fault.Forbidden, "not for you")
}

func (item) Name(_ context.Context, it *Item, style *string) (string, error) {
	if style != nil {
		return *style + " " + it.ID, nil
	}
	return "item " + it.ID, nil
}

func (item) Parent(_ context.Context, it *Item) (*Item, error) { return &Item{ID: it.ID + "p"}, nil }

func (item) Children(_ context.Context, it *Item, first *int) ([]*Item, error) {
	n := 3
	if first != nil {
		n = *first
	}
	list := make([]*Item, n)
	for i := range list {
		list[i] = &Item{ID: it.ID + "." + strconv.Itoa(i)}
	}
	return list, nil
}
