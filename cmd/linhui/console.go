package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// level is the least level of log lines that are shown.
type level string

// slog is the level as package slog counts it.
func (l level) slog() slog.Level {
	var s slog.Level
	_ = s.UnmarshalText([]byte(l)) // what is no level was refused before; Info is zero
	return s
}

// console is a log for a person at a terminal: a line each, without time and level.
type console struct {
	level slog.Level
	mu    *sync.Mutex
	out   io.Writer
	attrs string
}

func newConsole(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(&console{level: level, mu: &sync.Mutex{}, out: out})
}

// Enabled, Handle, WithAttrs and WithGroup make it a slog.Handler; groups are not shown.
func (c *console) Enabled(_ context.Context, l slog.Level) bool { return l >= c.level }

// Handle writes one line.
func (c *console) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if r.Level >= slog.LevelWarn {
		b.WriteString(strings.ToLower(r.Level.String()) + ": ")
	}
	b.WriteString(r.Message + c.attrs)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintln(c.out, b.String())
	return err
}

// WithAttrs returns a console whose lines all end in attrs.
func (c *console) WithAttrs(attrs []slog.Attr) slog.Handler {
	d := *c
	for _, a := range attrs {
		d.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return &d
}

// WithGroup returns the same console.
func (c *console) WithGroup(string) slog.Handler { return c }

// begin says what is about to take a while.
func (p *process) begin(doing string) { fmt.Fprintln(p.out, doing, "…") }
