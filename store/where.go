package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// Where collects conditions and their arguments. Conditions are constants of the program
// with ? for each argument; values never enter the text.
type Where struct {
	conds []string
	args  []any

	over   *Rollup // t is this and not the table; nil for the table
	stated bool    // that only rows count that the rollup has
}

// And adds a condition. It must hold exactly one ? for each argument.
func (w *Where) And(cond string, args ...any) {
	if w.over != nil && cond == w.over.Rows {
		w.stated = true // every row of it meets that
		return
	}
	cond = w.place(cond, args)
	if strings.Contains(cond, " OR ") {
		cond = "(" + cond + ")" // else the owners beside it would not hold
	}
	w.conds = append(w.conds, cond)
}

// Arg adds an argument and returns its placeholder.
func (w *Where) Arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *Where) place(cond string, args []any) string {
	if len(args) == 0 {
		return cond
	}
	var b strings.Builder
	for _, a := range args {
		before, after, ok := strings.Cut(cond, "?")
		if !ok {
			panic("store: more arguments than ? in " + cond)
		}
		b.WriteString(before)
		b.WriteString(w.Arg(a))
		cond = after
	}
	b.WriteString(cond)
	return b.String()
}

func (w *Where) String() string {
	if len(w.conds) == 0 {
		return "true"
	}
	return strings.Join(w.conds, " AND ")
}

// Filter narrows a list. Where may look at the request (its instant, its viewer) and fails
// with BAD_USER_INPUT for values that make no sense.
type Filter interface {
	Where(w *Where, ask *Ask) error
}

// AnyOf keeps rows whose column is one of the values; nil keeps all.
func (w *Where) AnyOf(column string, values []scalar.Enum) {
	if values != nil {
		w.And(column+" = ANY(?)", EnumTexts(values))
	}
}

// Contains keeps rows whose text contains s; nil keeps all.
func (w *Where) Contains(column string, s *string) {
	if s != nil {
		escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(*s)
		w.And(column+" LIKE ?", "%"+escaped+"%")
	}
}

// Refers keeps rows whose column is the id of a row of the given type; nil keeps all. The
// input path is named when the id is of another type.
func (w *Where) Refers(column string, id *string, to Described, at ...string) error {
	if id == nil {
		return nil
	}
	parsed, err := page.ParseID(*id)
	if err != nil {
		return fault.Of(err).At(at...)
	}
	if parsed.Type != to.TypeName() {
		return fault.Newf(fault.BadUserInput, "the id is not one of a %s", to.TypeName()).At(at...)
	}
	w.And("t.owner = ? AND "+column+" = ?", parsed.Owner, parsed.UUID)
	return nil
}

// During keeps rows whose instant lies on the days of the range; nil keeps all.
func (w *Where) During(column string, r *DateRange, at ...string) error {
	if r == nil {
		return nil
	}
	if err := r.Check(strings.Join(at, ".")); err != nil {
		return err
	}
	if w.over.keeps(column, r) {
		w.And("t.rollup_day BETWEEN ? AND ?", r.From, r.To)
		return nil
	}
	w.And(column+" >= ? AND "+column+" < ?", r.From.Start(), r.To.End())
	return nil
}

// Days is During for a date column.
func (w *Where) Days(column string, r *DateRange, at ...string) error {
	if r == nil {
		return nil
	}
	if err := r.Check(strings.Join(at, ".")); err != nil {
		return err
	}
	if w.over.keeps(column, r) {
		column = "t.rollup_day"
	}
	w.And(column+" BETWEEN ? AND ?", r.From, r.To)
	return nil
}

// AnyOf is the filter of a list of enum values given as an argument of the field itself;
// without the argument every row passes.
func AnyOf(arg, column string) func(args map[string]any) Filter {
	return func(args map[string]any) Filter {
		values, ok := args[arg].([]scalar.Enum)
		if !ok || values == nil {
			return nil
		}
		return anyOf{column, values}
	}
}

type anyOf struct {
	column string
	values []scalar.Enum
}

func (f anyOf) Where(w *Where, _ *Ask) error {
	w.And(f.column+" = ANY(?)", EnumTexts(f.values))
	return nil
}

func (f anyOf) MarshalJSON() ([]byte, error) { return json.Marshal(f.values) }
