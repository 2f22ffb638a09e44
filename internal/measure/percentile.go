package measure

import (
	"fmt"
	"math"
	"slices"

	"github.com/lib/pq"
	"github.com/shopspring/decimal"
)

const (
	// exactRows is up to how many values, in all groups of one database, are read as they are.
	// Beyond them a database sends a sketch. design.md §8.
	exactRows = 10_000
	// sketchError is the largest relative error of a percentile read from a sketch.
	sketchError = 0.01
)

// gamma is the ratio of a DDSketch's buckets: bucket i holds values in (gamma^(i-1), gamma^i].
var gamma = (1 + sketchError) / (1 - sketchError)

// Percentile is the value that a share of the rows' values of an expression do not exceed
// (nearest rank), absent where no row has the expression. It is exact up to 10,000 values a
// database, and beyond that within 1 %, by a DDSketch that the database builds.
type Percentile struct{ Of string }

func (p Percentile) Columns(filter string) []Column {
	values := Filtered("array_agg(("+p.Of+")::float8)", "("+p.Of+") IS NOT NULL", filter)
	few := fmt.Sprintf("COALESCE(sum(cardinality(?)) OVER (), 0) <= %d", exactRows)
	// Buckets as (index, sign, count); the index of zero does not matter.
	sketch := fmt.Sprintf(`(SELECT array_agg(x ORDER BY i, s, o) FROM (SELECT i, s, count(*) n FROM unnest(?) v,
		LATERAL (SELECT sign(v)::int s, CASE WHEN v = 0 THEN 0 ELSE ceil(ln(abs(v)) / %v)::int END i) b GROUP BY i, s) b,
		LATERAL (VALUES (1, i::bigint), (2, s::bigint), (3, n)) x(o, x))`, math.Log(gamma))
	return []Column{
		{Group: values, Out: "CASE WHEN " + few + " THEN ? END"},
		{Group: values, Out: "CASE WHEN NOT " + few + " THEN " + sketch + " END"},
	}
}
func (Percentile) Part() Part     { return new(quantiles) }
func (Percentile) Additive() bool { return false }

func (Percentile) Accuracy(p Part) Accuracy {
	if p.(*quantiles).buckets == nil && p.(*quantiles).scanned == nil {
		return Exact
	}
	return Accuracy{Error: sketchError}
}

// quantiles are values, or buckets of values.
type quantiles struct {
	values  pq.Float64Array
	scanned pq.Int64Array    // buckets as they were read
	buckets map[bucket]int64 // made of scanned when it is needed
	sorted  bool
}

// bucket is the place of a value: its sign and the logarithm of its size.
type bucket struct {
	sign  int8
	index int32
}

func bucketOf(v float64) bucket {
	if v == 0 {
		return bucket{}
	}
	b := bucket{sign: 1, index: int32(math.Ceil(math.Log(math.Abs(v)) / math.Log(gamma)))}
	if v < 0 {
		b.sign = -1
	}
	return b
}

// value is the middle of a bucket: no value in it is further off than sketchError.
func (b bucket) value() float64 {
	return float64(b.sign) * 2 * math.Pow(gamma, float64(b.index)) / (gamma + 1)
}

func (b bucket) compare(o bucket) int {
	if b.sign != o.sign {
		return int(b.sign) - int(o.sign)
	}
	return int(b.sign) * int(b.index-o.index)
}

func (q *quantiles) Dest() []any { return []any{&q.values, &q.scanned} }

// sketched turns everything into buckets.
func (q *quantiles) sketched() map[bucket]int64 {
	if q.buckets == nil {
		q.buckets = map[bucket]int64{}
	}
	for i := 0; i+2 < len(q.scanned); i += 3 {
		q.buckets[bucket{int8(q.scanned[i+1]), int32(q.scanned[i])}] += q.scanned[i+2]
	}
	for _, v := range q.values {
		q.buckets[bucketOf(v)]++
	}
	q.scanned, q.values = nil, nil
	return q.buckets
}

func (q *quantiles) exact() bool { return q.buckets == nil && q.scanned == nil }

func (q *quantiles) Add(p Part) {
	o := p.(*quantiles)
	if q.exact() && o.exact() {
		q.values, q.sorted = append(q.values, o.values...), false
		return
	}
	into := q.sketched()
	if o.exact() {
		for _, v := range o.values {
			into[bucketOf(v)]++
		}
		return
	}
	for b, n := range o.sketched() {
		into[b] += n
	}
}

func (q *quantiles) Value(share float64) (decimal.Decimal, bool) {
	if q.exact() {
		if len(q.values) == 0 {
			return decimal.Decimal{}, false
		}
		if !q.sorted {
			slices.Sort(q.values)
			q.sorted = true
		}
		return decimal.NewFromFloat(q.values[rank(share, int64(len(q.values)))]).Round(Digits), true
	}
	buckets := q.sketched()
	order := make([]bucket, 0, len(buckets))
	total := int64(0)
	for b, n := range buckets {
		order = append(order, b)
		total += n
	}
	slices.SortFunc(order, bucket.compare)
	at := rank(share, total)
	for _, b := range order {
		if at -= buckets[b]; at < 0 {
			return decimal.NewFromFloat(b.value()).Round(Digits), true
		}
	}
	return decimal.Decimal{}, false
}

// rank is the index, from 0, of the value at a share of n sorted ones.
func rank(share float64, n int64) int64 {
	return max(int64(math.Ceil(share*float64(n))), 1) - 1
}
