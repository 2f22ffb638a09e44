package execute

import (
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
	Bodies        int // bytes of all answers of subgraphs together, and of any one request to them
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
	// Observe hears of every call, for metrics and traces; nil: nobody does. Its context is the call's.
	Observe func(ctx context.Context, c *Call) (_ context.Context, done func(bytes int, err error))

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
	ctx, done := x.observed(k)
	if done != nil {
		defer func() { done(len(body), err) }()
	}
	if p, ok := s.(Poster); ok {
		return p.Post(ctx, request, k.mutation, x.buffers[k.number][:0])
	}
	r, err := s.Do(ctx, &supergraph.Request{Query: k.query, OperationName: k.operation,
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
