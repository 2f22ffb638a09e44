package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"linhui/internal/fault"
	"linhui/supergraph"
)

// Poster is a Subgraph that takes a request as the bytes of its HTTP body and answers with the
// bytes of its own. It spares both sides a pass over them.
type Poster interface {
	// Post returns the whole answer, {"data": …}. It may use buffer, and must not keep request. An
	// answer that is the caller's alone may be the next call's buffer.
	Post(ctx context.Context, request []byte, mutation bool, buffer []byte) (answer []byte, alone bool, err error)
}

// Limits bounds one execution.
type Limits struct {
	ResponseBytes int // of the data written
	Cells         int // values, slots and list items held; 12 bytes each
	Bodies        int // bytes of all answers of subgraphs together
}

// DefaultLimits are chosen: an answer of 8 MB needs half of them.
func DefaultLimits() Limits {
	return Limits{ResponseBytes: 8 << 20, Cells: 8 << 20, Bodies: 64 << 20}
}

// Executor runs programs on subgraphs.
type Executor struct {
	Subgraphs map[string]supergraph.Subgraph
	Policies  map[string]Policy // how much of a subgraph's errors is told; absent: nothing of them
	Limits    Limits
	// Observe hears of every call, for metrics and traces; nil: nobody does.
	Observe func(ctx context.Context, subgraph string, fetch int) (done func(bytes int, err error))

	idle sync.Pool // of *execution
}

// Answer is what an execution came to.
type Answer struct {
	Data   []byte // null when nothing could be answered
	Errors []*Error
}

// execution is one run of a program. Calls wait for subgraphs at once; everything else happens
// under mu.
type execution struct {
	memory
	executor  *Executor
	limits    *Limits
	program   *Program
	ctx       context.Context
	variables map[string]any
	encoded   map[string][]byte // of variables, as JSON

	mu     sync.Mutex
	reader reader
	root   uint32
	walk   uint32
	errors []*Error
	fatal  *fault.Error
	read   int // bytes of bodies
	table  map[uint64]int32

	buffers [][]byte // of bodies, by call
	asks    [][]byte // request bodies, by call
	reps    []gathered
}

// Run executes a query or a mutation. out is a buffer for the data, or nil.
func (e *Executor) Run(ctx context.Context, p *Program, variables map[string]any, out []byte) Answer {
	x := e.execution(ctx, p, variables)
	defer e.release(x)
	if p.start != nil {
		p.start.run(x)
	}
	return x.answer(out)
}

func (x *execution) answer(out []byte) Answer {
	a := Answer{Data: null4}
	if x.fatal == nil {
		a.Data = x.write(out)
	}
	if x.fatal != nil {
		return Answer{null4, []*Error{{Fault: x.fatal}}}
	}
	slices.SortStableFunc(x.errors, func(a, b *Error) int { return order(a.fetch) - order(b.fetch) })
	a.Errors = x.errors
	return a
}

var null4 = []byte("null")

// order puts what was found while writing last.
func order(fetch int) int {
	if fetch == 0 {
		return 1 << 30
	}
	return fetch
}

// cellsKept and bytesKept bound what an idle execution holds on to, so that one large answer does
// not keep its memory for ever. Chosen: the benchmark's answer of 85 KB needs a fifth of it.
const (
	cellsKept = 64 << 10
	bytesKept = 512 << 10
)

func (e *Executor) execution(ctx context.Context, p *Program, variables map[string]any) *execution {
	x, _ := e.idle.Get().(*execution)
	if x == nil {
		x = &execution{encoded: make(map[string][]byte), table: make(map[uint64]int32)}
		x.reader.same = make(map[uint64]uint32)
	}
	x.executor, x.limits, x.program, x.ctx, x.variables = e, &e.Limits, p, ctx, variables
	x.most = e.Limits.Cells
	x.reader.memory = &x.memory
	for len(x.buffers) < p.calls {
		x.buffers = append(x.buffers, nil)
		x.asks = append(x.asks, nil)
		x.reps = append(x.reps, gathered{})
	}
	x.bodies = append(x.bodies[:0], nil) // a cell without a body has number 0
	x.root, _ = x.newObject(len(p.root.keys))
	return x
}

func (e *Executor) release(x *execution) {
	held := 0
	for i := range x.buffers {
		held += cap(x.buffers[i]) + cap(x.asks[i])
	}
	if cap(x.cells) > cellsKept || held > bytesKept {
		return
	}
	clear(x.bodies)
	clear(x.encoded)
	x.cells, x.errors, x.fatal, x.read, x.walk = x.cells[:0], nil, nil, 0, 0
	x.ctx, x.variables, x.program = nil, nil, nil
	e.idle.Put(x)
}

func (s sequence) run(x *execution) {
	for _, n := range s {
		if x.stopped() {
			return
		}
		n.run(x)
	}
}

func (s parallel) run(x *execution) {
	var others sync.WaitGroup
	for i, n := range s {
		if i == len(s)-1 {
			n.run(x)
		} else {
			others.Go(func() { n.run(x) })
		}
	}
	others.Wait()
}

func (c *choice) run(x *execution) {
	n := c.otherwise
	if on, _ := x.variables[c.variable].(bool); on {
		n = c.then
	}
	if n != nil {
		n.run(x)
	}
}

func (x *execution) stopped() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fatal != nil
}

// run makes the request, sends it, and merges the answer.
func (k *call) run(x *execution) {
	defer x.recovered(k)
	request, wanted := x.request(k)
	if !wanted {
		return
	}
	body, alone, err := x.send(k, request)
	x.mu.Lock()
	defer x.mu.Unlock()
	if alone {
		x.buffers[k.number] = body
	}
	if err == nil {
		err = x.merged(k, body)
	}
	if err != nil {
		x.failed(k, err)
	}
}

// recovered turns a panic into an error of the call: calls run on goroutines of their own, where
// a panic would end the process.
func (x *execution) recovered(k *call) {
	if v := recover(); v != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.failed(k, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	}
}

func (x *execution) send(k *call, request []byte) (body []byte, alone bool, err error) {
	s := x.executor.Subgraphs[k.subgraph]
	if s == nil {
		return nil, false, fault.Newf(fault.SourceUnavailable, "the subgraph %s is not configured", k.subgraph)
	}
	if x.executor.Observe != nil {
		done := x.executor.Observe(x.ctx, k.subgraph, k.id)
		defer func() { done(len(body), err) }()
	}
	if p, ok := s.(Poster); ok {
		return p.Post(x.ctx, request, k.mutation, x.buffers[k.number][:0])
	}
	r, err := s.Do(x.ctx, &supergraph.Request{Query: k.query, OperationName: k.operation,
		Variables: json.RawMessage(request[len(k.head)-1 : len(request)-1])})
	if err != nil {
		return nil, false, err
	}
	return envelopeOf(r, x.buffers[k.number][:0]), true, nil
}

// envelopeOf puts the parts of an answer together again.
func envelopeOf(r *supergraph.Response, b []byte) []byte {
	b = append(b, '{')
	if len(r.Errors) > 0 {
		b = append(append(append(b, `"errors":`...), r.Errors...), ',')
	}
	b = append(b, `"data":`...)
	if len(r.Data) == 0 {
		b = append(b, "null"...)
	}
	return append(append(b, r.Data...), '}')
}

// merged reads a body and puts its values where they belong.
func (x *execution) merged(k *call, body []byte) error {
	if x.read += len(body); x.read > x.limits.Bodies {
		x.fatal = fault.Newf(fault.CostExceeded, "the subgraphs answered more than %d bytes: ask for fewer rows or fields", x.limits.Bodies)
		return nil
	}
	if len(x.bodies) > bodiesMost || len(body) > 1<<31 {
		return errTooLarge
	}
	x.bodies = append(x.bodies, body)
	r := &x.reader
	r.scanner = scanner{body: body}
	r.tag, r.depth = uint32(len(x.bodies)-1)<<8, 0
	e, err := r.response(k.answer)
	if err != nil {
		return err
	}
	g := &x.reps[k.number]
	told := x.toldErrors(k, e.errors, g)
	switch {
	case e.data.kind() == object:
	case told:
		return nil
	case e.data.kind() == absent, e.data.kind() == null:
		return fmt.Errorf("neither data nor errors were answered")
	default:
		return fmt.Errorf("data is no object")
	}
	if k.targets == nil {
		return x.mergeRoot(k, e.data.a)
	}
	for i := range k.targets {
		if err := x.mergeEntities(k, i, e.data.a, g, told); err != nil {
			return err
		}
	}
	return nil
}

func (x *execution) mergeRoot(k *call, data uint32) error {
	x.rename(data, k.into.rewrites)
	ok := true
	x.each(&k.into, func(obj uint32) { ok = ok && x.merge(obj, data, k.into.shape) })
	if !ok {
		return errTooLarge
	}
	return nil
}

func (x *execution) mergeEntities(k *call, ti int, data uint32, g *gathered, told bool) error {
	t := &k.targets[ti]
	l := x.slot(data, t.slot)
	count := g.counts[ti]
	switch {
	case l.kind() == list && int(l.b) == count:
	case l.kind() != list && (told || count == 0):
		return nil
	case l.kind() != list:
		return fmt.Errorf("%s is no list", t.alias)
	default:
		return fmt.Errorf("%s has %d elements for %d representations", t.alias, l.b, count)
	}
	clear(g.read)
	for _, w := range g.wanted {
		if int(w.target) != ti {
			continue
		}
		p := &t.places[w.place]
		c := x.cells[int(l.a)+listHead+int(w.rep)]
		if t.again {
			var err error
			if c, err = x.readAgain(c, p, w, g); err != nil {
				return err
			}
		}
		switch c.kind() {
		case null:
			continue
		case object:
		default:
			return fmt.Errorf("%s has an element that is no object", t.alias)
		}
		if p.rewrites != nil {
			x.rename(c.a, p.rewrites)
		}
		if !x.merge(w.object, c.a, p.shape) {
			return errTooLarge
		}
	}
	return nil
}

// readAgain reads an element for the shape of one of several places: once for all objects there,
// or, when paths part by type, for each object.
func (x *execution) readAgain(c cell, p *place, w wanted, g *gathered) (cell, error) {
	if c.kind() != opaque {
		return c, nil
	}
	id := [2]int32{w.rep, w.place}
	if known, ok := g.read[id]; ok && !x.program.apart {
		return known, nil
	}
	x.reader.scanner.at, x.reader.depth = int(c.a), 0
	made, err := x.reader.value(p.shape)
	if err == nil {
		if g.read == nil {
			g.read = make(map[[2]int32]cell)
		}
		g.read[id] = made
	}
	return made, err
}

// rename does the rewrites of an answer that starts at an object.
func (x *execution) rename(obj uint32, list []rewrite) {
	for i := range list {
		r := &list[i]
		x.follow(cell{tag: uint32(object), a: obj}, r.steps, func(at uint32) {
			if c := x.slot(at, r.from); c.kind() != absent {
				x.set(at, r.to, c)
				x.set(at, r.from, cell{})
			}
		})
	}
}

// each calls do once for every object at a place.
func (x *execution) each(p *place, do func(obj uint32)) {
	x.walk++
	x.follow(cell{tag: uint32(object), a: x.root}, p.steps, func(obj uint32) {
		if x.stamp(obj, x.walk) {
			do(obj)
		}
	})
}

// follow calls do for every object that steps lead to from a value.
func (x *execution) follow(c cell, steps []step, do func(obj uint32)) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.each:
			if c.kind() != list {
				return
			}
			for j := range int(c.b) {
				x.follow(x.cells[int(c.a)+listHead+j], steps[i+1:], do)
			}
			return
		case c.kind() != object:
			return
		case s.types != nil:
			if !x.isOneOf(c.a, s.shape, s.types) {
				return
			}
		default:
			c = x.slot(c.a, s.slot)
		}
	}
	if c.kind() == object {
		do(c.a)
	}
}

// typeName is the name of an object's type as JSON; nil when nobody said.
func (x *execution) typeName(obj uint32, s *shape) []byte {
	if s.typename >= 0 {
		if c := x.slot(obj, s.typename); c.kind() == text {
			return x.bytes(c)
		}
	}
	return s.staticJSON
}

func (x *execution) isOneOf(obj uint32, s *shape, types []string) bool {
	name := x.typeName(obj, s)
	if name == nil {
		return false
	}
	return slices.ContainsFunc(types, func(t string) bool { return len(name) == len(t)+2 && bytes.Equal(name[1:len(name)-1], []byte(t)) })
}
