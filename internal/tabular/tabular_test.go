package tabular

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

var head = Head{Name: "q", At: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Notes: []Note{{"filters", "{}"}}, Columns: []Column{
	{Name: "text", Kind: Text}, {Name: "n", Kind: Integer}, {Name: "money", Kind: Decimal}, {Name: "on", Kind: Date},
	{Name: "at", Kind: Instant}, {Name: "ok", Kind: Boolean}, {Name: "kind", Kind: Enum, Values: []Value{{"A", "甲"}, {"B", ""}}}, {Name: "tags", Kind: Text, List: true}}}

var rows = [][]string{
	{`"=cmd|' /C calc'!A0"`, `-7`, `"-4.00"`, `"2026-02-28"`, `"2026-02-28T23:30:00.5Z"`, `true`, `"B"`, `["x","+y"]`},
	{`"张 \"三\",\n李\u0031"`, `0`, `"12345678901234567.25"`, `"1899-12-31"`, `"2026-06-01T08:00:00+08:00"`, `false`, `"A"`, `[]`},
	{``, ``, ``, ``, ``, ``, ``, ``},
}

func written(t *testing.T, f *Format, s Style, end End) []byte {
	t.Helper()
	var b bytes.Buffer
	h := head
	h.Style = s
	w, err := f.New(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		cells := make([]Cell, len(row))
		for i, c := range row {
			if c != "" {
				cells[i] = []byte(c)
			}
		}
		if err := w.Row(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(end); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCSV(t *testing.T) {
	t.Parallel()
	want := "\ufefftext,n,money,on,at,ok,kind,tags\r\n" +
		"'=cmd|' /C calc'!A0,-7,-4.00,2026-02-28,2026-03-01 07:30:00,true,B,x; +y\r\n" +
		"\"张 \"\"三\"\",\n李1\",0,12345678901234567.25,1899-12-31,2026-06-01 08:00:00,false,甲,\r\n,,,,,,,\r\n"
	if diff := cmp.Diff(want, string(written(t, CSV, Style{Labels: true}, End{Rows: 3}))); diff != "" {
		t.Error(diff)
	}
}

// What begins a formula in any spreadsheet is text in the file; plain numbers stay numbers.
func TestFormulasAreDefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=1", "+1", "-1+1", "-", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "-1.", "-.5", "--1", "+8613800000000"} {
		if got := defused(s); got != "'"+s {
			t.Errorf("%q: %q", s, got)
		}
	}
	for _, s := range []string{"", "-1", "-0.50", "1", "a=1", "张", "1-2"} {
		if got := defused(s); got != s {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestXLSXHasTypedCells(t *testing.T) {
	t.Parallel()
	f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, Style{}, End{Rows: 3})))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	for _, cell := range []string{"A2", "B2", "C2", "D2", "E2", "F2", "C3", "D3", "H2"} {
		typ, _ := f.GetCellType(dataSheet, cell)
		shown, _ := f.GetCellValue(dataSheet, cell)
		formula, _ := f.GetCellFormula(dataSheet, cell)
		got = append(got, fmt.Sprintf("%d %s%s", typ, shown, formula))
	}
	text, number, boolean := excelize.CellTypeInlineString, excelize.CellTypeUnset, excelize.CellTypeBool
	want := []string{fmt.Sprintf("%d =cmd|' /C calc'!A0", text), fmt.Sprintf("%d -7", number), fmt.Sprintf("%d -4", number),
		fmt.Sprintf("%d 2026-02-28", number), fmt.Sprintf("%d 2026-03-01 07:30:00", number), fmt.Sprintf("%d TRUE", boolean),
		fmt.Sprintf("%d 12345678901234567.25", text), fmt.Sprintf("%d 1899-12-31", text), fmt.Sprintf("%d x; +y", text)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if complete, _ := f.GetCellValue(notesSheet, "B1"); complete != "complete" || f.GetActiveSheetIndex() != 0 {
		t.Errorf("%q, opens on %d", complete, f.GetActiveSheetIndex())
	}
}

func TestArrowHasTypedColumns(t *testing.T) {
	t.Parallel()
	r, err := ipc.NewReader(bytes.NewReader(written(t, Arrow, Style{}, End{Rows: 3})))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var types []string
	for _, f := range r.Schema().Fields() {
		types = append(types, f.Type.String())
	}
	want := []string{"utf8", "int64", "decimal(38, 10)", "date32", "timestamp[us, tz=Asia/Shanghai]", "bool", "dictionary<values=utf8, indices=int32, ordered=false>", "utf8"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
	if !r.Next() {
		t.Fatal(r.Err())
	}
	record := r.RecordBatch()
	kind := record.Column(6).(*array.Dictionary)
	if v := kind.Dictionary().(*array.String).Value(kind.GetValueIndex(0)); record.NumRows() != 3 || v != "B" || !record.Column(2).IsNull(2) {
		t.Errorf("%v %s", record, v)
	}
	if got := record.Column(2).ValueStr(1); got != "12345678901234567.25" && got != "12345678901234567.2500000000" {
		t.Errorf("a decimal lost digits: %s", got)
	}
	if r.Next() || r.Err() != nil {
		t.Errorf("after the last: %v", r.Err())
	}
}

// Rows as JSON are what every other format can be written from.
func TestJSONRowsBecomeAnyFormat(t *testing.T) {
	t.Parallel()
	for _, end := range []End{{Rows: 3}, {Rows: 3, Missing: []string{"a"}, Reasons: []string{"TIMEOUT"}}} {
		file := written(t, JSON, Style{}, end)
		var b bytes.Buffer
		seen := 0
		got, err := ReadJSON(bytes.NewReader(file), func(h Head) (Writer, error) { return CSV.New(&b, h) }, func() { seen++ })
		if err != nil || seen != 3 || got.Complete() != end.Complete() || b.String() != string(written(t, CSV, Style{}, end)) {
			t.Errorf("%v %+v %s", err, got, b.String())
		}
		for cut := range len(file) - 1 {
			if _, err := ReadJSON(bytes.NewReader(file[:cut]), func(h Head) (Writer, error) { return CSV.New(&bytes.Buffer{}, h) }, func() {}); err == nil {
				t.Fatalf("cut at %d of %d: no error", cut, len(file))
			}
		}
	}
}

func TestTablesAreAligned(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w, err := Plain.New(&b, Head{Columns: []Column{{Name: "name", Kind: Text}, {Name: "n", Kind: Integer}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]Cell{{[]byte(`"兰馨社区"`), []byte(`7`)}, {[]byte(`"é\u001b[31m"`), []byte(`123`)}, {nil, nil}} {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(End{Rows: 3, Missing: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	want := "name        n\n--------  ---\n兰馨社区    7\né [31m    123\n\nINCOMPLETE 不完整: 3 rows; missing communities: a\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReadingNeverPassesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := &Shape{Columns: []Column{{Name: "a"}, {Name: "b.c"}}, tree: node{column: -1, children: []node{{key: "a"}, {key: "b", column: -1, children: []node{{key: "c", column: 1}}}}}}
	data := `[{"a": "x\\", "b": {"c": [1, {"}": "]"}], "z": {}}}, {"b": null, "a": null}]`
	read := func(text string) (got []string, err error) {
		r := &reader{b: []byte(text), cells: make([]Cell, 2), row: func(c []Cell) error {
			got = append(got, fmt.Sprintf("%s|%s", c[0], c[1]))
			return nil
		}}
		return got, r.rows(&s.tree)
	}
	got, err := read(data)
	if diff := cmp.Diff([]string{`"x\\"|[1, {"}": "]"}]`, "|"}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for cut := range len(data) {
		if _, err := read(data[:cut]); err == nil && !strings.HasSuffix(data[:cut], "]") {
			t.Errorf("cut at %d: no error", cut)
		}
	}
}
