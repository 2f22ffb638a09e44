package store

import (
	"context"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Characters that fit. Chosen: what is printed on a box, and a sentence.
const medicineLength, medicineTextLength = 60, 200

// MedicineBox is a 共享药箱.
type MedicineBox struct {
	Row
	NameZh          string                   `db:"name_zh"`
	NameEn          *string                  `db:"name_en"`
	StationID       uuid.UUID                `db:"station_id" for:"station"`
	BrandID         *uuid.UUID               `db:"brand_id" for:"brand"`
	DonatedReported *scalar.ReportedQuantity `db:"donated_reported"`
	Provenance      scalar.Provenance        `db:"provenance"`
}

// MedicineStock is a medicine of one lot.
type MedicineStock struct {
	Row
	NameZh       string            `db:"name_zh"`
	BoxID        uuid.UUID         `db:"box_id" for:"box"`
	Lot          string            `db:"lot"`
	ExpiresOn    scalar.Date       `db:"expires_on" for:"available"`
	Prescription bool              `db:"prescription" for:"available"`
	Quantity     int               `db:"quantity" for:"available"`
	Donated      int               `db:"donated"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Available reports whether it is given out on the day of the request.
func (s *MedicineStock) Available(ctx context.Context) bool {
	return s.Quantity > 0 && !s.Prescription && s.ExpiresOn.Compare(scalar.DateOf(authz.FromContext(ctx).At)) >= 0
}

// MedicineMove is medicine that came or went; its rows are restricted and never change.
type MedicineMove struct {
	Row
	StockID    uuid.UUID         `db:"stock_id" for:"stock"`
	Kind       scalar.Enum       `db:"kind"`
	Quantity   int               `db:"quantity"`
	OccurredOn scalar.Date       `db:"occurred_on"`
	Reason     *string           `db:"reason"`
	RecordedBy string            `db:"recorded_by"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	MedicineBoxConnection   = page.Connection[MedicineBox]
	MedicineBoxEdge         = page.Edge[MedicineBox]
	MedicineStockConnection = page.Connection[MedicineStock]
	MedicineStockEdge       = page.Edge[MedicineStock]
	MedicineMoveConnection  = page.Connection[MedicineMove]
	MedicineMoveEdge        = page.Edge[MedicineMove]
)

var (
	MedicineBoxes = Define[MedicineBox](Spec{Type: "MedicineBox", Table: "medicine_boxes",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	MedicineStocks = Define[MedicineStock](Spec{Type: "MedicineStock", Table: "medicine_stocks",
		Orders: map[string][]string{"EXPIRES_ON": {"expires_on"}, "NAME": {"name_zh"}}, Default: []string{"expires_on"}})
	MedicineMoves = Define[MedicineMove](Spec{Type: "MedicineMove", Table: "medicine_moves", Restricted: true,
		Orders: map[string][]string{"OCCURRED_ON": {"occurred_on"}}, Default: []string{"occurred_on"}, DefaultDesc: true})
)

var (
	_ = HasMany(Stations, MedicineBoxes, Children{Field: "medicineBoxes", By: "station_id"})
	_ = HasOne(MedicineBoxes, "station", Stations, "station_id")
	_ = HasOne(MedicineBoxes, "brand", Brands, "brand_id")
	_ = HasPage(MedicineBoxes, MedicineStocks, Children{Field: "stocks", By: "box_id"})
	_ = HasOne(MedicineStocks, "box", MedicineBoxes, "box_id")
	_ = HasPage(MedicineStocks, MedicineMoves, Children{Field: "moves", By: "stock_id"})
	_ = HasOne(MedicineMoves, "stock", MedicineStocks, "stock_id")
	_ = HasValue[*int](MedicineBoxes, Value{Field: "donatedBoxes", SQL: "(SELECT COALESCE(sum(s.donated), 0) FROM medicine_stocks s WHERE s.owner = p.owner AND s.box_id = p.id)"})
)

// MedicineBoxFilter narrows a list of boxes.
type MedicineBoxFilter struct{ Station, NameContains *string }

func (f *MedicineBoxFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.station_id", f.Station, Stations, "filter", "station")
}

// MedicineStockFilter narrows a list of medicines.
type MedicineStockFilter struct {
	Box, NameContains *string
	Available         *bool
	Range             *DateRange
}

func (f *MedicineStockFilter) Where(w *Where, ask *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	if f.Available != nil {
		w.And("(t.quantity > 0 AND NOT t.prescription AND t.expires_on >= ?::date) = ?", scalar.DateOf(ask.Viewer.At), *f.Available)
	}
	if err := w.Refers("t.box_id", f.Box, MedicineBoxes, "filter", "box"); err != nil {
		return err
	}
	return w.Days("t.expires_on", f.Range, "filter", "range")
}

// MedicineMoveFilter narrows a list of moves.
type MedicineMoveFilter struct {
	Kinds []scalar.Enum
	Stock *string
	Range *DateRange
}

func (f *MedicineMoveFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	if err := w.Refers("t.stock_id", f.Stock, MedicineStocks, "filter", "stock"); err != nil {
		return err
	}
	return w.Days("t.occurred_on", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: MedicineMoves, Time: "occurred_on", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "BOX", SQL: "s.box_id", To: MedicineBoxes, From: movedStock},
		{Name: "MEDICINE", SQL: "s.name_zh", From: movedStock},
		{Name: "KIND", Column: "kind"},
	},
	Measures: []Measure{
		{Name: "donated", Doc: "Boxes that came in.", Unit: "盒", Kind: measure.Sum{Of: "CASE WHEN t.kind = 'DONATED' THEN t.quantity END"}},
		{Name: "dispensed", Doc: "Boxes that were given out.", Unit: "盒", Kind: measure.Sum{Of: "CASE WHEN t.kind = 'DISPENSED' THEN t.quantity END"}},
		{Name: "discarded", Doc: "Boxes that were thrown away.", Unit: "盒", Kind: measure.Sum{Of: "CASE WHEN t.kind = 'DISCARDED' THEN t.quantity END"}},
	},
})

// movedStock is the medicine of a move.
const movedStock = "JOIN medicine_stocks s ON s.owner = t.owner AND s.id = t.stock_id"

// MedicineLife moves medicine (I17).
var MedicineLife = &Machine[MedicineMove]{
	Table: MedicineMoves, Topic: "medicine",
	Transitions: []Transition[MedicineMove]{
		{"donate", nil, "", dispensary, nil},
		{"dispense", nil, "", dispensary, nil},
		{"discard", nil, "", dispensary, nil},
	},
	Rules: Rules{
		"medicine_in_date":                   fault.Newf(fault.Conflict, "it is past its day: discard it").At("stock"),
		"medicine_without_prescription":      fault.Newf(fault.Conflict, "what is on prescription is not shared").At("stock"),
		"medicine_never_below_zero":          fault.Newf(fault.Conflict, "fewer boxes are left").At("quantity"),
		"medicine_moves_quantity_check":      fault.Newf(fault.BadUserInput, "at least one box").At("quantity"),
		"medicine_stock_of_a_lot":            fault.Newf(fault.Conflict, "this lot came in at the same moment: enter it again").At("lot"),
		"medicine_moves_owner_stock_id_fkey": missing("stock"),
		"medicine_stocks_owner_box_id_fkey":  missing("box"),
	},
}

var dispensary = Holding[MedicineMove](authz.StationStaff)

// MedicineMovePayload answers a move.
type MedicineMovePayload struct {
	Move       *MedicineMove
	UserErrors []UserError
}

// DonateMedicineInput takes medicine in.
type DonateMedicineInput struct {
	Box, NameZh, Lot string
	ExpiresOn        scalar.Date
	Prescription     bool
	Quantity         int
	IdempotencyKey   string
}

func (in *DonateMedicineInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Box)
	if err != nil {
		return Command{}, fault.Of(err).At("box")
	}
	return MedicineLife.Begin("donate", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.ExpiresOn.Compare(scalar.DateOf(tx.Now())) < 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "medicine past its day is not taken").At("expiresOn"))
		}
		form.Refer("box_id", &in.Box, MedicineBoxes.Type, "box")
		form.Public("name_zh", in.NameZh, medicineLength, "nameZh")
		form.Public("lot", in.Lot, medicineLength, "lot")
		form.Set("expires_on", in.ExpiresOn)
		form.Set("prescription", in.Prescription)
		stock, err := form.Done()
		if err != nil {
			return stock, err
		}
		move, err := medicineMove(tx, "DONATED", in.Quantity).Done()
		if err != nil {
			return move, err
		}
		move.Set["stock_id"], err = in.stock(tx, stock.Set)
		return move, err
	})
}

// stock is that of the lot, made when it is the first of it.
func (in *DonateMedicineInput) stock(tx *Tx, v Values) (uuid.UUID, error) {
	var id uuid.UUID
	var expires scalar.Date
	var prescription bool
	found, err := tx.Get("SELECT id, expires_on, prescription FROM medicine_stocks WHERE owner = $1 AND box_id = $2 AND name_zh = $3 AND lot = $4",
		[]any{tx.Owner, v["box_id"], v["name_zh"], v["lot"]}, &id, &expires, &prescription)
	switch {
	case err != nil:
		return id, err
	case !found:
		if id, err = uuid.NewV7(); err != nil {
			return id, err
		}
		return id, tx.Insert(MedicineStocks.Table, id, v)
	case expires != in.ExpiresOn || prescription != in.Prescription:
		return id, fault.Newf(fault.Conflict, "this lot is there with another day or kind: look at the box again").At("lot")
	}
	return id, nil
}

// medicineMove is what all moves have.
func medicineMove(tx *Tx, kind string, quantity int) *Form {
	form := tx.Form()
	form.Set("kind", kind)
	form.Set("quantity", quantity)
	form.Set("occurred_on", scalar.DateOf(tx.Now()))
	form.Set("recorded_by", tx.Principal())
	return form
}

// DispenseMedicineInput gives medicine out.
type DispenseMedicineInput struct {
	Stock          string
	Quantity       int
	IdempotencyKey string
}

func (in *DispenseMedicineInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Stock)
	if err != nil {
		return Command{}, fault.Of(err).At("stock")
	}
	return MedicineLife.Begin("dispense", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := medicineMove(tx, "DISPENSED", in.Quantity)
		form.Refer("stock_id", &in.Stock, MedicineStocks.Type, "stock")
		return form.Done()
	})
}

// DiscardMedicineInput throws medicine away.
type DiscardMedicineInput struct {
	Stock          string
	Quantity       int
	Reason         string
	IdempotencyKey string
}

func (in *DiscardMedicineInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Stock)
	if err != nil {
		return Command{}, fault.Of(err).At("stock")
	}
	return MedicineLife.Begin("discard", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := medicineMove(tx, "DISCARDED", in.Quantity)
		form.Refer("stock_id", &in.Stock, MedicineStocks.Type, "stock")
		form.Text("reason", in.Reason, medicineTextLength, "reason")
		return form.Done()
	})
}
