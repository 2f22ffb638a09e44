package server

import (
	"container/list"
	"sync"

	"linhui/internal/tabular"
)

const (
	// resultBytes bounds the results of saved queries that are kept, oneResult each of them; chosen.
	resultBytes = 32 << 20
	oneResult   = 4 << 20
)

// result is the file of a saved query, whole.
type result struct {
	tag  string
	head tabular.Head
	end  tabular.End
	body []byte
}

// results keeps files by their tag, least recently used last.
type results struct {
	mu    sync.Mutex
	max   int
	size  int
	order *list.List // of *result
	items map[string]*list.Element
}

func (c *results) get(tag string) *result {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[tag]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*result)
}

func (c *results) put(r *result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[r.tag]; ok {
		return
	}
	c.items[r.tag] = c.order.PushFront(r)
	c.size += len(r.body)
	for c.size > c.max {
		last := c.order.Back()
		old := c.order.Remove(last).(*result)
		delete(c.items, old.tag)
		c.size -= len(old.body)
	}
}
