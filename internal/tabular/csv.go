package tabular

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// csvWriter writes RFC 4180 with a byte order mark, without which Excel reads UTF-8 as the
// machine's own encoding. encoding/csv writes no mark and quotes less than a spreadsheet needs.
type csvWriter struct {
	w    *bufio.Writer
	head Head
}

func newCSV(w io.Writer, h Head) (Writer, error) {
	c := &csvWriter{bufio.NewWriterSize(w, 64<<10), h}
	c.w.WriteString("\ufeff")
	if h.Style.Preamble {
		c.comment("query", h.Name)
		c.comment("time", h.At.In(Shanghai).Format(time.RFC3339))
		for _, n := range h.Notes {
			c.comment(n.Name, n.Text)
		}
	}
	for i, col := range h.Columns {
		c.field(i, col.Name)
	}
	_, err := c.w.WriteString("\r\n")
	return c, err
}

var oneLine = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ")

func (c *csvWriter) comment(name, text string) {
	c.w.WriteString("# " + name + ": " + oneLine.Replace(text) + "\r\n")
}

func (c *csvWriter) field(i int, s string) {
	if i > 0 {
		c.w.WriteByte(',')
	}
	if strings.ContainsAny(s, ",\"\r\n") || len(c.head.Columns) == 1 && s == "" {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	c.w.WriteString(s)
}

// Row writes one record. bufio keeps its first error, so that only the last write is looked at.
func (c *csvWriter) Row(cells []Cell) error {
	for i := range c.head.Columns {
		c.field(i, defused(c.head.Columns[i].shown(cells[i], c.head.Style)))
	}
	_, err := c.w.WriteString("\r\n")
	return err
}

// defused is s as no spreadsheet takes for a formula: with an apostrophe before what would begin
// one, in half or full width. Plain numbers stay numbers.
func defused(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		if !plainNumber(s) {
			return "'" + s
		}
		return s
	}
	if s[0] < utf8.RuneSelf {
		return s
	}
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫':
		return "'" + s
	}
	return s
}

func (c *csvWriter) Flush() error { return c.w.Flush() }

// Close writes a last record that says what an incomplete file lacks. With a preamble it is a
// comment line, and a complete file has one too.
func (c *csvWriter) Close(e End) error {
	missing := e.Incomplete()
	switch {
	case c.head.Style.Preamble:
		for _, n := range e.Notes {
			c.comment(n.Name, n.Text)
		}
		if missing == "" {
			missing = "complete: " + strconv.Itoa(e.Rows) + " rows"
		}
		c.w.WriteString("# " + oneLine.Replace(missing) + "\r\n")
	case missing != "":
		for i := range c.head.Columns {
			c.field(i, missing)
			missing = ""
		}
		c.w.WriteString("\r\n")
	}
	return c.w.Flush()
}
