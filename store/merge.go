package store

// Merge returns the first n rows of runs that are each in the order of compare.
func Merge[T any](runs [][]*T, compare func(a, b *T) int, n int) []*T {
	m := merger[T]{compare: compare}
	total := 0
	for _, run := range runs {
		if len(run) > 0 {
			m.heap = append(m.heap, run)
			total += len(run)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	out := make([]*T, 0, min(n, total))
	for len(out) < cap(out) {
		out = append(out, m.next())
	}
	return out
}

// merger is a binary heap of what is left of the runs, the one with the first row on top.
type merger[T any] struct {
	heap    [][]*T
	compare func(a, b *T) int
}

func (m *merger[T]) next() *T {
	first := m.heap[0][0]
	if m.heap[0] = m.heap[0][1:]; len(m.heap[0]) == 0 {
		last := len(m.heap) - 1
		m.heap[0], m.heap = m.heap[last], m.heap[:last]
	}
	if len(m.heap) > 0 {
		m.sink(0)
	}
	return first
}

// sink lets the run at i down to its place. The row that comes up next in a run mostly belongs
// far down: the path of the firsts is followed to its end, at one comparison a level, and the
// place looked for from there.
func (m *merger[T]) sink(i int) {
	top, run := i, m.heap[i]
	for {
		child := 2*i + 1
		if child >= len(m.heap) {
			break
		}
		if right := child + 1; right < len(m.heap) && m.compare(m.heap[right][0], m.heap[child][0]) < 0 {
			child = right
		}
		m.heap[i], i = m.heap[child], child
	}
	for i > top {
		parent := (i - 1) / 2
		if m.compare(m.heap[parent][0], run[0]) <= 0 {
			break
		}
		m.heap[i], i = m.heap[parent], parent
	}
	m.heap[i] = run
}
