package store

import (
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// DateRange is a span of Shanghai days, both included.
type DateRange struct {
	From scalar.Date
	To   scalar.Date
}

// Check refuses a range that ends before it begins. at names the input.
func (r *DateRange) Check(at string) error {
	if r.To.Compare(r.From) < 0 {
		return fault.Newf(fault.BadUserInput, "a range ends on or after the day it begins").At(at)
	}
	return nil
}

// OnPartial is what the caller wants when a source does not answer; nil is WARN.
type OnPartial scalar.Enum

// Abort reports whether the field is to fail.
func (p *OnPartial) Abort() bool { return p != nil && *p == "ABORT" }
