package execute

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// Call is a call of a subgraph as it begins.
type Call struct {
	Subgraph string `json:"subgraph"`
	Fetch    int    `json:"fetch"` // its id in the plan
	// Path is where the answer goes, as plan.Path prints it, several parted by ", "; empty: the root.
	Path     string `json:"path,omitempty"`
	Entities int    `json:"entities,omitempty"` // representations sent; 0: it asks for none
}

// observed is a call that somebody hears of: the executor's observer, the explanation that ctx asks
// for, or both. done must be called; ctx is the call's own.
func (x *execution) observed(k *call) (ctx context.Context, done func(bytes int, err error)) {
	ctx = x.ctx
	explained, _ := ctx.Value(explanationKey{}).(*Explanation)
	if x.executor.Observe == nil && explained == nil {
		return ctx, nil
	}
	c := &Call{Subgraph: k.subgraph, Fetch: k.id, Path: k.at}
	for _, n := range x.reps[k.number].counts {
		c.Entities += n
	}
	done = func(int, error) {}
	if x.executor.Observe != nil {
		ctx, done = x.executor.Observe(ctx, c)
	}
	if explained != nil {
		tell, write := done, explained.Begin(c)
		done = func(bytes int, err error) {
			tell(bytes, err)
			write(bytes, err)
		}
	}
	return ctx, done
}

// placed prints where a call's answer goes.
func (k *call) placed() string {
	var all []string
	for _, p := range k.places() {
		all = append(all, p.path.String())
	}
	return strings.Join(all, ", ")
}

// Explanation collects how the calls of one operation went, for extensions.plan.
type Explanation struct {
	began time.Time
	mu    sync.Mutex
	calls []ended
}

type ended struct {
	*Call
	Bytes   int        `json:"bytes"`
	BeganMs float64    `json:"beganMs"` // since the operation began
	TookMs  float64    `json:"tookMs"`
	Code    fault.Code `json:"code,omitempty"` // why there was no answer
}

type explanationKey struct{}

// Wanted reports whether an operation asks for its plan: by the header X-Linhui-Plan, or by
// "plan": true among the extensions of its request.
func Wanted(oc *graphql.OperationContext) bool {
	return oc.Headers.Get("X-Linhui-Plan") != "" || oc.Extensions["plan"] == true
}

// Explain returns ctx with an explanation that calls made under it are written to.
func Explain(ctx context.Context) (context.Context, *Explanation) {
	e := &Explanation{began: time.Now()}
	return context.WithValue(ctx, explanationKey{}, e), e
}

// Begin notes a call; the function that it returns notes its end.
func (e *Explanation) Begin(c *Call) func(bytes int, err error) {
	from := time.Since(e.began)
	return func(bytes int, err error) {
		t := ended{Call: c, Bytes: bytes, BeganMs: ms(from), TookMs: ms(time.Since(e.began) - from)}
		if err != nil {
			t.Code = fault.Of(err).Code
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls = append(e.calls, t)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Show puts the plan and its calls, in the order of their ids, into the answer's extensions.
func (e *Explanation) Show(ctx context.Context, p *plan.Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.SortStableFunc(e.calls, func(a, b ended) int { return a.Fetch - b.Fetch })
	graphql.RegisterExtension(ctx, "plan", map[string]any{"text": p.String(), "root": p.Root, "calls": e.calls, "tookMs": ms(time.Since(e.began))})
}
