package tabular

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"linhui/internal/fault"
)

const (
	dataSheet  = "数据"
	notesSheet = "说明"
	// excelRows and excelText are what Excel itself holds of rows, header included, and of
	// UTF-16 units in a cell.
	excelRows = excelize.TotalRows
	excelText = excelize.TotalCellChars
	// exactDigits is how many digits Excel keeps of a number; longer ones are written as text.
	exactDigits = 15
	// sampled rows give columns their widths, between narrow and wide characters; chosen.
	sampled, narrow, wide = 100, 8, 48
	indigo, red           = "E8EDF5", "C00000"
)

// xlsxWriter writes typed cells; strings are never formulas. excelize keeps a sheet in a
// temporary file once it passes 16 MB, and the workbook is made by Close.
type xlsxWriter struct {
	to    io.Writer
	head  Head
	book  *excelize.File
	sheet *excelize.StreamWriter // nil: column widths are not known yet
	held  [][]any
	rows  int // written, header included
	cells []any
	cut   int // texts that were longer than a cell

	bold, date, instant, alarm int // styles
}

func newXLSX(w io.Writer, h Head) (Writer, error) {
	x := &xlsxWriter{to: w, head: h, book: excelize.NewFile(), cells: make([]any, len(h.Columns))}
	if err := x.book.SetSheetName(x.book.GetSheetName(0), dataSheet); err != nil {
		return nil, err
	}
	day, second := "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
	for _, s := range []struct {
		into  *int
		style excelize.Style
	}{
		{&x.bold, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{indigo}}}},
		{&x.date, excelize.Style{CustomNumFmt: &day}},
		{&x.instant, excelize.Style{CustomNumFmt: &second}},
		{&x.alarm, excelize.Style{Font: &excelize.Font{Bold: true, Color: red}}},
	} {
		var err error
		if *s.into, err = x.book.NewStyle(&s.style); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Row refuses what is more than a sheet holds.
func (x *xlsxWriter) Row(cells []Cell) error {
	for i := range x.head.Columns {
		x.cells[i] = x.cell(&x.head.Columns[i], cells[i])
	}
	if x.sheet == nil {
		x.held = append(x.held, append([]any(nil), x.cells...))
		if len(x.held) == sampled {
			return x.begin()
		}
		return nil
	}
	return x.write(x.cells)
}

func (x *xlsxWriter) write(cells []any) error {
	if x.rows == excelRows-1 { // the last line is kept for what is missing
		return fault.Newf(fault.BadUserInput, "a sheet holds %d rows and there are more: ask for CSV or Arrow, or narrow the filter", excelRows-2)
	}
	x.rows++
	return x.sheet.SetRow("A"+strconv.Itoa(x.rows), cells)
}

// begin writes the header and the rows held back.
func (x *xlsxWriter) begin() (err error) {
	if x.sheet, err = x.book.NewStreamWriter(dataSheet); err != nil {
		return err
	}
	header := make([]any, len(x.head.Columns))
	for i, c := range x.head.Columns {
		header[i] = excelize.Cell{StyleID: x.bold, Value: c.Name}
		need := Width(c.Name)
		for _, row := range x.held {
			need = max(need, displayed(row[i]))
		}
		if err := x.sheet.SetColWidth(i+1, i+1, float64(min(max(need+2, narrow), wide))); err != nil {
			return err
		}
	}
	if err := x.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := x.write(header); err != nil {
		return err
	}
	for _, row := range x.held {
		if err := x.write(row); err != nil {
			return err
		}
	}
	x.held = nil
	return nil
}

// displayed is about how wide Excel shows a value.
func displayed(v any) int {
	switch v := v.(type) {
	case excelize.Cell:
		return len(time.DateTime)
	case string:
		return Width(v)
	case nil:
		return 0
	}
	return len(fmt.Sprint(v))
}

// cell is the value excelize writes: typed where Excel has the type and keeps the value.
func (x *xlsxWriter) cell(c *Column, cell Cell) any {
	if cell == nil {
		return nil
	}
	if !c.List {
		switch c.Kind {
		case Boolean:
			return string(cell) == "true"
		case Integer, Float, Decimal:
			s := text(cell)
			if n, err := strconv.ParseFloat(s, 64); err == nil && len(strings.Trim(s, "-.0")) <= exactDigits {
				return n
			}
		case Date:
			if d, ok := day(text(cell)); ok && d > firstOfMarch1900 {
				return excelize.Cell{StyleID: x.date, Value: d + excelEpoch}
			}
		case Instant:
			if t, err := time.Parse(time.RFC3339Nano, text(cell)); err == nil && t.Year() > 1900 {
				t = t.In(Shanghai)
				_, offset := t.Zone()
				seconds := float64(t.Unix()+int64(offset)) + float64(t.Nanosecond()/1e6)/1e3
				return excelize.Cell{StyleID: x.instant, Value: seconds/(24*60*60) + excelEpoch}
			}
		}
	}
	s := c.shown(cell, x.head.Style)
	if len(s) > excelText && Width(s) > excelText {
		x.cut++
	}
	return s
}

const (
	excelEpoch = 25569 // Excel's number of 1970-01-01
	// firstOfMarch1900 is counted from 1970. Excel believes that 1900 had a 29 February.
	firstOfMarch1900 = -25508
)

func (x *xlsxWriter) Flush() error { return nil }

// Close writes the second sheet, where an incomplete workbook opens, and the workbook.
func (x *xlsxWriter) Close(e End) error {
	defer x.book.Close()
	if x.sheet == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	if !e.Complete() {
		x.rows++
		if err := x.sheet.SetRow("A"+strconv.Itoa(x.rows), []any{excelize.Cell{StyleID: x.alarm, Value: e.Incomplete()}}); err != nil {
			return err
		}
	}
	if err := x.sheet.Flush(); err != nil {
		return err
	}
	if err := x.notes(e); err != nil {
		return err
	}
	return x.book.Write(x.to)
}

func (x *xlsxWriter) notes(e End) error {
	index, err := x.book.NewSheet(notesSheet)
	if err != nil {
		return err
	}
	lines := []Note{{"query", x.head.Name}, {"time", x.head.At.In(Shanghai).Format(time.RFC3339)}}
	lines = append(append(lines, x.head.Notes...), e.Notes...)
	lines = append(lines, Note{"rows", strconv.Itoa(e.Rows)})
	if x.cut > 0 {
		lines = append(lines, Note{"cut", fmt.Sprintf("%d texts are longer than the %d characters that a cell holds; CSV and Arrow have them whole", x.cut, excelText)})
	}
	coverage, style := "complete", 0
	if !e.Complete() {
		coverage, style = e.Incomplete(), x.alarm
		x.book.SetActiveSheet(index)
	}
	sheet, err := x.book.NewStreamWriter(notesSheet)
	if err != nil {
		return err
	}
	if err := sheet.SetColWidth(1, 1, 16); err != nil {
		return err
	}
	if err := sheet.SetColWidth(2, 2, 100); err != nil {
		return err
	}
	if err := sheet.SetRow("A1", []any{excelize.Cell{StyleID: style, Value: "coverage"}, excelize.Cell{StyleID: style, Value: coverage}}); err != nil {
		return err
	}
	for i, n := range lines {
		if err := sheet.SetRow("A"+strconv.Itoa(i+2), []any{n.Name, n.Text}); err != nil {
			return err
		}
	}
	return sheet.Flush()
}
