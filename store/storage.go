package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const (
	// claimTries is how many wrong codes lock an item. model.md §5.
	claimTries = 5
	// claimLength is that of a code of base32, 50 bits. Chosen: read out in two breaths.
	claimLength = 10

	shelfLength, storedTextLength = 20, 200
)

// StoredItem is a thing left at a station; its rows are restricted.
type StoredItem struct {
	Row
	Stored       scalar.Enum       `db:"status" for:"status"` // never UNCLAIMED
	StationID    uuid.UUID         `db:"station_id" for:"station"`
	Shelf        *string           `db:"shelf"`
	Description  *string           `db:"description"`
	DepositedAt  time.Time         `db:"deposited_at"`
	CollectBy    time.Time         `db:"collect_by" for:"status"`
	CollectedAt  *time.Time        `db:"collected_at"`
	HandedOverAt *time.Time        `db:"handed_over_at"`
	HandedTo     *string           `db:"handed_to"`
	RefusedFor   *string           `db:"refused_for"`
	WrongCodes   int               `db:"wrong_codes" for:"locked"`
	Collected    bool              `db:"collected" sql:"(t.status = 'COLLECTED')"` // tells right codes from wrong
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Status is the stored one, or UNCLAIMED for what was there past its time before the request.
func (i *StoredItem) Status(ctx context.Context) scalar.Enum {
	if i.Stored == "DEPOSITED" && i.CollectBy.Before(authz.FromContext(ctx).At) {
		return "UNCLAIMED"
	}
	return i.Stored
}

// Locked reports whether codes are of no more use.
func (i *StoredItem) Locked() bool { return i.WrongCodes >= claimTries }

type (
	StoredItemConnection = page.Connection[StoredItem]
	StoredItemEdge       = page.Edge[StoredItem]
)

var StoredItems = Define[StoredItem](Spec{Type: "StoredItem", Table: "stored_items", Restricted: true,
	Orders:  map[string][]string{"DEPOSITED_AT": {"deposited_at"}, "COLLECT_BY": {"collect_by"}},
	Default: []string{"deposited_at"}, DefaultDesc: true})

var (
	_ = HasOne(StoredItems, "station", Stations, "station_id")
	_ = HasPage(Stations, StoredItems, Children{Field: "storedItems", By: "station_id"})
)

// StoredItemFilter narrows a list of stored items.
type StoredItemFilter struct {
	Status  []scalar.Enum
	Station *string
	Range   *DateRange
}

func (f *StoredItemFilter) Where(w *Where, ask *Ask) error {
	if f.Status != nil {
		w.And(storedStatus("?")+" = ANY(?)", ask.Viewer.At, EnumTexts(f.Status))
	}
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	return w.During("t.deposited_at", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: StoredItems, Time: "deposited_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "STATUS", SQL: storedStatus(Now), Type: "StoredItemStatus"},
	},
	Measures: []Measure{
		{Name: "deposits", Doc: "Things left at a station; refused ones are none.", Unit: "件", Kind: measure.Count{If: "t.status <> 'REFUSED'"}},
		{Name: "refused", Doc: "Things that a station did not take.", Unit: "件", Kind: measure.Count{If: "t.status = 'REFUSED'"}},
		{Name: "uncollected", Doc: "Things still there past their time.", Unit: "件", Kind: measure.Count{If: storedStatus(Now) + " = 'UNCLAIMED'"}},
		{Name: "collectedShare", Doc: "Things collected over things left whose time has passed or that are gone.",
			Kind: measure.Share("t.status = 'COLLECTED'", "t.status IN ('COLLECTED', 'HANDED_OVER') OR "+storedStatus(Now)+" = 'UNCLAIMED'")},
		{Name: "meanHoursStored", Doc: "Hours from leaving to collecting, over things collected.", Unit: "小时",
			Kind: measure.Mean("extract(epoch FROM t.collected_at - t.deposited_at) / 3600")},
	},
})

// storedStatus is StoredItem.Status in SQL, at an instant.
func storedStatus(at string) string {
	return "(CASE WHEN t.status = 'DEPOSITED' AND t.collect_by < " + at + " THEN 'UNCLAIMED' ELSE t.status END)"
}

var desk = Holding[StoredItem](authz.StationStaff)

// StorageLife is the state machine of model.md §5. A wrong code is a step too, so that it is
// counted and logged.
var StorageLife = &Machine[StoredItem]{
	Table: StoredItems, Topic: "storage",
	State: func(i *StoredItem) (scalar.Enum, int) { return i.Stored, i.Version },
	Transitions: []Transition[StoredItem]{
		{"deposit", nil, "DEPOSITED", desk, nil},
		{"refuse", nil, "REFUSED", desk, nil},
		{"collect", In("DEPOSITED"), "COLLECTED", desk, unlocked},
		{"tryCode", In("DEPOSITED"), "", desk, unlocked},
		{"release", In("DEPOSITED"), "COLLECTED", desk, nil},
		{"handOver", In("DEPOSITED"), "HANDED_OVER", desk, pastItsTime},
	},
	Rules: Rules{
		"stored_items_one_a_shelf":           fault.Newf(fault.Conflict, "something else lies on this shelf").At("shelf"),
		"stored_items_owner_station_id_fkey": missing("station"),
	},
}

func unlocked(_ *Ask, i *StoredItem) error {
	if i.Locked() {
		return fault.Newf(fault.InvalidTransition, "%d wrong codes were given: check who it is and release it", claimTries).At("claimCode").With("allowed", []string{"release"})
	}
	return nil
}

func pastItsTime(ask *Ask, i *StoredItem) error {
	if ask.Viewer.At.Before(i.CollectBy) {
		return fault.Newf(fault.InvalidTransition, "it may still be collected").With("allowed", []string{"collect", "release"})
	}
	return nil
}

// WrongCode is the rule that a wrong claim code breaks.
var WrongCode = UserErrors(fault.Newf(fault.Forbidden, "the code is not this item's").At("claimCode"))

// StoredItemPayload answers a step of a stored item.
type StoredItemPayload struct {
	Item       *StoredItem
	ClaimCode  *string
	UserErrors []UserError
}

// intake makes the command of an action that makes an item at a station.
func intake(action, station, key string, input any, fill func(tx *Tx, form *Form)) (Command, error) {
	id, err := page.ParseID(station)
	if err != nil {
		return Command{}, fault.Of(err).At("station")
	}
	return StorageLife.Begin(action, id.Owner, key, input, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("station_id", &station, Stations.Type, "station")
		form.Set("deposited_at", tx.Now())
		fill(tx, form)
		return form.Done()
	})
}

// DepositItemInput leaves a thing at a station.
type DepositItemInput struct {
	Station, Shelf string
	Description    *string
	CollectBy      *time.Time
	IdempotencyKey string

	code string
}

// ClaimCode is that of the item just deposited; nil before, and when it was deposited earlier.
func (in *DepositItemInput) ClaimCode() *string {
	if in.code == "" {
		return nil
	}
	return &in.code
}

func (in *DepositItemInput) Command(*Ask) (Command, error) {
	return intake("deposit", in.Station, in.IdempotencyKey, in, func(tx *Tx, form *Form) {
		by := scalar.DateOf(tx.Now()).End()
		if in.CollectBy != nil {
			by = *in.CollectBy
		}
		if !by.After(tx.Now()) {
			form.Fail(fault.Newf(fault.BadUserInput, "a thing is collected later than now").At("collectBy"))
		}
		code := rand.Text()[:claimLength]
		form.Text("shelf", in.Shelf, shelfLength, "shelf")
		form.OptionalText("description", in.Description, storedTextLength, "description")
		form.Set("collect_by", by)
		form.Set("claim_code_hash", claimHash(tx.ID, code))
		in.code = code
	})
}

// claimHash is what is kept of a code; the item's id salts it.
func claimHash(item uuid.UUID, code string) []byte {
	h := hmac.New(sha256.New, item[:])
	h.Write([]byte(strings.ToUpper(strings.TrimSpace(code))))
	return h.Sum(nil)
}

// RefuseItemInput records what was not taken.
type RefuseItemInput struct {
	Station        string
	Description    *string
	Reason         string
	IdempotencyKey string
}

func (in *RefuseItemInput) Command(*Ask) (Command, error) {
	return intake("refuse", in.Station, in.IdempotencyKey, in, func(tx *Tx, form *Form) {
		form.OptionalText("description", in.Description, storedTextLength, "description")
		form.Text("refused_for", in.Reason, storedTextLength, "reason")
		form.Set("collect_by", tx.Now())
	})
}

// CollectItemInput gives a thing to who has its code.
type CollectItemInput struct {
	Edit
	ClaimCode string
}

// Command takes one of two steps: the wrong code is counted, which an error would undo.
func (in *CollectItemInput) Command(*Ask) (Command, error) {
	collect, err := StorageLife.Take("collect", in.Edit, in, collected)
	if err != nil {
		return collect, err
	}
	try, err := StorageLife.Take("tryCode", in.Edit, in, func(_ *Tx, i *StoredItem) (Change, error) {
		return Change{Set: Values{"wrong_codes": i.WrongCodes + 1}}, nil
	})
	right := collect.Do
	collect.Do = func(tx *Tx) error {
		var hash []byte
		_, err := tx.Get("SELECT claim_code_hash FROM stored_items WHERE owner = $1 AND id = $2", []any{tx.Owner, tx.ID}, &hash)
		switch {
		case err != nil:
			return err
		case hash != nil && !hmac.Equal(hash, claimHash(tx.ID, in.ClaimCode)):
			return try.Do(tx)
		}
		return right(tx)
	}
	return collect, err
}

func collected(tx *Tx, _ *StoredItem) (Change, error) {
	return Change{Set: Values{"collected_at": tx.Now()}}, nil
}

// ReleaseItemInput gives a thing to who proved to be its owner otherwise.
type ReleaseItemInput struct {
	Edit
	Note string
}

func (in *ReleaseItemInput) Command(*Ask) (Command, error) {
	return StorageLife.Take("release", in.Edit, in, func(tx *Tx, _ *StoredItem) (Change, error) {
		form := tx.Form()
		form.Text("release_note", in.Note, storedTextLength, "note")
		form.Set("collected_at", tx.Now())
		return form.Done()
	})
}

// HandOverItemInput gives away what nobody collected.
type HandOverItemInput struct {
	Edit
	To string
}

func (in *HandOverItemInput) Command(*Ask) (Command, error) {
	return StorageLife.Take("handOver", in.Edit, in, func(tx *Tx, _ *StoredItem) (Change, error) {
		form := tx.Form()
		form.Text("handed_to", in.To, storedTextLength, "to")
		form.Set("handed_over_at", tx.Now())
		return form.Done()
	})
}
