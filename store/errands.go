package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const errandTextLength = 200

// ErrandCase is a 代办; its rows are restricted.
type ErrandCase struct {
	Row
	Matter             scalar.Enum       `db:"matter"`
	MatterZh           *string           `db:"matter_zh"`
	ModeZh             *string           `db:"mode_zh"`
	StationID          *uuid.UUID        `db:"station_id" for:"station"`
	EstateID           *uuid.UUID        `db:"estate_id" for:"estate"`
	ResidentID         *uuid.UUID        `db:"resident_id" for:"resident"`
	BeneficiaryGroup   *scalar.Enum      `db:"beneficiary_group"`
	Reason             *string           `db:"reason"`
	AgentPostID        *uuid.UUID        `db:"agent_post_id" for:"agent"`
	Status             scalar.Enum       `db:"status"`
	RequestedAt        *time.Time        `db:"requested_at"`
	AuthorisedAt       *time.Time        `db:"authorised_at"`
	AuthorisedUntil    *scalar.Date      `db:"authorised_until"`
	AuthorisationForm  *scalar.Enum      `db:"authorisation_form"`
	AuthorisationScope *string           `db:"authorisation_scope"`
	SubmittedAt        *time.Time        `db:"submitted_at"`
	SubmittedTo        *string           `db:"submitted_to"`
	DecidedAt          *time.Time        `db:"decided_at"`
	Granted            *bool             `db:"granted"`
	Outcome            *string           `db:"outcome"`
	CancelledAt        *time.Time        `db:"cancelled_at"`
	ClosedAt           *time.Time        `db:"closed_at"`
	DocumentsHeld      int               `db:"documents_held"`
	Version            int               `db:"version"`
	Provenance         scalar.Provenance `db:"provenance"`
}

// ErrandDocument is a paper that an errand holds or gave back; its rows are restricted.
type ErrandDocument struct {
	Row
	ErrandID   uuid.UUID   `db:"errand_id" for:"errand"`
	Kind       scalar.Enum `db:"kind"`
	ReceiptNo  int         `db:"receipt_no"`
	HeldFrom   time.Time   `db:"held_from"`
	ReturnedAt *time.Time  `db:"returned_at"`
	ReturnedTo *string     `db:"returned_to"`
}

type (
	ErrandCaseConnection = page.Connection[ErrandCase]
	ErrandCaseEdge       = page.Edge[ErrandCase]
)

var (
	ErrandCases = Define[ErrandCase](Spec{Type: "ErrandCase", Table: "errand_cases", Restricted: true, Own: "t.resident_id = ?",
		Orders:  map[string][]string{"REQUESTED_AT": {"requested_at"}, "MATTER": {"matter", "requested_at"}},
		Default: []string{"requested_at"}, DefaultDesc: true})
	ErrandDocuments = Define[ErrandDocument](Spec{Type: "ErrandDocument", Table: "errand_documents", Restricted: true, Default: []string{"receipt_no"},
		Own: "EXISTS (SELECT FROM errand_cases e WHERE e.owner = t.owner AND e.id = t.errand_id AND e.resident_id = ?)"})
)

var (
	_ = HasOne(ErrandCases, "station", Stations, "station_id")
	_ = HasOne(ErrandCases, "estate", Estates, "estate_id")
	_ = HasOne(ErrandCases, "resident", Residents, "resident_id")
	_ = HasOne(ErrandCases, "agent", StaffPosts, "agent_post_id")
	_ = HasMany(ErrandCases, ErrandDocuments, Children{Field: "documents", By: "errand_id"})
	_ = HasOne(ErrandDocuments, "errand", ErrandCases, "errand_id")
	_ = HasPage(Residents, ErrandCases, Children{Field: "errandCases", By: "resident_id"})
)

// Cases that a report tells are of nobody and have no day, so that behind the guard they are left out.
var _ = DefineCube(Cube{
	Of: ErrandCases, Time: "requested_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "MATTER", Column: "matter"},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "STATUS", Column: "status"},
	},
	Measures: []Measure{
		{Name: "cases", Doc: "Errands that were asked for.", Unit: "件", Kind: measure.Count{}},
		{Name: "completedShare", Doc: "Errands granted over errands decided.", Kind: measure.Share("t.granted", "t.granted IS NOT NULL")},
		{Name: "meanDays", Doc: "Days from the request to the authority's decision, over errands decided.", Unit: "天",
			Kind: measure.Mean("extract(epoch FROM t.decided_at - t.requested_at) / 86400")},
		{Name: "documentsHeld", Doc: "Documents received and not returned.", Unit: "份", Kind: measure.Sum{Of: "t.documents_held"}},
	},
	Guard: &Guard{People: "t.resident_id", Lattice: []string{"MATTER", "STATION", "STATUS"}},
})

// ErrandCaseFilter narrows a list of errands.
type ErrandCaseFilter struct {
	Status         []scalar.Enum
	Matter         []scalar.Enum
	HoldsDocuments *bool
	Range          *DateRange
}

func (f *ErrandCaseFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.matter", f.Matter)
	if f.HoldsDocuments != nil {
		w.And("(t.documents_held > 0) = ?", *f.HoldsDocuments)
	}
	return w.During("t.requested_at", f.Range, "filter", "range")
}

var (
	runsErrands = Holding[ErrandCase](authz.StationStaff)
	asksErrand  = Holding[ErrandCase](authz.Resident) // of rows of their own: others are not found
)

// ErrandLife is the state machine of model.md §5. Closing says by itself whether the errand was
// run or cancelled.
var ErrandLife = &Machine[ErrandCase]{
	Table: ErrandCases, Topic: "errand",
	State: func(e *ErrandCase) (scalar.Enum, int) { return e.Status, e.Version },
	Transitions: []Transition[ErrandCase]{
		{"request", nil, "REQUESTED", runsErrands.Or(asksErrand), nil},
		{"authorise", In("REQUESTED"), "AUTHORISED", runsErrands, nil},
		{"receiveDocument", In("AUTHORISED COLLECTING"), "COLLECTING", runsErrands, onAuthority},
		{"submit", In("COLLECTING"), "SUBMITTED", runsErrands, onAuthority},
		{"await", In("SUBMITTED"), "WAITING", runsErrands, nil},
		{"decide", In("WAITING"), "", runsErrands, nil},
		{"returnDocument", In("COMPLETED REFUSED_BY_AUTHORITY RETURNING_DOCUMENTS"), "RETURNING_DOCUMENTS", runsErrands, nil},
		{"close", In("COMPLETED REFUSED_BY_AUTHORITY RETURNING_DOCUMENTS"), "", runsErrands, holdsNothing},
		{"cancel", In("REQUESTED AUTHORISED COLLECTING SUBMITTED WAITING"), "", runsErrands.Or(asksErrand), nil},
	},
	Rules: Rules{
		"errand_cases_owner_resident_id_fkey":   missing("resident"),
		"errand_cases_owner_station_id_fkey":    missing("station"),
		"errand_cases_owner_agent_post_id_fkey": missing("agent"),
		"errand_cases_authorisation_form_check": fault.Newf(fault.BadUserInput, "an authority is signed or witnessed").At("form"),
		"errand_holds_nothing_when_over":        fault.Newf(fault.InvalidTransition, "documents are held: return them first"),
	},
}

func onAuthority(ask *Ask, e *ErrandCase) error {
	if e.AuthorisedUntil != nil && !e.AuthorisedUntil.End().After(ask.Viewer.At) {
		return fault.Newf(fault.InvalidTransition, "the authority ended on %s", e.AuthorisedUntil).With("allowed", []string{"cancel"})
	}
	return nil
}

func holdsNothing(_ *Ask, e *ErrandCase) error {
	if e.DocumentsHeld > 0 {
		return fault.Newf(fault.InvalidTransition, "documents are held (%d): return them first", e.DocumentsHeld).With("allowed", []string{"returnDocument"})
	}
	return nil
}

// ErrandPayload answers a step of an errand.
type ErrandPayload struct {
	Errand     *ErrandCase
	UserErrors []UserError
}

// RequestErrandInput asks for an errand.
type RequestErrandInput struct {
	Community      string
	Matter         scalar.Enum
	MatterZh       *string
	Resident       *string
	Station        *string
	Reason         *string
	IdempotencyKey string
}

func (in *RequestErrandInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return ErrandLife.Begin("request", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		resident := neighbour(tx, form, in.Resident, authz.StationStaff, "resident")
		if resident == nil { // staff did not say
			form.Fail(fault.Newf(fault.BadUserInput, "staff say for whom they ask").At("resident"))
		}
		form.Set("matter", in.Matter)
		form.OptionalText("matter_zh", in.MatterZh, errandTextLength, "matterZh")
		form.OptionalText("reason", in.Reason, errandTextLength, "reason")
		form.Refer("resident_id", resident, Residents.Type, "resident")
		form.Refer("station_id", in.Station, Stations.Type, "station")
		form.Set("requested_at", tx.Now())
		return form.Done()
	})
}

// AuthoriseErrandInput records the resident's authority.
type AuthoriseErrandInput struct {
	Edit
	Scope string
	Form  scalar.Enum
	Until scalar.Date
	Agent *string
}

func (in *AuthoriseErrandInput) Command(*Ask) (Command, error) {
	return ErrandLife.Take("authorise", in.Edit, in, func(tx *Tx, _ *ErrandCase) (Change, error) {
		form := tx.Form()
		form.Text("authorisation_scope", in.Scope, errandTextLength, "scope")
		form.Set("authorisation_form", in.Form)
		form.Set("authorised_at", tx.Now())
		form.Set("authorised_until", in.Until)
		form.Refer("agent_post_id", in.Agent, StaffPosts.Type, "agent")
		if !in.Until.End().After(tx.Now()) {
			form.Fail(fault.Newf(fault.BadUserInput, "the authority would be over already").At("until"))
		}
		return form.Done()
	})
}

// ReceiveErrandDocumentInput takes a document.
type ReceiveErrandDocumentInput struct {
	Edit
	Kind scalar.Enum
}

func (in *ReceiveErrandDocumentInput) Command(*Ask) (Command, error) {
	return ErrandLife.Take("receiveDocument", in.Edit, in, func(tx *Tx, e *ErrandCase) (Change, error) {
		// The errand's row is locked, so that receipts count up without a gap.
		_, err := tx.exec(`INSERT INTO errand_documents (owner, errand_id, kind, held_from, receipt_no)
			SELECT $1, $2, $3, $4, count(*) + 1 FROM errand_documents WHERE owner = $1 AND errand_id = $2`, tx.Owner, e.UUID, in.Kind, tx.Now())
		return Change{}, err
	})
}

// SubmitErrandInput hands the papers in.
type SubmitErrandInput struct {
	Edit
	To string
}

func (in *SubmitErrandInput) Command(*Ask) (Command, error) {
	return ErrandLife.Take("submit", in.Edit, in, func(tx *Tx, _ *ErrandCase) (Change, error) {
		form := tx.Form()
		form.Text("submitted_to", in.To, errandTextLength, "to")
		form.Set("submitted_at", tx.Now())
		return form.Done()
	})
}

// DecideErrandInput records what the authority decided.
type DecideErrandInput struct {
	Edit
	Granted bool
	Outcome *string
}

func (in *DecideErrandInput) Command(*Ask) (Command, error) {
	return ErrandLife.Take("decide", in.Edit, in, func(tx *Tx, _ *ErrandCase) (Change, error) {
		form := tx.Form()
		form.OptionalText("outcome", in.Outcome, errandTextLength, "outcome")
		form.Set("granted", in.Granted)
		form.Set("decided_at", tx.Now())
		form.Set("status", scalar.Enum("COMPLETED"))
		if !in.Granted {
			form.Set("status", scalar.Enum("REFUSED_BY_AUTHORITY"))
			if form.set["outcome"] == nil {
				form.Fail(fault.Newf(fault.BadUserInput, "a refusal says why").At("outcome"))
			}
		}
		return form.Done()
	})
}

// ReturnErrandDocumentInput gives a document back.
type ReturnErrandDocumentInput struct {
	Edit
	Document string
	To       string
}

func (in *ReturnErrandDocumentInput) Command(*Ask) (Command, error) {
	return ErrandLife.Take("returnDocument", in.Edit, in, func(tx *Tx, e *ErrandCase) (Change, error) {
		document, err := Refer(in.Document, tx.Owner, ErrandDocuments.Type, "document")
		if err != nil {
			return Change{}, err
		}
		form := tx.Form()
		to := form.text(in.To, errandTextLength, []string{"to"})
		if form.err != nil {
			return form.Done()
		}
		n, err := tx.exec(`UPDATE errand_documents SET returned_at = $4, returned_to = $5
			WHERE owner = $1 AND errand_id = $2 AND id = $3 AND returned_at IS NULL`, tx.Owner, e.UUID, document, tx.Now(), to)
		if err == nil && n == 0 {
			err = fault.Newf(fault.NotFound, "the errand does not hold this document").At("document")
		}
		return Change{}, err
	})
}

// StepErrandInput takes a step that needs nothing more.
type StepErrandInput struct{ Edit }

// To is the input of an action.
func (in *StepErrandInput) To(action string) Input { return errandStep{in, action} }

type errandStep struct {
	*StepErrandInput
	action string
}

func (s errandStep) Command(*Ask) (Command, error) {
	return ErrandLife.Take(s.action, s.Edit, s.StepErrandInput, func(tx *Tx, e *ErrandCase) (Change, error) {
		switch {
		case s.action == "close" && e.CancelledAt == nil:
			return Change{Set: Values{"status": scalar.Enum("CLOSED"), "closed_at": tx.Now()}}, nil
		case s.action == "close":
			return Change{Set: Values{"status": scalar.Enum("CANCELLED"), "closed_at": tx.Now()}}, nil
		case s.action == "cancel" && e.DocumentsHeld > 0:
			return Change{Set: Values{"status": scalar.Enum("RETURNING_DOCUMENTS"), "cancelled_at": tx.Now()}}, nil
		case s.action == "cancel":
			return Change{Set: Values{"status": scalar.Enum("CANCELLED"), "cancelled_at": tx.Now(), "closed_at": tx.Now()}}, nil
		}
		return Change{}, nil
	})
}
