package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// mostPieces bounds a record and a count of stock. Chosen: a typing error shows, a delivery fits.
const mostPieces = 100_000

// SupplyIssue is consumables handed out; its rows are restricted, since they tell the stock.
type SupplyIssue struct {
	Row
	OfferingID   uuid.UUID         `db:"offering_id" for:"offering"`
	GivenOn      scalar.Date       `db:"given_on"`
	Quantity     int               `db:"quantity"`
	Audience     *scalar.Enum      `db:"audience"`
	Status       scalar.Enum       `db:"status"`
	CancelledFor *string           `db:"cancelled_for"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

type (
	SupplyIssueConnection = page.Connection[SupplyIssue]
	SupplyIssueEdge       = page.Edge[SupplyIssue]
)

var SupplyIssues = Define[SupplyIssue](Spec{Type: "SupplyIssue", Table: "supply_issues", Restricted: true,
	Orders:  map[string][]string{"GIVEN_ON": {"given_on"}, "QUANTITY": {"quantity"}},
	Default: []string{"given_on"}, DefaultDesc: true})

var (
	_ = HasOne(SupplyIssues, "offering", Offerings, "offering_id")
	_ = HasPage(Offerings, SupplyIssues, Children{Field: "supplyIssues", By: "offering_id", Filter: issued})
)

// SupplyIssueFilter narrows a list of records; the zero filter leaves out what was cancelled.
type SupplyIssueFilter struct {
	Status            []scalar.Enum
	Kinds, Audiences  []scalar.Enum
	Offering, Station *string
	Range             *DateRange
}

func issued(args map[string]any) Filter {
	if f := FilterArg(args); f != nil {
		return f
	}
	return &SupplyIssueFilter{}
}

func (f *SupplyIssueFilter) Where(w *Where, _ *Ask) error {
	if f.Status == nil {
		w.And("t.status = 'ISSUED'")
	}
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.audience", f.Audiences)
	w.AnyOf("(SELECT o.kind FROM offerings o WHERE o.owner = t.owner AND o.id = t.offering_id)", f.Kinds)
	if err := w.Refers("t.offering_id", f.Offering, Offerings, "filter", "offering"); err != nil {
		return err
	}
	if err := w.Refers("(SELECT o.station_id FROM offerings o WHERE o.owner = t.owner AND o.id = t.offering_id)", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	return w.Days("t.given_on", f.Range, "filter", "range")
}

// given is the offering that a record is of.
const given = "JOIN offerings o ON o.owner = t.owner AND o.id = t.offering_id"

var _ = DefineCube(Cube{
	Of: SupplyIssues, Where: "SupplyIssueFilter", Default: &SupplyIssueFilter{}, Time: "given_on", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "KIND", SQL: "o.kind", Type: "OfferingKind", From: given},
		{Name: "STATION", SQL: "o.station_id", To: Stations, From: given},
		{Name: "OFFERING", SQL: "t.offering_id", To: Offerings},
		{Name: "AUDIENCE", Column: "audience"},
	},
	Measures: []Measure{
		{Name: "itemsGiven", Doc: "Sum of pieces handed out.", Unit: "件", Kind: measure.Sum{Of: "t.quantity"}, Class: authz.P1Staff},
		{Name: "issues", Doc: "Records of handing out.", Unit: "次", Kind: measure.Count{}},
	},
})

// SupplyLife is how consumables leave a station, and come back when the record was wrong.
var SupplyLife = &Machine[SupplyIssue]{
	Table: SupplyIssues, Topic: "supply",
	State: func(s *SupplyIssue) (scalar.Enum, int) { return s.Status, s.Version },
	Transitions: []Transition[SupplyIssue]{
		{"issue", nil, "ISSUED", Holding[SupplyIssue](authz.StationStaff), nil},
		{"cancel", In("ISSUED"), "CANCELLED", Holding[SupplyIssue](authz.StationStaff), nil},
	},
	Rules: Rules{
		"offerings_stock_check":                fault.Newf(fault.Conflict, "there is less than that in stock").At("quantity"),
		"only_consumables_are_handed_out":      fault.Newf(fault.BadUserInput, "the offering is no consumable").At("offering"),
		"supply_issues_owner_offering_id_fkey": missing("offering"),
	},
}

// StockLife has one action: what is there is counted. An offering has no states to pass through.
var StockLife = &Machine[Offering]{
	Table: Offerings, Topic: "supply",
	State: func(o *Offering) (scalar.Enum, int) { return "OFFERED", o.Version },
	Transitions: []Transition[Offering]{
		{"count", In("OFFERED"), "", Holding[Offering](authz.StationStaff), func(_ *Ask, o *Offering) error {
			if !o.Consumable {
				return fault.Newf(fault.BadUserInput, "the offering is no consumable").At("id")
			}
			return nil
		}},
	},
}

// SupplyIssuePayload answers a record.
type SupplyIssuePayload struct {
	SupplyIssue *SupplyIssue
	UserErrors  []UserError
}

// CountSupplyPayload answers a count of stock.
type CountSupplyPayload struct {
	Offering   *Offering
	UserErrors []UserError
}

// IssueSupplyInput hands consumables out.
type IssueSupplyInput struct {
	Offering       string
	Quantity       int
	Audience       *scalar.Enum
	GivenOn        *scalar.Date
	IdempotencyKey string
}

func (in *IssueSupplyInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Offering)
	if err != nil {
		return Command{}, fault.Of(err).At("offering")
	}
	return SupplyLife.Begin("issue", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		today := scalar.DateOf(tx.Now())
		on := today
		if in.GivenOn != nil {
			on = *in.GivenOn
		}
		form := tx.Form()
		form.Refer("offering_id", &in.Offering, Offerings.Type, "offering")
		form.pieces("quantity", in.Quantity, 1, "quantity")
		form.Set("audience", in.Audience)
		form.Set("given_on", on)
		if on.Compare(today) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: today or before").At("givenOn"))
		}
		return form.Done()
	})
}

func (f *Form) pieces(column string, n, least int, at ...string) {
	if n < least || n > mostPieces {
		f.Fail(fault.Newf(fault.BadUserInput, "a number from %d to %d", least, mostPieces).At(at...))
	}
	f.Set(column, n)
}

// CancelSupplyIssueInput takes back a record that is wrong.
type CancelSupplyIssueInput struct {
	Edit
	Reason string
}

func (in *CancelSupplyIssueInput) Command(*Ask) (Command, error) {
	return SupplyLife.Take("cancel", in.Edit, in, func(tx *Tx, _ *SupplyIssue) (Change, error) {
		form := tx.Form()
		form.Text("cancelled_for", in.Reason, textLength, "reason")
		return form.Done()
	})
}

// CountSupplyInput says how much is there.
type CountSupplyInput struct {
	Edit
	Stock *int
	Note  *string
}

func (in *CountSupplyInput) Command(*Ask) (Command, error) {
	return StockLife.Take("count", in.Edit, in, func(tx *Tx, _ *Offering) (Change, error) {
		form := tx.Form()
		form.Set("stock", nil)
		if in.Stock != nil {
			form.pieces("stock", *in.Stock, 0, "stock")
		}
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}
