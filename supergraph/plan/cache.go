package plan

import (
	"bytes"
	"container/list"
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// CacheStats counts since the start; Plans is how many are held now.
type CacheStats struct{ Hits, Misses, Evictions, Plans int64 }

// cache holds the plans used last.
type cache struct {
	mu    sync.Mutex
	max   int
	order *list.List // of *entry, the last used first
	byKey map[string]*list.Element
	count CacheStats
}

type entry struct {
	key  string
	plan *Plan
}

func newCache(max int) *cache {
	return &cache{max: max, order: list.New(), byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		c.count.Misses++
		return nil
	}
	c.count.Hits++
	c.order.MoveToFront(e)
	return e.Value.(*entry).plan
}

func (c *cache) put(key string, p *Plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.max <= 0 || c.byKey[key] != nil {
		return
	}
	c.byKey[key] = c.order.PushFront(&entry{key, p})
	if c.order.Len() > c.max {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.byKey, last.Value.(*entry).key)
		c.count.Evictions++
	}
}

func (c *cache) stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.count
	s.Plans = int64(c.order.Len())
	return s
}

// Warm plans what another supergraph was asked lately, the last first and as far as this one still
// knows it, before anybody waits for it. It returns how many operations it planned until all were,
// or ctx ended.
func (s *Supergraph) Warm(ctx context.Context, from *Supergraph) int {
	planned := 0
	for _, known := range from.cache.plans() {
		if ctx.Err() != nil {
			break
		}
		doc, errs := gqlparser.LoadQueryWithRules(s.APISchema(), normal(known.Document), nil)
		if len(errs) > 0 {
			continue
		}
		if _, err := s.Plan(ctx, doc, ""); err == nil {
			planned++
		}
	}
	return planned
}

// plans are those held, the last used first.
func (c *cache) plans() []*Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Plan
	for e := c.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*entry).plan)
	}
	return all
}

// normal is the text that documents share which differ only in spaces, comments and unused operations.
func normal(doc *ast.QueryDocument) string {
	var b bytes.Buffer
	formatter.NewFormatter(&b, formatter.WithIndent("")).FormatQueryDocument(doc)
	return b.String()
}
