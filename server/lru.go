package server

import (
	"container/list"
	"sync"
)

// documents keeps validated documents, least recently used last, within a number of bytes.
// Documents that failed are not kept, so that nobody can fill it with rubbish that costs nothing.
type documents struct {
	mu    sync.Mutex
	max   int64
	size  int64
	order *list.List // of *document
	items map[digest]*list.Element
}

func newDocuments(max int64) *documents {
	return &documents{max: max, order: list.New(), items: make(map[digest]*list.Element)}
}

func (c *documents) get(hash digest) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[hash]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*document)
}

// add keeps d, unless it alone would pass the bound or is already there.
func (c *documents) add(d *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[d.hash]; ok || d.bytes() > c.max {
		return
	}
	c.items[d.hash] = c.order.PushFront(d)
	c.size += d.bytes()
	for c.size > c.max {
		last := c.order.Back()
		old := c.order.Remove(last).(*document)
		delete(c.items, old.hash)
		c.size -= old.bytes()
	}
}
