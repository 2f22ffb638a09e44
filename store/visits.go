package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Chosen: names of what is visited and why, in a few words each.
const driveNameLength, driveWords, driveWordLength, topicLength = 60, 10, 40, 20

// OpinionDrive is a time of visits.
type OpinionDrive struct {
	Row
	NameZh           string            `db:"name_zh"`
	NameEn           *string           `db:"name_en"`
	Targets          []string          `db:"targets"`
	Aims             []string          `db:"aims"`
	ByOrgID          *uuid.UUID        `db:"by_org_id" for:"by"`
	StartsOn         *scalar.Date      `db:"starts_on"`
	EndsOn           *scalar.Date      `db:"ends_on"`
	Status           scalar.Enum       `db:"status"`
	Outcome          *string           `db:"outcome"`
	FollowedBy       *string           `db:"followed_by"`
	LedToProgrammeID *uuid.UUID        `db:"led_to_programme_id" for:"ledTo"`
	Version          int               `db:"version"`
	Provenance       scalar.Provenance `db:"provenance"`
}

// HomeVisit is a visit to a home or a shop; its rows are restricted.
type HomeVisit struct {
	Row
	DriveID    *uuid.UUID        `db:"drive_id" for:"drive"`
	Target     scalar.Enum       `db:"target"`
	VisitedOn  scalar.Date       `db:"visited_on"`
	EstateID   *uuid.UUID        `db:"estate_id" for:"estate"`
	ResidentID *uuid.UUID        `db:"resident_id" for:"resident"`
	ShopName   *string           `db:"shop_name"`
	Topic      *string           `db:"topic"`
	NeedZh     *string           `db:"need_zh"`
	Findings   *string           `db:"findings"`
	Status     scalar.Enum       `db:"status"`
	FeedbackID *uuid.UUID        `db:"feedback_id" for:"feedback"`
	FollowUp   *string           `db:"follow_up"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	OpinionDriveConnection = page.Connection[OpinionDrive]
	OpinionDriveEdge       = page.Edge[OpinionDrive]
	HomeVisitConnection    = page.Connection[HomeVisit]
	HomeVisitEdge          = page.Edge[HomeVisit]
)

var (
	OpinionDrives = Define[OpinionDrive](Spec{Type: "OpinionDrive", Table: "opinion_drives",
		Orders: map[string][]string{"NAME": {"name_zh"}, "STARTS_ON": {"starts_on"}}, Default: []string{"name_zh"}})
	HomeVisits = Define[HomeVisit](Spec{Type: "HomeVisit", Table: "home_visits", Restricted: true, Own: "t.resident_id = ?",
		Orders:  map[string][]string{"VISITED_ON": {"visited_on"}},
		Default: []string{"visited_on"}, DefaultDesc: true})
)

var (
	_ = HasMany(Communities, OpinionDrives, Children{Field: "opinionDrives"})
	_ = HasOne(OpinionDrives, "by", Organizations, "by_org_id")
	_ = HasOne(OpinionDrives, "ledTo", Programmes, "led_to_programme_id")
	_ = HasPage(OpinionDrives, HomeVisits, Children{Field: "visits", By: "drive_id"})
	_ = HasValue[*int](OpinionDrives, Value{Field: "visitCount", Restricted: true,
		SQL: "(SELECT count(*) FROM home_visits v WHERE v.owner = p.owner AND v.drive_id = p.id)"})
	_ = HasOne(HomeVisits, "drive", OpinionDrives, "drive_id")
	_ = HasOne(HomeVisits, "estate", Estates, "estate_id")
	_ = HasOne(HomeVisits, "resident", Residents, "resident_id")
	_ = HasOne(HomeVisits, "feedback", Feedbacks, "feedback_id")
	_ = HasPage(Residents, HomeVisits, Children{Field: "homeVisits", By: "resident_id"})
	_ = HasValue[*scalar.Date](Residents, Value{Field: "lastVisitedOn", Restricted: true,
		SQL: "(SELECT max(v.visited_on) FROM home_visits v WHERE v.owner = p.owner AND v.resident_id = p.id)"})
)

// OpinionDriveFilter narrows a list of drives.
type OpinionDriveFilter struct {
	Status       []scalar.Enum
	NameContains *string
}

func (f *OpinionDriveFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.Contains("t.name_zh", f.NameContains)
	return nil
}

// HomeVisitFilter narrows a list of visits.
type HomeVisitFilter struct {
	Targets, Status []scalar.Enum
	Topic, Drive    *string
	Range           *DateRange
}

func (f *HomeVisitFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.target", f.Targets)
	w.AnyOf("t.status", f.Status)
	if f.Topic != nil {
		w.And("t.topic = ?", *f.Topic)
	}
	if err := w.Refers("t.drive_id", f.Drive, OpinionDrives, "filter", "drive"); err != nil {
		return err
	}
	return w.Days("t.visited_on", f.Range, "filter", "range")
}

// A visit is about the resident it was to, or who keeps a shop; those to nobody who is named are taken for visits to one.
var _ = DefineCube(Cube{
	Of: HomeVisits, Where: "HomeVisitFilter", Time: "visited_on", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "TARGET", Column: "target"},
		{Name: "TOPIC", Column: "topic"},
		{Name: "DRIVE", SQL: "t.drive_id", To: OpinionDrives},
		{Name: "ESTATE", SQL: "t.estate_id", To: Estates},
	},
	Measures: []Measure{
		{Name: "visits", Doc: "Visits on record.", Unit: "次", Kind: measure.Count{}},
		{Name: "needs", Doc: "Visits that heard of a need.", Unit: "条", Kind: measure.Count{If: "t.need_zh IS NOT NULL"}},
		{Name: "followedUpShare", Doc: "Visits that heard of a need and were followed up over visits that heard of a need.",
			Kind: measure.Share("t.status = 'FOLLOWED_UP' AND t.need_zh IS NOT NULL", "t.need_zh IS NOT NULL")},
	},
	Guard: &Guard{People: "coalesce(t.resident_id::text, 'shop ' || t.shop_name, '')", Lattice: []string{"TARGET", "TOPIC"}},
})

// DriveLife is how a drive ends: with what came of it.
var DriveLife = &Machine[OpinionDrive]{
	Table: OpinionDrives, Topic: "opinionDrive",
	State: func(d *OpinionDrive) (scalar.Enum, int) { return d.Status, d.Version },
	Transitions: []Transition[OpinionDrive]{
		{"open", nil, "OPEN", Holding[OpinionDrive](authz.CommunityStaff), nil},
		{"close", In("OPEN"), "CLOSED", Holding[OpinionDrive](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"opinion_drives_owner_by_org_id_fkey":           missing("by"),
		"opinion_drives_owner_led_to_programme_id_fkey": missing("ledTo"),
		"ends_after_it_starts":                          fault.Newf(fault.BadUserInput, "it ends on or after the day it starts").At("endsOn"),
	},
}

// VisitLife is how a visit is answered.
var VisitLife = &Machine[HomeVisit]{
	Table: HomeVisits, Topic: "homeVisit",
	State: func(v *HomeVisit) (scalar.Enum, int) { return v.Status, v.Version },
	Transitions: []Transition[HomeVisit]{
		{"record", nil, "RECORDED", Holding[HomeVisit](authz.StationStaff), nil},
		{"followUp", In("RECORDED FOLLOWED_UP"), "FOLLOWED_UP", Holding[HomeVisit](authz.StationStaff), nil},
	},
	Rules: Rules{
		"home_visits_owner_drive_id_fkey":    missing("drive"),
		"home_visits_owner_estate_id_fkey":   missing("estate"),
		"home_visits_owner_resident_id_fkey": missing("resident"),
		"home_visits_owner_feedback_id_fkey": missing("feedback"),
		"home_visits_target_check":           fault.Newf(fault.BadUserInput, "HOUSEHOLD or SHOP").At("target"),
		"a_home_or_a_shop":                   fault.Newf(fault.BadUserInput, "a household has a resident and a shop has a name").At("target"),
		"followed_up_says_how":               fault.Newf(fault.BadUserInput, "say what was done, or name the feedback").At("followUp"),
	},
}

// OpinionDrivePayload answers a step of a drive, HomeVisitPayload one of a visit.
type (
	OpinionDrivePayload struct {
		Drive      *OpinionDrive
		UserErrors []UserError
	}
	HomeVisitPayload struct {
		Visit      *HomeVisit
		UserErrors []UserError
	}
)

// OpenOpinionDriveInput begins a drive.
type OpenOpinionDriveInput struct {
	Community, NameZh string
	Targets, Aims     []string
	By                *string
	StartsOn, EndsOn  *scalar.Date
	IdempotencyKey    string
}

func (in *OpenOpinionDriveInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return DriveLife.Begin("open", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("name_zh", in.NameZh, driveNameLength, "nameZh")
		form.Texts("targets", in.Targets, driveWords, driveWordLength, "targets")
		form.Texts("aims", in.Aims, driveWords, driveWordLength, "aims")
		form.Refer("by_org_id", in.By, Organizations.Type, "by")
		form.Set("starts_on", in.StartsOn)
		form.Set("ends_on", in.EndsOn)
		return form.Done()
	})
}

// CloseOpinionDriveInput ends a drive.
type CloseOpinionDriveInput struct {
	Edit
	Outcome           string
	LedTo, FollowedBy *string
}

func (in *CloseOpinionDriveInput) Command(*Ask) (Command, error) {
	return DriveLife.Take("close", in.Edit, in, func(tx *Tx, _ *OpinionDrive) (Change, error) {
		form := tx.Form()
		form.Public("outcome", in.Outcome, planTextLength, "outcome")
		form.OptionalPublic("followed_by", in.FollowedBy, planTextLength, "followedBy")
		form.Refer("led_to_programme_id", in.LedTo, Programmes.Type, "ledTo")
		return form.Done()
	})
}

// RecordHomeVisitInput records a visit.
type RecordHomeVisitInput struct {
	Community        string
	Drive            *string
	Target           scalar.Enum
	VisitedOn        *scalar.Date
	Estate, Resident *string
	ShopName, Topic  *string
	NeedZh, Findings *string
	IdempotencyKey   string
}

func (in *RecordHomeVisitInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return VisitLife.Begin("record", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		on := scalar.DateOf(tx.Now())
		if in.VisitedOn != nil && in.VisitedOn.Compare(on) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: today or before").At("visitedOn"))
		} else if in.VisitedOn != nil {
			on = *in.VisitedOn
		}
		form.Set("visited_on", on)
		form.Set("target", in.Target)
		form.Refer("drive_id", in.Drive, OpinionDrives.Type, "drive")
		form.Refer("estate_id", in.Estate, Estates.Type, "estate")
		form.Refer("resident_id", in.Resident, Residents.Type, "resident")
		form.OptionalText("shop_name", in.ShopName, driveNameLength, "shopName")
		form.OptionalPublic("topic", in.Topic, topicLength, "topic")
		form.OptionalPublic("need_zh", in.NeedZh, planTextLength, "needZh")
		form.OptionalText("findings", in.Findings, textLength, "findings")
		return form.Done()
	})
}

// FollowUpHomeVisitInput says what was done about it.
type FollowUpHomeVisitInput struct {
	Edit
	Feedback, FollowUp *string
}

func (in *FollowUpHomeVisitInput) Command(*Ask) (Command, error) {
	return VisitLife.Take("followUp", in.Edit, in, func(tx *Tx, _ *HomeVisit) (Change, error) {
		form := tx.Form()
		if in.Feedback != nil { // what was said before stays unless it is said anew
			form.Refer("feedback_id", in.Feedback, Feedbacks.Type, "feedback")
		}
		if in.FollowUp != nil {
			form.OptionalText("follow_up", in.FollowUp, textLength, "followUp")
		}
		return form.Done()
	})
}
