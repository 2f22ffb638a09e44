package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/fault"
)

// coded turns a fault into a GraphQL error; the cause stays behind.
func coded(f *fault.Error) *gqlerror.Error {
	ext := make(map[string]any, len(f.Extensions)+3)
	maps.Copy(ext, f.Extensions)
	ext["code"] = string(f.Code)
	if f.Code.Retryable() {
		ext["retryable"] = true
	}
	if len(f.Path) > 0 {
		ext["input"] = f.Path
	}
	return &gqlerror.Error{Message: f.Message, Extensions: ext}
}

// panicked is the cause of an INTERNAL error that was a panic.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// recovered is gqlgen's RecoverFunc: the presenter logs what it returns.
func recovered(_ context.Context, value any) error {
	return fault.Of(&panicked{value: value, stack: debug.Stack()})
}

// present is gqlgen's ErrorPresenterFunc. Only a *fault.Error, or an error of ours that already
// went through here, shows its text; everything else is INTERNAL and logged in full. The one
// exception is an argument that its scalar refused, which says what the scalar says.
func (e *engine) present(ctx context.Context, err error) *gqlerror.Error {
	var outer *gqlerror.Error
	if !errors.As(err, &outer) {
		outer = &gqlerror.Error{Err: err}
	}
	x := exchangeOf(ctx)
	f := e.classify(ctx, err, outer)
	shown := coded(f)
	shown.Path, shown.Locations = outer.Path, outer.Locations
	shown.Extensions["requestId"] = x.id
	if f.Code == fault.Internal {
		e.log.LogAttrs(ctx, slog.LevelError, "internal error", slog.String("requestId", x.id),
			slog.String("path", outer.Path.String()), slog.String("error", err.Error()))
	}
	x.note(f.Code)
	return shown
}

func (e *engine) classify(ctx context.Context, err error, outer *gqlerror.Error) *fault.Error {
	var f *fault.Error
	gone := errors.Is(err, context.Canceled) && ctx.Err() != nil // nobody waits for it any more
	switch {
	case errors.As(err, &f) && (f.Code != fault.Internal || !gone):
		return f
	case outer.Err == nil && published[outer.Extensions["code"]]:
		return &fault.Error{Code: fault.Code(outer.Extensions["code"].(string)), Message: outer.Message, Extensions: outer.Extensions}
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Newf(fault.SourceTimeout, "the answer took too long")
	case gone:
		return fault.Newf(fault.SourceTimeout, "the request was given up")
	case refusedArgument(ctx):
		return fault.Newf(fault.BadUserInput, "an argument is not acceptable: %s", clip(outer.Message, e.limits.MessageBytes))
	}
	return fault.Of(err)
}

// published are the codes that a ready-made GraphQL error may carry past the presenter, as those
// of other subgraphs do.
var published = map[any]bool{
	string(fault.Unauthenticated): true, string(fault.Forbidden): true, string(fault.BadUserInput): true,
	string(fault.NotFound): true, string(fault.Conflict): true, string(fault.InvalidTransition): true,
	string(fault.SourceUnavailable): true, string(fault.SourceTimeout): true,
	string(fault.CostExceeded): true, string(fault.RateLimited): true,
}

// refusedArgument reports whether the error of ctx arose while a field's arguments were read:
// gqlgen sets FieldContext.Args only once all of them are.
func refusedArgument(ctx context.Context) bool {
	fc := graphql.GetFieldContext(ctx)
	return fc != nil && fc.Args == nil && fc.Field.Field != nil && len(fc.Field.Arguments) > 0
}

// capped returns at most ResponseErrors errors; the last one says how many more there were.
func (e *engine) capped(errs gqlerror.List) gqlerror.List {
	most := e.limits.ResponseErrors
	if len(errs) <= most {
		return errs
	}
	more := coded(fault.Newf(fault.Internal, "%d more errors are not shown", len(errs)-most))
	more.Extensions["code"] = errs[most].Extensions["code"]
	return append(errs[:most:most], more)
}
