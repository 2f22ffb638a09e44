package measure

import (
	"github.com/shopspring/decimal"
)

// Count counts rows that meet If, "" for all.
type Count struct{ If string }

func (c Count) Columns(filter string) []Column {
	return []Column{{Group: Filtered("count(*)", c.If, filter)}}
}
func (Count) Part() Part             { return new(count) }
func (Count) Accuracy(Part) Accuracy { return Exact }
func (Count) Additive() bool         { return true }

type count struct{ n int64 }

func (c *count) Dest() []any { return []any{&c.n} }
func (c *count) Add(p Part)  { c.n += p.(*count).n }

func (c *count) Value(float64) (decimal.Decimal, bool) { return decimal.NewFromInt(c.n), true }

// Int is the value of a count without a decimal made of it.
func (c *count) Int() int64 { return c.n }

// Sum adds an expression up. It is zero where rows are but none has the expression, and so is
// the sum of no rows: nothing was done is a figure, too.
type Sum struct{ Of string }

func (s Sum) Columns(filter string) []Column {
	return []Column{{Group: Filtered("sum("+s.Of+")", filter)}}
}
func (Sum) Part() Part             { return new(sum) }
func (Sum) Accuracy(Part) Accuracy { return Exact }
func (Sum) Additive() bool         { return true }

type sum struct{ of decimal.NullDecimal }

func (s *sum) Dest() []any { return []any{&s.of} }
func (s *sum) Add(p Part)  { s.of.Decimal = s.of.Decimal.Add(p.(*sum).of.Decimal) }

func (s *sum) Value(float64) (decimal.Decimal, bool) { return s.of.Decimal, true }

// Known is the sum of what is known: absent where no row has the expression. An area that nobody
// has measured is not nothing.
type Known struct{ Of string }

func (k Known) Columns(filter string) []Column { return Sum(k).Columns(filter) }
func (Known) Part() Part                       { return new(known) }
func (Known) Accuracy(Part) Accuracy           { return Exact }
func (Known) Additive() bool                   { return true }

type known struct{ of decimal.NullDecimal }

func (k *known) Dest() []any { return []any{&k.of} }

func (k *known) Add(p Part) {
	if o := p.(*known); o.of.Valid {
		k.of = decimal.NewNullDecimal(k.of.Decimal.Add(o.of.Decimal))
	}
}

func (k *known) Value(float64) (decimal.Decimal, bool) { return k.of.Decimal, k.of.Valid }

// Ratio divides one sum by another: a mean with By of how many rows have it, a share, a rate.
// It is absent where the divisor is zero.
type Ratio struct{ Of, By string } // aggregates without FILTER, such as sum(t.minutes)

// Mean is the mean of an expression over the rows that have it.
func Mean(of string) Ratio { return Ratio{"sum(" + of + ")", "count(" + of + ")"} }

// Share is the share of the rows meeting of among those meeting among, "" for all. Of must
// imply among.
func Share(of, among string) Ratio {
	if among == "" {
		return Ratio{"count(CASE WHEN " + of + " THEN 1 END)", "count(*)"}
	}
	return Ratio{"count(CASE WHEN " + of + " THEN 1 END)", "count(CASE WHEN " + among + " THEN 1 END)"}
}

func (r Ratio) Columns(filter string) []Column {
	return []Column{{Group: Filtered(r.Of, filter)}, {Group: Filtered(r.By, filter)}}
}
func (Ratio) Part() Part             { return new(ratio) }
func (Ratio) Accuracy(Part) Accuracy { return Exact }
func (Ratio) Additive() bool         { return false }

type ratio struct{ of, by decimal.NullDecimal }

func (r *ratio) Dest() []any { return []any{&r.of, &r.by} }

func (r *ratio) Add(p Part) {
	o := p.(*ratio)
	r.of.Decimal = r.of.Decimal.Add(o.of.Decimal)
	r.by.Decimal = r.by.Decimal.Add(o.by.Decimal)
}

func (r *ratio) Value(float64) (decimal.Decimal, bool) {
	if r.by.Decimal.IsZero() {
		return decimal.Decimal{}, false
	}
	return r.of.Decimal.DivRound(r.by.Decimal, Digits), true
}

// Deviation is the standard deviation of an expression over a population, by the exact sums of
// its values and of their squares. It is absent where no row has the expression.
type Deviation struct{ Of string }

func (d Deviation) Columns(filter string) []Column {
	of := "(" + d.Of + ")::numeric"
	return []Column{{Group: Filtered("count("+of+")", filter)}, {Group: Filtered("sum("+of+")", filter)}, {Group: Filtered("sum("+of+" * "+of+")", filter)}}
}
func (Deviation) Part() Part             { return new(moments) }
func (Deviation) Accuracy(Part) Accuracy { return Exact }
func (Deviation) Additive() bool         { return false }

type moments struct {
	n            int64
	sum, squares decimal.NullDecimal
}

func (m *moments) Dest() []any { return []any{&m.n, &m.sum, &m.squares} }

func (m *moments) Add(p Part) {
	o := p.(*moments)
	m.n += o.n
	m.sum.Decimal = m.sum.Decimal.Add(o.sum.Decimal)
	m.squares.Decimal = m.squares.Decimal.Add(o.squares.Decimal)
}

func (m *moments) Value(float64) (decimal.Decimal, bool) {
	if m.n == 0 {
		return decimal.Decimal{}, false
	}
	n := decimal.NewFromInt(m.n)
	// n·Σx² - (Σx)² over n²: nothing is rounded before the root.
	variance := n.Mul(m.squares.Decimal).Sub(m.sum.Decimal.Mul(m.sum.Decimal)).DivRound(n.Mul(n), 2*Digits)
	if !variance.IsPositive() {
		return decimal.Decimal{}, true
	}
	root, err := variance.PowWithPrecision(decimal.NewFromFloat(0.5), 2*Digits)
	if err != nil {
		return decimal.Decimal{}, false
	}
	return root.Round(Digits), true
}

// Least and Most are the extremes of a numeric expression, absent where no row has it.
type (
	Least struct{ Of string }
	Most  struct{ Of string }
)

func (l Least) Columns(filter string) []Column {
	return []Column{{Group: Filtered("min("+l.Of+")", filter)}}
}
func (Least) Part() Part             { return &extreme{better: decimal.Decimal.LessThan} }
func (Least) Accuracy(Part) Accuracy { return Exact }
func (Least) Additive() bool         { return false }

func (m Most) Columns(filter string) []Column {
	return []Column{{Group: Filtered("max("+m.Of+")", filter)}}
}
func (Most) Part() Part             { return &extreme{better: decimal.Decimal.GreaterThan} }
func (Most) Accuracy(Part) Accuracy { return Exact }
func (Most) Additive() bool         { return false }

type extreme struct {
	of     decimal.NullDecimal
	better func(a, b decimal.Decimal) bool
}

func (e *extreme) Dest() []any { return []any{&e.of} }

func (e *extreme) Add(p Part) {
	if o := p.(*extreme).of; o.Valid && (!e.of.Valid || e.better(o.Decimal, e.of.Decimal)) {
		e.of = o
	}
}

func (e *extreme) Value(float64) (decimal.Decimal, bool) { return e.of.Decimal, e.of.Valid }
