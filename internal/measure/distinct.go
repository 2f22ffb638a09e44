package measure

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/lib/pq"
	"github.com/shopspring/decimal"
)

const (
	// exactThings is up to how many distinct things, in all groups of one database, are sent one
	// by one. Beyond them a database sends the registers of a HyperLogLog. design.md §8.
	exactThings = 100_000
	// registerBits is the logarithm of the number of registers.
	registerBits = 14
	// registerError is twice the standard error of 2^14 registers, 1.04 / sqrt(16384).
	registerError = 0.017
)

// Distinct counts the different values of an expression: the union over groups and databases
// is counted, never a sum of counts. Databases send hashes under a key that is new for each
// request. It is exact up to 100,000 values a database, beyond that within about 1.7 %.
type Distinct struct{ Of string }

// HashKey stands in a statement for the placeholder of the request's key, a bigint.
const HashKey = "$hashkey$"

func (d Distinct) Columns(filter string) []Column {
	hashes := Filtered("array_agg(DISTINCT hashtextextended(("+d.Of+")::text, "+HashKey+"))", "("+d.Of+") IS NOT NULL", filter)
	few := fmt.Sprintf("COALESCE(sum(cardinality(?)) OVER (), 0) <= %d", exactThings)
	// A register is chosen by the low bits and holds the place of the first one among the others.
	registers := fmt.Sprintf(`(SELECT array_agg(r.i * 64 + r.m) FROM (SELECT h & %d i, max(%d - length(ltrim(((h >> %d) & %d)::bit(%d)::text, '0'))) m
		FROM unnest(?) h GROUP BY 1) r)`, 1<<registerBits-1, 64-registerBits+1, registerBits, int64(1)<<(64-registerBits)-1, 64-registerBits)
	return []Column{
		{Group: hashes, Out: "CASE WHEN " + few + " THEN ? END"},
		{Group: hashes, Out: "CASE WHEN NOT " + few + " THEN " + registers + " END"},
	}
}
func (Distinct) Part() Part     { return new(union) }
func (Distinct) Additive() bool { return false }

func (Distinct) Accuracy(p Part) Accuracy {
	if u := p.(*union); u.registers == nil && u.scanned == nil {
		return Exact
	}
	return Accuracy{Error: registerError}
}

// union is a set of hashes, or the registers that such a set fills.
type union struct {
	hashes    pq.Int64Array // as they were read
	scanned   pq.Int64Array // registers as they were read
	set       map[int64]struct{}
	registers *[1 << registerBits]uint8
}

func (u *union) Dest() []any { return []any{&u.hashes, &u.scanned} }

func (u *union) exact() bool { return u.registers == nil && u.scanned == nil }

// folded is the set, with the hashes that were read.
func (u *union) folded() map[int64]struct{} {
	if u.set == nil {
		u.set = make(map[int64]struct{}, len(u.hashes))
	}
	for _, h := range u.hashes {
		u.set[h] = struct{}{}
	}
	u.hashes = nil
	return u.set
}

// filled turns everything into registers.
func (u *union) filled() *[1 << registerBits]uint8 {
	if u.registers == nil {
		u.registers = new([1 << registerBits]uint8)
	}
	for _, r := range u.scanned {
		u.registers[r>>6] = max(u.registers[r>>6], uint8(r&63))
	}
	u.scanned = nil
	for h := range u.folded() {
		i, m := register(h)
		u.registers[i] = max(u.registers[i], m)
	}
	u.set = nil
	return u.registers
}

func register(h int64) (i int, m uint8) {
	rest := uint64(h) >> registerBits
	return int(h & (1<<registerBits - 1)), uint8(64 - registerBits + 1 - bits.Len64(rest))
}

func (u *union) Add(p Part) {
	o := p.(*union)
	if u.exact() && o.exact() {
		into := u.folded()
		for h := range o.folded() {
			into[h] = struct{}{}
		}
		return
	}
	into := u.filled()
	for i, m := range o.filled() {
		into[i] = max(into[i], m)
	}
}

func (u *union) Value(float64) (decimal.Decimal, bool) {
	if u.exact() {
		if u.set == nil {
			return decimal.NewFromInt(int64(len(u.hashes))), true // a database's own are distinct
		}
		return decimal.NewFromInt(int64(len(u.folded()))), true
	}
	return decimal.NewFromInt(estimate(u.filled())), true
}

// estimate is the HyperLogLog estimate with linear counting while registers are empty
// (Flajolet, Fusy, Gandouet, Meunier 2007).
func estimate(registers *[1 << registerBits]uint8) int64 {
	const n = float64(1 << registerBits)
	sum, empty := 0.0, 0
	for _, m := range registers {
		sum += math.Ldexp(1, -int(m))
		if m == 0 {
			empty++
		}
	}
	e := 0.7213 / (1 + 1.079/n) * n * n / sum
	if e <= 2.5*n && empty > 0 {
		e = n * math.Log(n/float64(empty))
	}
	return int64(math.Round(e))
}
