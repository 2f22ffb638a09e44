package tabular

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

const (
	measured = 1000 // rows that column widths are taken from; chosen: the rows of many screens
	widest   = 60   // of a column on a terminal; chosen: two of them stand beside each other
)

// plainWriter draws aligned columns. Widths come from the first rows; later ones that are wider
// push their line aside rather than lose text.
type plainWriter struct {
	w      *bufio.Writer
	head   Head
	held   [][]string // rows before widths are known
	widths []int      // nil: not known yet
}

func newPlain(w io.Writer, h Head) (Writer, error) {
	return &plainWriter{w: bufio.NewWriterSize(w, 64<<10), head: h}, nil
}

func (p *plainWriter) Row(cells []Cell) error {
	row := make([]string, len(p.head.Columns))
	for i := range p.head.Columns {
		row[i] = printable(p.head.Columns[i].shown(cells[i], p.head.Style))
	}
	if p.widths != nil {
		return p.line(row)
	}
	p.held = append(p.held, row)
	if len(p.held) == measured {
		return p.begin()
	}
	return nil
}

// printable keeps a cell on one line and terminals safe from what it holds.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// begin writes the header and the rows held back.
func (p *plainWriter) begin() error {
	names := make([]string, len(p.head.Columns))
	p.widths = make([]int, len(names))
	for i, c := range p.head.Columns {
		names[i] = c.Name
		p.widths[i] = Width(c.Name)
		for _, row := range p.held {
			p.widths[i] = max(p.widths[i], min(Width(row[i]), widest))
		}
	}
	rule := make([]string, len(names))
	for i, w := range p.widths {
		rule[i] = strings.Repeat("-", w)
	}
	for _, row := range append([][]string{names, rule}, p.held...) {
		if err := p.line(row); err != nil {
			return err
		}
	}
	p.held = nil
	return nil
}

func (p *plainWriter) line(cells []string) error {
	var b strings.Builder
	for i, s := range cells {
		pad := strings.Repeat(" ", max(p.widths[i]-Width(s), 0))
		switch p.head.Columns[i].Kind {
		case Integer, Float, Decimal:
			b.WriteString(pad + s)
		default:
			b.WriteString(s + pad)
		}
		b.WriteString("  ")
	}
	_, err := p.w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// Flush keeps the first rows back until their widths are known.
func (p *plainWriter) Flush() error { return p.w.Flush() }

func (p *plainWriter) Close(e End) error {
	if p.widths == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	for _, n := range e.Notes {
		fmt.Fprintf(p.w, "%s: %s\n", n.Name, printable(n.Text))
	}
	if missing := e.Incomplete(); missing != "" {
		fmt.Fprintf(p.w, "%s\n", printable(missing))
	}
	return p.w.Flush()
}

// Width is the number of terminal cells that s takes: two for each wide character of East Asian
// scripts, none for a mark that stands on another.
func Width(s string) int {
	n := 0
	for _, r := range s {
		if r < 0x80 {
			n++
			continue
		}
		if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
			continue
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
