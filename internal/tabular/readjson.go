package tabular

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ReadJSON reads a file of JSON rows into a writer of another format, row by row. open is called
// when the columns are known, row after each row. A file that stops before its end is an error.
func ReadJSON(from io.Reader, open func(Head) (Writer, error), row func()) (*End, error) {
	r := &jsonReader{dec: json.NewDecoder(from), open: open, row: row}
	if err := r.object(r.member); err != nil {
		return nil, err
	}
	if r.to == nil || r.tail.Complete == nil {
		return nil, errors.New("the file has no end")
	}
	end := End{Rows: r.tail.RowCount, Missing: r.tail.Missing, Reasons: r.tail.Reasons, Notes: r.tail.EndNotes}
	if *r.tail.Complete != end.Complete() || r.rows != end.Rows {
		return nil, fmt.Errorf("%d rows came, and the end tells of %d", r.rows, end.Rows)
	}
	return &end, r.to.Close(end)
}

type jsonReader struct {
	dec  *json.Decoder
	open func(Head) (Writer, error)
	row  func()
	to   Writer
	rows int

	head struct {
		Query   string
		Time    time.Time
		Notes   []Note
		Columns []Column
	}
	tail struct {
		RowCount         int
		Complete         *bool
		Missing, Reasons []string
		EndNotes         []Note
	}
}

// object calls member with each key of an object.
func (r *jsonReader) object(member func(key string) error) error {
	if t, err := r.dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errJSON, err)
	}
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

func (r *jsonReader) member(key string) error {
	into := map[string]any{"query": &r.head.Query, "time": &r.head.Time, "notes": &r.head.Notes, "columns": &r.head.Columns,
		"rowCount": &r.tail.RowCount, "complete": &r.tail.Complete, "missing": &r.tail.Missing, "reasons": &r.tail.Reasons, "endNotes": &r.tail.EndNotes}[key]
	switch {
	case key == "rows":
		return r.table()
	case into == nil:
		var other json.RawMessage
		into = &other
	}
	return r.dec.Decode(into)
}

// table reads the rows; the head stands before them.
func (r *jsonReader) table() (err error) {
	if r.to, err = r.open(Head{Name: r.head.Query, At: r.head.Time, Columns: r.head.Columns, Notes: r.head.Notes}); err != nil {
		return err
	}
	shape := Shape{Columns: r.head.Columns, tree: node{column: -1}}
	for i, c := range r.head.Columns {
		shape.tree.children = append(shape.tree.children, node{key: c.Name, column: i})
	}
	if t, err := r.dec.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(errJSON, err)
	}
	var raw json.RawMessage
	cells := make([]Cell, len(shape.Columns))
	for r.dec.More() {
		if err := r.dec.Decode(&raw); err != nil {
			return err
		}
		clear(cells)
		scan := reader{b: raw, cells: cells}
		if err := scan.value(&shape.tree); err != nil {
			return err
		}
		if err := r.to.Row(cells); err != nil {
			return err
		}
		r.rows++
		r.row()
	}
	_, err = r.dec.Token()
	return err
}
