package store

import (
	"github.com/shopspring/decimal"

	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// money is SQL for an amount of yuan as a Money, NULL without one.
func money(amount string) string {
	return "CASE WHEN " + amount + " IS NOT NULL THEN jsonb_build_object('amount', " + amount + ", 'currency', 'CNY') END"
}

// mostYuan is what numeric(10,2) holds, below 100 million.
var mostYuan = decimal.New(1, 8)

// Yuan writes an amount in yuan. What the database would round is refused: nobody asked for it.
func (f *Form) Yuan(column string, amount scalar.Decimal, at ...string) {
	d, err := decimal.NewFromString(string(amount))
	switch {
	case err != nil || !d.Equal(d.Truncate(2)):
		f.Fail(fault.Newf(fault.BadUserInput, "an amount of yuan has at most two decimals").At(at...))
	case !d.Abs().LessThan(mostYuan):
		f.Fail(fault.Newf(fault.BadUserInput, "an amount of yuan is below 100 million").At(at...))
	}
	f.set[column] = amount
}
