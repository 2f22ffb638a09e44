// Package tabular turns the list of a GraphQL answer into a table, and writes tables as files that
// analysts open: CSV, XLSX, Arrow, JSON rows, and aligned text.
//
// A Shape says which columns an operation yields; its Read hands over the rows of one answer as
// they stand in its JSON, unparsed; a Writer gives each cell its type. No more than a few thousand
// rows are ever held.
package tabular

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind is what a column's cells hold.
type Kind string

const (
	Text    Kind = "text"
	Integer Kind = "integer"
	Float   Kind = "float"
	Decimal Kind = "decimal" // exact; a JSON string of digits
	Boolean Kind = "boolean"
	Date    Kind = "date"
	Instant Kind = "instant" // RFC 3339
	Enum    Kind = "enum"
)

// Column is one leaf field of the selection.
type Column struct {
	Name string `json:"name"` // the path of response keys, "community.nameZh"
	Kind Kind   `json:"kind"`
	// List marks a list of scalars: its cells hold the elements joined by "; ".
	List   bool    `json:"list,omitempty"`
	Values []Value `json:"values,omitempty"` // of an Enum, in the schema's order
}

// Value is one value of an enum and what people call it.
type Value struct {
	Name  string `json:"name"`
	Label string `json:"label,omitempty"`
}

// Cell is a scalar, or a list of them, as JSON; nil where there is none.
type Cell = []byte

// Head is what is known of a table before its first row.
type Head struct {
	Name    string
	At      time.Time
	Columns []Column
	Notes   []Note // filters and the like, in the order to be shown
	Style   Style
}

// Style is how cells are shown.
type Style struct {
	Preamble bool // CSV: lines that begin with # state the head and the end
	Labels   bool // enum values by what people call them
}

// Note is one fact about a table.
type Note struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// End is what is known only after the last row.
type End struct {
	Rows    int
	Missing []string // communities that did not take part, sorted
	Reasons []string // why the table is not whole; none when it is
	Notes   []Note
}

// Complete reports whether nothing is missing.
func (e *End) Complete() bool { return len(e.Missing) == 0 && len(e.Reasons) == 0 }

// Incomplete is the sentence that an incomplete table ends with, "" for a complete one.
func (e *End) Incomplete() string {
	if e.Complete() {
		return ""
	}
	text := fmt.Sprintf("INCOMPLETE 不完整: %d rows", e.Rows)
	if len(e.Missing) > 0 {
		text += "; missing communities: " + strings.Join(e.Missing, ", ")
	}
	if len(e.Reasons) > 0 {
		text += "; because: " + strings.Join(e.Reasons, "; ")
	}
	return text
}

// Writer writes one table. Cells are valid during the call only.
type Writer interface {
	Row(cells []Cell) error
	// Flush hands over what is buffered, as far as the format lets it.
	Flush() error
	// Close ends the table; it does not close what it writes to.
	Close(End) error
}

// Format is a way to write tables.
type Format struct {
	Name      string
	Extension string
	Media     string
	// Streams says that rows leave as they come. A format that does not is written by Close.
	Streams bool
	open    func(io.Writer, Head) (Writer, error)
}

// New begins a table.
func (f *Format) New(w io.Writer, h Head) (Writer, error) { return f.open(w, h) }

// The formats.
var (
	CSV   = &Format{"csv", ".csv", "text/csv", true, newCSV}
	XLSX  = &Format{"xlsx", ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false, newXLSX}
	Arrow = &Format{"arrow", ".arrow", "application/vnd.apache.arrow.stream", true, newArrow}
	JSON  = &Format{"json", ".json", "application/vnd.linhui.rows+json", true, newJSON}
	Plain = &Format{"table", ".txt", "", true, newPlain} // for terminals; nobody asks for it by media type

	formats = []*Format{CSV, XLSX, Arrow, JSON, Plain}
)

// Formats returns all of them.
func Formats() []*Format { return slices.Clone(formats) }

// ByMedia returns the format of a media type without parameters, nil when there is none.
func ByMedia(media string) *Format {
	return find(func(f *Format) bool { return f.Media != "" && strings.EqualFold(f.Media, media) })
}

// ByName returns the format of a name such as "csv", nil when there is none.
func ByName(name string) *Format { return find(func(f *Format) bool { return f.Name == name }) }

func find(is func(*Format) bool) *Format {
	if i := slices.IndexFunc(formats, is); i >= 0 {
		return formats[i]
	}
	return nil
}
