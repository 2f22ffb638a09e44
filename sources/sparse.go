package sources

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sparse is a slog.Handler that passes a warning about a column once a minute: what a newer
// database holds stands in every row of every answer. Records without a column all pass.
type sparse struct {
	slog.Handler
	last *lastWarnings
}

type lastWarnings struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[warning]time.Time // bounded by the columns of the schema
}

type warning struct{ message, table, column string }

const warnEvery = time.Minute // chosen: the log of a day holds a thousand lines a column at most

func newSparse(h slog.Handler, now func() time.Time) slog.Handler {
	return sparse{h, &lastWarnings{now: now, at: map[warning]time.Time{}}}
}

func (s sparse) Handle(ctx context.Context, r slog.Record) error {
	w := warning{message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "table":
			w.table = a.Value.String()
		case "column":
			w.column = a.Value.String()
		}
		return true
	})
	if w.column != "" && !s.last.due(w) {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

func (s sparse) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparse{s.Handler.WithAttrs(attrs), s.last}
}

func (s sparse) WithGroup(name string) slog.Handler {
	return sparse{s.Handler.WithGroup(name), s.last}
}

func (l *lastWarnings) due(w warning) bool {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.at[w]; ok && now.Sub(at) < warnEvery {
		return false
	}
	l.at[w] = now
	return true
}
