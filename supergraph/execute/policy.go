package execute

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"linhui/internal/fault"
)

// Policy is how much of a subgraph's own errors clients are told. The zero value tells nothing:
// the message is a plain sentence, the code INTERNAL unless it is one of ours, and the log has
// the rest.
type Policy struct {
	Messages   bool     // messages as the subgraph wrote them, at most 500 bytes
	Extensions []string // members of extensions that are passed on beside code; "*" is all of them
}

// policy is the subgraph's, or that of "*".
func (x *execution) policy(subgraph string) Policy {
	if p, ok := x.executor.Policies[subgraph]; ok {
		return p
	}
	return x.executor.Policies["*"]
}

// passed are the codes of package fault that a subgraph may use for its own errors.
var passed = map[string]fault.Code{}

func init() {
	for _, c := range []fault.Code{fault.Unauthenticated, fault.Forbidden, fault.BadUserInput, fault.NotFound, fault.Conflict,
		fault.InvalidTransition, fault.SourceUnavailable, fault.SourceTimeout, fault.CostExceeded, fault.RateLimited} {
		passed[string(c)] = c
	}
}

func (p Policy) fault(subgraph string, t *told) *fault.Error {
	code := fault.Internal
	if name, ok := t.Extensions["code"].(string); ok {
		if c, known := passed[name]; known {
			code = c
		}
	}
	f := fault.Newf(code, "the subgraph %s answered an error", subgraph)
	if p.Messages {
		f.Message = clip(t.Message)
	}
	names := p.Extensions
	if slices.Contains(names, "*") {
		names = slices.Collect(maps.Keys(t.Extensions))
	}
	for _, name := range names {
		if v, ok := t.Extensions[name]; ok && name != "code" {
			f = f.With(name, v)
		}
	}
	return f.Because(fmt.Errorf("%s: %s (path %v, extensions %v)", subgraph, clip(t.Message), t.Path, t.Extensions))
}

// clip shortens a message without splitting a character.
func clip(s string) string {
	if len(s) <= messageBytes {
		return s
	}
	n := messageBytes
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
