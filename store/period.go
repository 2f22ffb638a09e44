package store

import (
	"linhui/schema/scalar"
	"time"
)

// bucketOf is the first day of the bucket that a day lies in.
func bucketOf(d scalar.Date, bucket scalar.Enum) scalar.Date {
	switch bucket {
	case "WEEK":
		return d.AddDays(-(int(d.Start().Weekday()) + 6) % 7)
	case "MONTH":
		d.Day = 1
	case "QUARTER":
		d.Month, d.Day = (d.Month-1)/3*3+1, 1
	case "YEAR":
		d.Month, d.Day = 1, 1
	}
	return d
}

// moved is the first day of the bucket n buckets on from the one that begins on a day.
func moved(d scalar.Date, bucket scalar.Enum, n int) scalar.Date {
	switch bucket {
	case "DAY":
		return d.AddDays(n)
	case "WEEK":
		return d.AddDays(7 * n)
	case "MONTH":
		return monthsOn(d, n)
	case "QUARTER":
		return monthsOn(d, 3*n)
	}
	return monthsOn(d, 12*n)
}

// monthsOn is the same day n months on, or the last day of a month that has none.
func monthsOn(d scalar.Date, n int) scalar.Date {
	first := dayOf(int(d.Year), int(d.Month)+n, 1)
	last := dayOf(int(first.Year), int(first.Month)+1, 0)
	first.Day = min(d.Day, last.Day)
	return first
}

// dayOf is a day whose month and day may lie outside their range, as in time.Date.
func dayOf(year, month, day int) scalar.Date {
	return scalar.DateOf(time.Date(year, time.Month(month), day, 0, 0, 0, 0, scalar.Shanghai))
}

// yearAgo is the same bucket, or day, a year earlier; for weeks, 52 weeks earlier.
func yearAgo(d scalar.Date, bucket scalar.Enum) scalar.Date {
	if bucket == "WEEK" {
		return d.AddDays(-52 * 7)
	}
	return monthsOn(d, -12)
}

// Baseline is what groups are compared with: which rows, and which group of theirs.
type Baseline struct {
	Period *DateRange // nil: rows of all times
	bucket scalar.Enum
	ago    bool
}

// Compare works out a comparison: PREVIOUS or YEAR_AGO, of a period (nil: all times) and a
// bucket ("": none). Without a bucket there has to be a period.
func Compare(to scalar.Enum, period *DateRange, bucket scalar.Enum) Baseline {
	c := Baseline{bucket: bucket, ago: to == "YEAR_AGO"}
	switch {
	case period == nil:
	case bucket != "" && c.ago:
		c.Period = &DateRange{yearAgo(bucketOf(period.From, bucket), bucket), yearAgo(moved(bucketOf(period.To, bucket), bucket, 1), bucket).AddDays(-1)}
	case bucket != "":
		c.Period = &DateRange{moved(bucketOf(period.From, bucket), bucket, -1), bucketOf(period.To, bucket).AddDays(-1)}
	case c.ago:
		c.Period = &DateRange{yearAgo(period.From, ""), yearAgo(period.To, "")}
	default:
		c.Period = &DateRange{before(*period), period.From.AddDays(-1)}
	}
	return c
}

// before is the first day of the period before p: as many whole months, or as many days.
func before(p DateRange) scalar.Date {
	end := p.To.AddDays(1)
	if p.From.Day == 1 && end.Day == 1 {
		return monthsOn(p.From, -(int(end.Year-p.From.Year)*12 + int(end.Month) - int(p.From.Month)))
	}
	days := int(p.To.End().Sub(p.From.Start()).Hours()+12) / 24
	return p.From.AddDays(-days)
}

// KeyOf is the key of the group that a group is compared with.
func (c Baseline) KeyOf(g *Group) string {
	if g.Bucket == nil {
		return g.Key
	}
	day := moved(*g.Bucket, c.bucket, -1)
	if c.ago {
		day = yearAgo(*g.Bucket, c.bucket)
	}
	return g.keyOn(day)
}
