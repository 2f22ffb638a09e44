package store

import (
	"context"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const (
	// openLoans is how many things a resident may have out at once. Chosen: an umbrella, a
	// raincoat and a tool; model.md §5 leaves the number to the community.
	openLoans = 3
	// lateAtMost is how long a thing may be overdue before its borrower gets no other. model.md §5.
	lateAtMost = 30 * 24 * time.Hour
)

// LendableItem is one thing that a station lends.
type LendableItem struct {
	Row
	AssetTag   string            `db:"asset_tag"`
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	StationID  uuid.UUID         `db:"station_id" for:"station"`
	LoanDays   int               `db:"loan_days"`
	Consumable bool              `db:"consumable"`
	Available  bool              `db:"available" sql:"(t.retired_at IS NULL AND NOT EXISTS (SELECT FROM items_out o WHERE o.owner = t.owner AND o.item_id = t.id))"`
	RetiredAt  *time.Time        `db:"retired_at"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Loan is a thing in a resident's hands, or the record that it was.
type Loan struct {
	Row
	Stored     scalar.Enum       `db:"status" for:"status"` // never OVERDUE
	ItemID     uuid.UUID         `db:"item_id" for:"item"`
	BorrowerID uuid.UUID         `db:"borrower_id" for:"borrower"`
	LentAt     time.Time         `db:"lent_at"`
	DueAt      time.Time         `db:"due_at" for:"status"`
	ReturnedAt *time.Time        `db:"returned_at"`
	LostAt     *time.Time        `db:"lost_at"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Status is the stored one, or OVERDUE for what was out and due before the request.
func (l *Loan) Status(ctx context.Context) scalar.Enum {
	if l.Stored == "ACTIVE" && l.DueAt.Before(authz.FromContext(ctx).At) {
		return "OVERDUE"
	}
	return l.Stored
}

type (
	LendableItemConnection = page.Connection[LendableItem]
	LendableItemEdge       = page.Edge[LendableItem]
	LoanConnection         = page.Connection[Loan]
	LoanEdge               = page.Edge[Loan]
)

var (
	LendableItems = Define[LendableItem](Spec{Type: "LendableItem", Table: "lendable_items", Published: "t.retired_at IS NULL",
		Orders:  map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind"}, "ASSET_TAG": {"asset_tag"}},
		Default: []string{"name_zh"}})
	Loans = Define[Loan](Spec{Type: "Loan", Table: "loans", Restricted: true, Own: "t.borrower_id = ?",
		Orders:  map[string][]string{"LENT_AT": {"lent_at"}, "DUE_AT": {"due_at"}},
		Default: []string{"lent_at"}, DefaultDesc: true})
)

var (
	_ = HasOne(LendableItems, "station", Stations, "station_id")
	_ = HasPage(LendableItems, Loans, Children{Field: "loans", By: "item_id"})
	_ = HasOne(Loans, "item", LendableItems, "item_id")
	_ = HasOne(Loans, "borrower", Residents, "borrower_id")
	_ = HasPage(Stations, LendableItems, Children{Field: "lendableItems", By: "station_id"})
	_ = HasPage(Residents, Loans, Children{Field: "loans", By: "borrower_id"})
)

// LendableItemFilter narrows a list of things.
type LendableItemFilter struct {
	Available    *bool
	Kinds        []scalar.Enum
	Station      *string
	NameContains *string
}

func (f *LendableItemFilter) Where(w *Where, _ *Ask) error {
	if f.Available != nil {
		w.And("(t.retired_at IS NULL AND NOT EXISTS (SELECT FROM items_out o WHERE o.owner = t.owner AND o.item_id = t.id)) = ?", *f.Available)
	}
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.station_id", f.Station, Stations, "filter", "station")
}

// LoanFilter narrows a list of loans.
type LoanFilter struct {
	Status []scalar.Enum
	Range  *DateRange
}

func (f *LoanFilter) Where(w *Where, ask *Ask) error {
	if f.Status != nil {
		w.And("CASE WHEN t.status = 'ACTIVE' AND t.due_at < ? THEN 'OVERDUE' ELSE t.status END = ANY(?)", ask.Viewer.At, EnumTexts(f.Status))
	}
	return w.During("t.lent_at", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: Loans, Where: "LoanFilter", Time: "lent_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "ITEM_KIND", SQL: "i.kind", Type: "LendableKind", From: lentItem},
		{Name: "STATION", SQL: "i.station_id", To: Stations, From: lentItem},
		{Name: "ITEM", SQL: "t.item_id", To: LendableItems},
	},
	Measures: []Measure{
		{Name: "loans", Doc: "Things lent.", Unit: "次", Kind: measure.Count{}},
		{Name: "borrowers", Doc: "Different borrowers.", Unit: "人", Kind: measure.Distinct{Of: "t.borrower_id"}},
		{Name: "overdueShare", Doc: "Loans not back by their deadline over loans whose deadline has passed.",
			Kind: measure.Share("t.due_at < COALESCE(t.returned_at, "+Now+")", "t.due_at < "+Now+" OR t.due_at < t.returned_at")},
		{Name: "meanDaysOut", Doc: "Days from lending to return, over loans returned.", Unit: "天", Kind: measure.Mean("extract(epoch FROM t.returned_at - t.lent_at) / 86400")},
	},
	Guard: &Guard{People: "t.borrower_id", Lattice: []string{"ITEM_KIND", "STATION"}},
})

// lentItem is the thing of a loan.
const lentItem = "JOIN lendable_items i ON i.owner = t.owner AND i.id = t.item_id"

var (
	lender   = Holding[Loan](authz.StationStaff)
	notThere = fault.Newf(fault.Conflict, "it is out, or lost: see who has it in the item's loans").At("item")
)

// LoanLife is the state machine of model.md §5. What is lost may be found, and then is returned.
var LoanLife = &Machine[Loan]{
	Table: Loans, Topic: "loan",
	State: func(l *Loan) (scalar.Enum, int) { return l.Stored, l.Version },
	Transitions: []Transition[Loan]{
		{"borrow", nil, "ACTIVE", lender, nil},
		{"return", In("ACTIVE LOST"), "RETURNED", lender, nil},
		{"returnDamaged", In("ACTIVE LOST"), "RETURNED_DAMAGED", lender, nil},
		{"reportLost", In("ACTIVE"), "LOST", lender, nil},
		{"writeOff", In("LOST"), "WRITTEN_OFF", Holding[Loan](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"loans_one_open":               notThere,
		"loans_owner_item_id_fkey":     missing("item"),
		"loans_owner_borrower_id_fkey": missing("borrower"),
	},
}

// LoanPayload answers a step of a loan.
type LoanPayload struct {
	Loan       *Loan
	UserErrors []UserError
}

// BorrowItemInput hands a thing to a resident.
type BorrowItemInput struct {
	Item, Borrower string
	IdempotencyKey string
}

func (in *BorrowItemInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Item)
	if err != nil {
		return Command{}, fault.Of(err).At("item")
	}
	item, err := Refer(in.Item, id.Owner, LendableItems.Type, "item")
	if err != nil {
		return Command{}, err
	}
	borrower, err := Refer(in.Borrower, id.Owner, Residents.Type, "borrower")
	if err != nil {
		return Command{}, err
	}
	return LoanLife.Begin("borrow", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		if err := mayBorrow(tx, borrower); err != nil {
			return Change{}, err
		}
		days, err := lendable(tx, item)
		if err != nil {
			return Change{}, err
		}
		return Change{Set: Values{"item_id": item, "borrower_id": borrower, "lent_at": tx.Now(),
			"due_at": scalar.DateOf(tx.Now()).AddDays(days).End()}}, nil
	})
}

// mayBorrow refuses who has too much or has had something too long. The lock makes loans to one
// resident wait for each other, so that none is left out of the count.
func mayBorrow(tx *Tx, borrower uuid.UUID) error {
	var id uuid.UUID
	if found, err := tx.Get("SELECT id FROM residents WHERE owner = $1 AND id = $2 FOR NO KEY UPDATE", []any{tx.Owner, borrower}, &id); err != nil {
		return err
	} else if !found {
		return missing("borrower")
	}
	var open, late int
	if _, err := tx.Get("SELECT count(*), count(*) FILTER (WHERE due_at < $3) FROM loans WHERE owner = $1 AND borrower_id = $2 AND status = 'ACTIVE'",
		[]any{tx.Owner, borrower, tx.Now().Add(-lateAtMost)}, &open, &late); err != nil {
		return err
	}
	switch {
	case late > 0:
		return fault.Newf(fault.Conflict, "the borrower has something that is overdue for more than 30 days: it comes back first").At("borrower")
	case open >= openLoans:
		return fault.Newf(fault.Conflict, "the borrower has %d things out, as many as allowed", open).At("borrower")
	}
	return nil
}

// lendable returns for how many days a thing is lent, or why it is not.
func lendable(tx *Tx, item uuid.UUID) (days int, err error) {
	var retired, out bool
	found, err := tx.Get(`SELECT i.loan_days, i.retired_at IS NOT NULL, EXISTS (SELECT FROM items_out o WHERE o.owner = i.owner AND o.item_id = i.id)
		FROM lendable_items i WHERE i.owner = $1 AND i.id = $2 FOR SHARE OF i`, []any{tx.Owner, item}, &days, &retired, &out)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, missing("item")
	case retired:
		return 0, fault.Newf(fault.Conflict, "it is retired and lent no more").At("item")
	case out:
		return 0, notThere
	}
	return days, nil
}

// ReturnItemInput takes a thing back, also one that was lost.
type ReturnItemInput struct {
	Edit
	Damaged bool
}

func (in *ReturnItemInput) Command(*Ask) (Command, error) {
	action := "return"
	if in.Damaged {
		action = "returnDamaged"
	}
	return LoanLife.Take(action, in.Edit, in, func(tx *Tx, _ *Loan) (Change, error) {
		return Change{Set: Values{"returned_at": tx.Now(), "lost_at": nil}}, nil
	})
}

// StepLoanInput is a step that needs nothing but itself.
type StepLoanInput struct{ Edit }

// ReportLost and WriteOffLoan are the inputs of their steps.
type (
	ReportLost   struct{ StepLoanInput }
	WriteOffLoan struct{ StepLoanInput }
)

func (in *ReportLost) Command(*Ask) (Command, error) {
	return LoanLife.Take("reportLost", in.Edit, in, func(tx *Tx, _ *Loan) (Change, error) {
		return Change{Set: Values{"lost_at": tx.Now()}}, nil
	})
}

// Command retires the thing with its loan.
func (in *WriteOffLoan) Command(*Ask) (Command, error) {
	return LoanLife.Take("writeOff", in.Edit, in, func(tx *Tx, l *Loan) (Change, error) {
		return Change{}, tx.Update(LendableItems.Table, l.ItemID, Values{"retired_at": tx.Now()})
	})
}
