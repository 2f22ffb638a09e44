package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how many rows have come, four times a second, on a terminal.
type progress struct {
	out          io.Writer // nil: nobody looks
	begun, shown time.Time
	rows         int
}

const progressEvery = 250 * time.Millisecond

func newProgress(out io.Writer, quiet bool) *progress {
	p := &progress{begun: time.Now()}
	if !quiet && isTerminal(out) {
		p.out = out
	}
	return p
}

// isTerminal reports whether what is written goes before a person's eyes.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) row() {
	p.rows++
	if p.out == nil || p.rows%64 != 0 {
		return
	}
	if now := time.Now(); now.Sub(p.shown) >= progressEvery {
		p.shown = now
		p.show()
	}
}

func (p *progress) show() {
	seconds := time.Since(p.begun).Seconds()
	fmt.Fprintf(p.out, "\r\x1b[K%d rows, %.0f rows/s", p.rows, float64(p.rows)/seconds)
}

// end leaves the last figures standing.
func (p *progress) end() {
	if p.out != nil {
		p.show()
		fmt.Fprintln(p.out)
	}
}
