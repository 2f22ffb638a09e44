package tabular

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// batchRows is how many rows a record batch holds; chosen: a megabyte or so.
	batchRows = 8192
	// decimalScale is the digits after the point that a decimal column keeps: more than money
	// and means need, and leaves 28 before it.
	decimalScale = 10
)

// arrowWriter writes an IPC stream. An enum's dictionary is the schema's list of its values and
// is sent once. A stream that lacks rows has no end marker but a broken message: readers fail
// there instead of taking it for the whole.
type arrowWriter struct {
	w       *ipc.Writer
	to      io.Writer
	head    Head
	schema  *arrow.Schema
	columns []arrowColumn
	rows    int // in the batch being built
}

// arrowColumn builds one column of a batch.
type arrowColumn struct {
	build  array.Builder
	add    func(Cell) error
	finish func(arrow.Array) arrow.Array // nil: the column is what was built
}

func newArrow(w io.Writer, h Head) (Writer, error) {
	a := &arrowWriter{to: w, head: h}
	fields := make([]arrow.Field, len(h.Columns))
	for i := range h.Columns {
		c, typ := newArrowColumn(&h.Columns[i], h.Style)
		a.columns = append(a.columns, c)
		fields[i] = arrow.Field{Name: h.Columns[i].Name, Type: typ, Nullable: true,
			Metadata: arrow.NewMetadata([]string{"linhui.kind"}, []string{string(h.Columns[i].Kind)})}
	}
	keys, values := []string{"linhui.query", "linhui.time"}, []string{h.Name, h.At.In(Shanghai).Format(time.RFC3339)}
	for _, n := range h.Notes {
		keys, values = append(keys, "linhui."+n.Name), append(values, n.Text)
	}
	meta := arrow.NewMetadata(keys, values)
	a.schema = arrow.NewSchema(fields, &meta)
	a.w = ipc.NewWriter(w, ipc.WithSchema(a.schema))
	return a, nil
}

// newArrowColumn is the one place that says which Arrow type a kind has.
func newArrowColumn(c *Column, style Style) (arrowColumn, arrow.DataType) {
	mem := memory.DefaultAllocator
	if c.List {
		return textColumn(c, style), arrow.BinaryTypes.String
	}
	switch c.Kind {
	case Integer:
		b := array.NewInt64Builder(mem)
		return arrowColumn{build: b, add: func(cell Cell) error {
			n, ok := integer(cell)
			if !ok {
				return fmt.Errorf("column %s: not an integer", c.Name)
			}
			b.Append(n)
			return nil
		}}, arrow.PrimitiveTypes.Int64
	case Float:
		b := array.NewFloat64Builder(mem)
		return arrowColumn{build: b, add: func(cell Cell) error { return b.AppendValueFromString(string(cell)) }}, arrow.PrimitiveTypes.Float64
	case Boolean:
		b := array.NewBooleanBuilder(mem)
		return arrowColumn{build: b, add: func(cell Cell) error { b.Append(string(cell) == "true"); return nil }}, arrow.FixedWidthTypes.Boolean
	case Decimal:
		typ := &arrow.Decimal128Type{Precision: 38, Scale: decimalScale}
		b := array.NewDecimal128Builder(mem, typ)
		return arrowColumn{build: b, add: func(cell Cell) error {
			n, err := decimal128.FromString(text(cell), typ.Precision, typ.Scale)
			b.Append(n)
			return err
		}}, typ
	case Date:
		b := array.NewDate32Builder(mem)
		return arrowColumn{build: b, add: func(cell Cell) error {
			d, ok := day(text(cell))
			if !ok {
				return fmt.Errorf("column %s: not a date", c.Name)
			}
			b.Append(arrow.Date32(d))
			return nil
		}}, arrow.FixedWidthTypes.Date32
	case Instant:
		typ := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: Shanghai.String()}
		b := array.NewTimestampBuilder(mem, typ)
		return arrowColumn{build: b, add: func(cell Cell) error {
			t, err := time.Parse(time.RFC3339Nano, text(cell))
			b.Append(arrow.Timestamp(t.UnixMicro()))
			return err
		}}, typ
	case Enum:
		return enumColumn(c, style)
	}
	return textColumn(c, style), arrow.BinaryTypes.String
}

func textColumn(c *Column, style Style) arrowColumn {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	return arrowColumn{build: b, add: func(cell Cell) error { b.Append(c.shown(cell, style)); return nil }}
}

func enumColumn(c *Column, style Style) (arrowColumn, arrow.DataType) {
	names := array.NewStringBuilder(memory.DefaultAllocator)
	index := make(map[string]int32, len(c.Values))
	for i, v := range c.Values {
		index[v.Name] = int32(i)
		names.Append(c.one(v.Name, style))
	}
	dictionary := names.NewArray()
	typ := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	b := array.NewInt32Builder(memory.DefaultAllocator)
	return arrowColumn{build: b, add: func(cell Cell) error {
		i, ok := index[text(cell)]
		if !ok {
			return fmt.Errorf("column %s: a value that the schema does not list", c.Name)
		}
		b.Append(i)
		return nil
	}, finish: func(indices arrow.Array) arrow.Array {
		defer indices.Release()
		return array.NewDictionaryArray(typ, indices, dictionary)
	}}, typ
}

func (a *arrowWriter) Row(cells []Cell) error {
	for i, cell := range cells {
		if cell == nil {
			a.columns[i].build.AppendNull()
		} else if err := a.columns[i].add(cell); err != nil {
			return err
		}
	}
	if a.rows++; a.rows < batchRows {
		return nil
	}
	return a.batch()
}

// batch writes the rows built so far; without any, a batch of none, which carries the schema.
func (a *arrowWriter) batch() error {
	arrays := make([]arrow.Array, len(a.columns))
	for i, c := range a.columns {
		arrays[i] = c.build.NewArray()
		if c.finish != nil {
			arrays[i] = c.finish(arrays[i])
		}
	}
	record := array.NewRecordBatch(a.schema, arrays, int64(a.rows))
	defer record.Release()
	for _, x := range arrays {
		x.Release()
	}
	a.rows = 0
	return a.w.Write(record)
}

// Flush sends nothing: batches of a page would be small and many.
func (a *arrowWriter) Flush() error { return nil }

func (a *arrowWriter) Close(e End) error {
	if err := a.batch(); err != nil {
		return err
	}
	if missing := e.Incomplete(); missing != "" {
		// A continuation marker, a length that nothing follows, and the reason in clear.
		_, err := fmt.Fprintf(a.to, "\xff\xff\xff\xff\xff\xff\xff\x7f%s", strings.ToValidUTF8(missing, "?"))
		return err
	}
	return a.w.Close()
}
