package store

import (
	"database/sql/driver"
	"encoding/json"

	"linhui/schema/scalar"

	"github.com/lib/pq"
)

// Texts is a text[] column; NULL reads as empty.
type Texts []string

func (t *Texts) Scan(src any) error {
	*t = Texts{}
	if src == nil {
		return nil
	}
	return (*pq.StringArray)(t).Scan(src)
}

func (t Texts) Value() (driver.Value, error) { return pq.StringArray(t).Value() }

// Enums is a text[] column of enum values; NULL reads as empty.
type Enums []scalar.Enum

func (e *Enums) Scan(src any) error {
	var texts Texts
	if err := texts.Scan(src); err != nil {
		return err
	}
	*e = make(Enums, len(texts))
	for i, s := range texts {
		(*e)[i] = scalar.Enum(s)
	}
	return nil
}

func (e Enums) Value() (driver.Value, error) { return EnumTexts(e).Value() }

// Numbers is an integer array column; NULL reads as empty.
type Numbers []int

func (n *Numbers) Scan(src any) error {
	var wide pq.Int64Array
	if err := wide.Scan(src); err != nil {
		return err
	}
	*n = make(Numbers, len(wide))
	for i, v := range wide {
		(*n)[i] = int(v)
	}
	return nil
}

func (n Numbers) Value() (driver.Value, error) { return pq.Array([]int(n)).Value() }

// EnumTexts turns enum values into text for = ANY(?).
func EnumTexts(e []scalar.Enum) pq.StringArray {
	out := make(pq.StringArray, len(e))
	for i, v := range e {
		out[i] = string(v)
	}
	return out
}

// JSON is a jsonb argument made of any value that marshals.
type JSON struct{ V any }

// Value gives a string: lib/pq would send []byte as bytea.
func (j JSON) Value() (driver.Value, error) {
	b, err := json.Marshal(j.V)
	return string(b), err
}
