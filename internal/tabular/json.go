package tabular

import (
	"bufio"
	"encoding/json"
	"io"
	"time"
)

// jsonWriter writes one object: {"query", "time", "notes", "columns", "rows": [{…}], "rowCount",
// "complete", "missing", "reasons"}. Cells stand in it as GraphQL answered them, lists too. A
// reader that does not find complete: true has not read the whole table.
type jsonWriter struct {
	w    *bufio.Writer
	keys [][]byte // `"name":`
	rows int
}

func newJSON(w io.Writer, h Head) (Writer, error) {
	j := &jsonWriter{w: bufio.NewWriterSize(w, 64<<10)}
	for _, c := range h.Columns {
		key, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		j.keys = append(j.keys, append(key, ':'))
	}
	head, err := json.Marshal(map[string]any{"query": h.Name, "time": h.At.In(Shanghai).Format(time.RFC3339), "notes": notes(h.Notes), "columns": h.Columns})
	if err != nil {
		return nil, err
	}
	j.w.Write(head[:len(head)-1])
	_, err = j.w.WriteString(`,"rows":[`)
	return j, err
}

// notes is never null in JSON.
func notes(n []Note) []Note { return append([]Note{}, n...) }

func (j *jsonWriter) Row(cells []Cell) error {
	open := ",\n{"
	if j.rows == 0 {
		open = "\n{"
	}
	j.rows++
	j.w.WriteString(open)
	for i, c := range cells {
		if i > 0 {
			j.w.WriteByte(',')
		}
		j.w.Write(j.keys[i])
		if c == nil {
			c = null
		}
		j.w.Write(c)
	}
	return j.w.WriteByte('}')
}

var null = []byte("null")

func (j *jsonWriter) Flush() error { return j.w.Flush() }

func (j *jsonWriter) Close(e End) error {
	tail, err := json.Marshal(map[string]any{"rowCount": e.Rows, "complete": e.Complete(), "missing": append([]string{}, e.Missing...),
		"reasons": append([]string{}, e.Reasons...), "endNotes": notes(e.Notes)})
	if err != nil {
		return err
	}
	j.w.WriteString("\n],")
	j.w.Write(tail[1:])
	j.w.WriteByte('\n')
	return j.w.Flush()
}
