// Package measure takes measures apart and puts them together again: what SQL reads of one in
// each group of rows, and how such parts of several databases and groups fold into one value.
//
// Nothing here folds values. A mean is folded from sums and counts, a percentile from sketches,
// a number of distinct things from their union, so that any division of the rows into
// databases gives the value that one database would give.
package measure

import (
	"github.com/shopspring/decimal"
)

// Kind is a way to measure rows.
type Kind interface {
	// Columns are the SQL aggregates that a part consists of. filter is a condition on the rows
	// to be measured, "" for all.
	Columns(filter string) []Column
	// Part returns an empty part: that of no rows.
	Part() Part
	// Accuracy says how far the value of a part of this kind may be off, at most.
	Accuracy(Part) Accuracy
	// Additive reports whether values of disjoint groups add up.
	Additive() bool
}

// Column is one SQL column of a part.
type Column struct {
	Group string // the aggregate, in the statement that groups the rows
	// Out is what is read of it, over the groups, where ? stands for the aggregate; "" when that
	// is the aggregate itself.
	Out string
}

// Part is what is known of a measure in one group of rows.
type Part interface {
	// Dest returns where Columns are scanned.
	Dest() []any
	// Add folds another part of the same kind in, of other rows.
	Add(Part)
	// Value is the measure; arg is a percentile's share and of no meaning elsewhere. ok is false
	// where no row gives it one: a mean of nothing is absent, not zero.
	Value(arg float64) (v decimal.Decimal, ok bool)
}

// Accuracy is how a value was come by.
type Accuracy struct {
	Exact bool
	// Error is the largest relative error of a value that is not exact.
	Error float64
}

// Exact is the accuracy of counts, sums and what is made of them.
var Exact = Accuracy{Exact: true}

// Worst is the largest relative error that values of a kind may have; 0 for one that is always exact.
func Worst(k Kind) float64 {
	switch k.(type) {
	case Percentile:
		return sketchError
	case Distinct:
		return registerError
	}
	return 0
}

// Digits is how many places a quotient is rounded to, half away from zero.
const Digits = 6

// Filtered adds conditions on the rows to an aggregate; empty ones are none.
func Filtered(aggregate string, conds ...string) string {
	all := ""
	for _, c := range conds {
		if c == "" {
			continue
		}
		if all != "" {
			all += " AND "
		}
		all += "(" + c + ")"
	}
	if all == "" {
		return aggregate
	}
	return aggregate + " FILTER (WHERE " + all + ")"
}
