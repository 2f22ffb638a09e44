package store

import (
	"context"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// ResidentTagRecord is a tag of a resident with its days and its basis; sensitive in all its parts.
type ResidentTagRecord struct {
	Row
	Tag         scalar.Enum       `db:"tag"`
	ResidentID  uuid.UUID         `db:"resident_id" for:"resident"`
	ValidFrom   scalar.Date       `db:"valid_from" for:"current"`
	ValidTo     *scalar.Date      `db:"valid_to" for:"current"`
	Basis       string            `db:"basis"`
	RecordedBy  string            `db:"recorded_by"`
	EndedReason *string           `db:"ended_reason"`
	Version     int               `db:"version"`
	Provenance  scalar.Provenance `db:"provenance"`
}

// Current reports whether the tag holds on the day of the request.
func (r *ResidentTagRecord) Current(ctx context.Context) bool {
	return r.holds(scalar.DateOf(authz.FromContext(ctx).At))
}

func (r *ResidentTagRecord) holds(on scalar.Date) bool {
	return r.ValidFrom.Compare(on) <= 0 && (r.ValidTo == nil || on.Compare(*r.ValidTo) < 0)
}

type (
	ResidentTagRecordConnection = page.Connection[ResidentTagRecord]
	ResidentTagRecordEdge       = page.Edge[ResidentTagRecord]
)

var ResidentTagRecords = Define[ResidentTagRecord](Spec{Type: "ResidentTagRecord", Table: "resident_tags", Restricted: true,
	Orders:  map[string][]string{"VALID_FROM": {"valid_from"}},
	Default: []string{"valid_from"}, DefaultDesc: true})

var (
	_ = HasOne(ResidentTagRecords, "resident", Residents, "resident_id")
	_ = HasPage(Residents, ResidentTagRecords, Children{Field: "tagRecords", By: "resident_id"})
)

// ResidentTagRecordFilter narrows a list of tags.
type ResidentTagRecordFilter struct {
	Tags   []scalar.Enum
	Estate *string
	On     *scalar.Date
}

func (f *ResidentTagRecordFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.tag", f.Tags)
	if f.On != nil {
		w.And("t.valid @> ?::date", *f.On)
	}
	return w.Refers("(SELECT r.estate_id FROM residents r WHERE r.owner = t.owner AND r.id = t.resident_id)", f.Estate, Estates, "filter", "estate")
}

var tagger = Holding[ResidentTagRecord](authz.CommunityStaff)

// ResidentTagLife is that of a tag: recorded, and ended once it holds no more. Its steps stand in
// audit_log with their purpose.
var ResidentTagLife = &Machine[ResidentTagRecord]{
	Table: ResidentTagRecords, Topic: "residentTag",
	State: func(r *ResidentTagRecord) (scalar.Enum, int) {
		if r.ValidTo == nil {
			return "OPEN", r.Version
		}
		return "ENDED", r.Version
	},
	Transitions: []Transition[ResidentTagRecord]{
		{"tag", nil, "", tagger, nil},
		{"end", In("OPEN"), "", tagger, nil},
	},
	Rules: Rules{
		"tag_once_at_a_time":                   fault.Newf(fault.Conflict, "the resident has this tag on some of these days").At("tag"),
		"resident_tags_valid_check":            fault.Newf(fault.BadUserInput, "a tag holds for a day at least").At("to"),
		"resident_tags_owner_resident_id_fkey": missing("resident"),
	},
}

// ResidentTagPayload answers a step of a tag.
type ResidentTagPayload struct {
	Record     *ResidentTagRecord
	UserErrors []UserError
}

// withPurpose refuses who does not say why something sensitive is written.
func withPurpose(ask *Ask) error {
	if ask.Viewer.Purpose == "" {
		return fault.Newf(fault.Forbidden, "sensitive records need a stated purpose: send it in the X-Linhui-Purpose header")
	}
	return nil
}

// TagResidentInput records what is known of a resident.
type TagResidentInput struct {
	Resident       string
	Tag            scalar.Enum
	Basis          string
	From, To       *scalar.Date
	IdempotencyKey string
}

func (in *TagResidentInput) Command(ask *Ask) (Command, error) {
	if err := withPurpose(ask); err != nil {
		return Command{}, err
	}
	id, err := page.ParseID(in.Resident)
	if err != nil {
		return Command{}, fault.Of(err).At("resident")
	}
	return ResidentTagLife.Begin("tag", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		from := scalar.DateOf(tx.Now())
		if in.From != nil {
			from = *in.From
		}
		if in.To != nil && in.To.Compare(from) <= 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "a tag holds for a day at least").At("to"))
		}
		form.Refer("resident_id", &in.Resident, Residents.Type, "resident")
		form.Set("tag", in.Tag)
		form.Set("valid", daySpan(from, in.To))
		form.Text("basis", in.Basis, storedTextLength, "basis")
		form.Set("recorded_by", tx.Principal())
		return form.Done()
	})
}

// daySpan is a daterange from a day on, to another, excluded, or without an end.
func daySpan(from scalar.Date, to *scalar.Date) string {
	if to == nil {
		return "[" + from.String() + ",)"
	}
	return "[" + from.String() + "," + to.String() + ")"
}

// EndResidentTagInput ends a tag.
type EndResidentTagInput struct {
	Edit
	Reason string
}

func (in *EndResidentTagInput) Command(ask *Ask) (Command, error) {
	if err := withPurpose(ask); err != nil {
		return Command{}, err
	}
	return ResidentTagLife.Take("end", in.Edit, in, func(tx *Tx, r *ResidentTagRecord) (Change, error) {
		to := scalar.DateOf(tx.Now())
		if to.Compare(r.ValidFrom) <= 0 {
			to = r.ValidFrom.AddDays(1)
		}
		form := tx.Form()
		form.Set("valid", daySpan(r.ValidFrom, &to))
		form.Text("ended_reason", in.Reason, storedTextLength, "reason")
		return form.Done()
	})
}
