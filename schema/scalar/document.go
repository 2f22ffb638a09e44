package scalar

import (
	"encoding/json"
	"fmt"
	"time"
)

// ReportedQuantity is a number as a report published it. It is never added to a computed one.
type ReportedQuantity struct {
	Value     *Decimal `json:"value,omitempty"`
	ValueMax  *Decimal `json:"valueMax,omitempty"`
	Qualifier Enum     `json:"qualifier"`
	Unit      string   `json:"unit"`
	Zh        string   `json:"zh"`
}

// Scan maps a qualifier that this version does not know to OTHER.
func (q *ReportedQuantity) Scan(src any) error {
	if err := scanJSON(src, q); err != nil {
		return err
	}
	switch q.Qualifier {
	case "EXACT", "MORE_THAN", "NEARLY", "APPROX", "RANGE", "DOUBLED":
	default:
		q.Qualifier = "OTHER"
	}
	return nil
}

// Money is an amount with its ISO 4217 currency.
type Money struct {
	Amount   Decimal `json:"amount"`
	Currency string  `json:"currency"`
}

func (m *Money) Scan(src any) error { return scanJSON(src, m) }

// Recurrence is an RFC 5545 rule with dated additions and exceptions. Without a rule and
// dates it only says, in Zh, that something is held regularly.
type Recurrence struct {
	Rrule           *string    `json:"rrule,omitempty"`
	Rdates          []Date     `json:"rdates,omitempty"`
	Exdates         []Date     `json:"exdates,omitempty"`
	Dtstart         *time.Time `json:"dtstart,omitempty"`
	DurationMinutes *int       `json:"durationMinutes,omitempty"`
	TimeZone        string     `json:"timeZone,omitempty"`
	Zh              *string    `json:"zh,omitempty"`
}

func (r *Recurrence) Scan(src any) error {
	if err := scanJSON(src, r); err != nil {
		return err
	}
	if r.TimeZone == "" {
		r.TimeZone = "Asia/Shanghai"
	}
	return nil
}

// Provenance says where a fact comes from.
type Provenance struct {
	Source         string   `json:"source"`
	Inferred       bool     `json:"inferred,omitempty"`
	InferredFields []string `json:"inferredFields,omitempty"`
	Synthetic      bool     `json:"synthetic,omitempty"`
}

func (p *Provenance) Scan(src any) error { return scanJSON(src, p) }

func scanJSON(src, into any) error {
	switch v := src.(type) {
	case []byte:
		return json.Unmarshal(v, into)
	case string:
		return json.Unmarshal([]byte(v), into)
	}
	return fmt.Errorf("cannot read %T as a JSON document", src)
}
