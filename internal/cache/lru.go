package cache

import (
	"container/list"
	"sync"
)

// lru keeps the most recently used values; a size below one keeps none.
type lru[K comparable, V any] struct {
	mu    sync.Mutex
	size  int
	items map[K]*list.Element // of *lruItem[K, V]
	order *list.List          // most recent first
}

type lruItem[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{size: size, items: map[K]*list.Element{}, order: list.New()}
}

// getLocked needs mu: a Get looks up all its keys under one lock.
func (l *lru[K, V]) getLocked(key K) (value V, ok bool) {
	item, ok := l.items[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(item)
	return item.Value.(*lruItem[K, V]).value, true
}

func (l *lru[K, V]) put(key K, value V) {
	if l.size < 1 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if item, ok := l.items[key]; ok {
		item.Value.(*lruItem[K, V]).value = value
		l.order.MoveToFront(item)
		return
	}
	l.items[key] = l.order.PushFront(&lruItem[K, V]{key, value})
	if len(l.items) > l.size {
		oldest := l.order.Back()
		l.order.Remove(oldest)
		delete(l.items, oldest.Value.(*lruItem[K, V]).key)
	}
}
