package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const (
	// Chosen: a line each.
	skillLength, skillsAtMost = 40, 10
	// childBelow is the age below which everything about a person is sensitive. model.md §11.
	childBelow = 14
)

// TalentProfile is what a resident can do; its rows are restricted.
type TalentProfile struct {
	Row
	HolderID   *uuid.UUID        `db:"holder_id" for:"holder"`
	HolderRole *string           `db:"holder_role"`
	Skills     []string          `db:"skills"`
	SkillsEn   []string          `db:"skills_en"`
	Note       *string           `db:"note"`
	TeamID     *uuid.UUID        `db:"team_id" for:"team"`
	Visibility scalar.Enum       `db:"visibility"`
	Status     scalar.Enum       `db:"status"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Talent is what everybody sees of a profile that is PUBLIC.
type Talent struct {
	Row
	Skills     []string          `db:"skills"`
	SkillsEn   []string          `db:"skills_en"`
	HolderRole *string           `db:"holder_role"`
	TeamID     *uuid.UUID        `db:"team_id" for:"team"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	TalentProfileConnection = page.Connection[TalentProfile]
	TalentProfileEdge       = page.Edge[TalentProfile]
	TalentConnection        = page.Connection[Talent]
	TalentEdge              = page.Edge[Talent]
)

var (
	TalentProfiles = Define[TalentProfile](Spec{Type: "TalentProfile", Table: "talent_profiles", Restricted: true,
		Own: `EXISTS (SELECT FROM (SELECT ?::uuid AS id) me WHERE t.holder_id = me.id OR t.visibility = 'TEAM' AND t.status = 'LISTED' AND EXISTS
			(SELECT FROM team_memberships m WHERE m.owner = t.owner AND m.team_id = t.team_id AND m.resident_id = me.id AND m.until IS NULL))`,
		Shown:  "t.visibility <> 'PRIVATE'",
		Orders: map[string][]string{"RECORDED": nil, "VISIBILITY": {"visibility"}}})
	Talents = Define[Talent](Spec{Type: "Talent", Table: "public_talents"})
)

var (
	_ = HasOne(TalentProfiles, "holder", Residents, "holder_id")
	_ = HasOne(TalentProfiles, "team", VolunteerTeams, "team_id")
	_ = HasOne(Talents, "team", VolunteerTeams, "team_id")
	_ = HasPage(Communities, Talents, Children{Field: "talents"})
	_ = HasMany(VolunteerTeams, Talents, Children{Field: "talents", By: "team_id"})
	_ = HasPage(Residents, TalentProfiles, Children{Field: "talentProfiles", By: "holder_id", Filter: listedTalents})
)

// skilled is a profile's skills as one text, a line each.
const skilled = `array_to_string(t.skills, E'\n')`

// TalentFilter narrows a list of talents.
type TalentFilter struct{ Skill *string }

func (f *TalentFilter) Where(w *Where, _ *Ask) error {
	w.Contains(skilled, f.Skill)
	return nil
}

// TalentProfileFilter narrows a list of profiles; the zero filter leaves out what was withdrawn.
type TalentProfileFilter struct {
	Skill              *string
	Visibility, Status []scalar.Enum
	Team               *string
}

func listedTalents(args map[string]any) Filter {
	if f := FilterArg(args); f != nil {
		return f
	}
	return &TalentProfileFilter{}
}

func (f *TalentProfileFilter) Where(w *Where, _ *Ask) error {
	if f.Status == nil {
		w.And("t.status = 'LISTED'")
	}
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.visibility", f.Visibility)
	w.Contains(skilled, f.Skill)
	return w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team")
}

// holdsTalent lets in the resident whose profile it is, and staff where it is nobody's in particular.
var holdsTalent = Named(func(p *TalentProfile) *uuid.UUID { return p.HolderID }).Or(func(v *authz.Viewer, p *TalentProfile) bool {
	return p.HolderID == nil && v.Has(authz.CommunityStaff)
})

// TalentLife is how a profile is listed and withdrawn. How far it is seen is the holder's to say in every state.
var TalentLife = &Machine[TalentProfile]{
	Table: TalentProfiles, Topic: "talent",
	State: func(p *TalentProfile) (scalar.Enum, int) { return p.Status, p.Version },
	Transitions: []Transition[TalentProfile]{
		{"register", nil, "LISTED", Holding[TalentProfile](authz.Resident), nil},
		{"revise", In("LISTED"), "", holdsTalent, nil},
		{"show", In("LISTED"), "", holdsTalent, nil},
		{"withdraw", In("LISTED"), "WITHDRAWN", holdsTalent.Or(Holding[TalentProfile](authz.CommunityStaff)), nil},
	},
	Rules: Rules{
		"talent_profiles_one_a_person":         fault.Newf(fault.Conflict, "this resident has a profile already: revise that one").At("holder"),
		"talent_profiles_owner_holder_id_fkey": missing("holder"),
		"talent_profiles_owner_team_id_fkey":   missing("team"),
		"a_team_that_sees_it":                  fault.Newf(fault.BadUserInput, "TEAM needs a team whose members see it").At("team"),
	},
}

// TalentPayload answers a step of a profile.
type TalentPayload struct {
	Profile    *TalentProfile
	UserErrors []UserError
}

// RegisterTalentInput lists what somebody can do.
type RegisterTalentInput struct {
	Community      string
	Holder         *string
	Skills         []string
	Note           *string
	Team           *string
	Visibility     scalar.Enum
	IdempotencyKey string
}

func (in *RegisterTalentInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return TalentLife.Begin("register", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		holder, err := in.holder(tx)
		if err != nil {
			return Change{}, err
		}
		form.Set("holder_id", holder)
		form.skills(in.Skills, in.Note)
		form.shown(in.Visibility, in.Team)
		return form.Done()
	})
}

// holder is whose skill it is: the viewer's own, or another's whom staff asked. Nothing is listed of a child.
func (in *RegisterTalentInput) holder(tx *Tx) (uuid.UUID, error) {
	v := tx.Ask.Viewer
	home, holder, known := Self(v)
	known = known && home == tx.Owner
	if in.Holder != nil {
		other, err := Refer(*in.Holder, tx.Owner, Residents.Type, "holder")
		switch {
		case err != nil:
			return other, err
		case known && other == holder:
		case !v.Has(authz.StationStaff):
			return other, fault.Newf(fault.Forbidden, "residents list what they themselves can do").At("holder")
		case in.Visibility != "STAFF":
			return other, fault.Newf(fault.Forbidden, "staff record what is shown to staff; more, or less, is for the resident to say").At("visibility")
		}
		holder, known = other, true
	}
	if !known {
		return holder, fault.Newf(fault.BadUserInput, "say whose skill it is: you are no resident of this community").At("holder")
	}
	var child bool
	_, err := tx.Get("SELECT coalesce(full_years(birth_date, $3) < $4, false) FROM residents WHERE owner = $1 AND id = $2",
		[]any{tx.Owner, holder, scalar.DateOf(tx.Now()), childBelow}, &child)
	if err == nil && child {
		err = fault.Newf(fault.BadUserInput, "nothing is listed of a child below %d", childBelow).At("holder")
	}
	return holder, err
}

// skills writes what may become public, and so must not seem to hold personal data whatever the visibility is now.
func (f *Form) skills(skills []string, note *string) {
	if len(skills) == 0 {
		f.Fail(fault.Newf(fault.BadUserInput, "at least one skill").At("skills"))
	}
	f.Texts("skills", skills, skillsAtMost, skillLength, "skills")
	f.OptionalText("note", note, textLength, "note")
}

func (f *Form) shown(visibility scalar.Enum, team *string) {
	if visibility == "OTHER" {
		f.Fail(fault.Newf(fault.BadUserInput, "one of PRIVATE, TEAM, STAFF, PUBLIC").At("visibility"))
	}
	f.Set("visibility", visibility)
	f.Refer("team_id", team, VolunteerTeams.Type, "team")
}

// ReviseTalentInput rewrites what somebody can do.
type ReviseTalentInput struct {
	Edit
	Skills []string
	Note   *string
}

func (in *ReviseTalentInput) Command(*Ask) (Command, error) {
	return TalentLife.Take("revise", in.Edit, in, func(tx *Tx, _ *TalentProfile) (Change, error) {
		form := tx.Form()
		form.skills(in.Skills, in.Note)
		form.Set("skills_en", "{}")
		return form.Done()
	})
}

// ShowTalentInput says who sees it.
type ShowTalentInput struct {
	Edit
	Visibility scalar.Enum
	Team       *string
}

func (in *ShowTalentInput) Command(*Ask) (Command, error) {
	return TalentLife.Take("show", in.Edit, in, func(tx *Tx, _ *TalentProfile) (Change, error) {
		form := tx.Form()
		form.shown(in.Visibility, in.Team)
		return form.Done()
	})
}

// WithdrawTalentInput takes a profile off the list.
type WithdrawTalentInput struct{ Edit }

func (in *WithdrawTalentInput) Command(*Ask) (Command, error) {
	return TalentLife.Take("withdraw", in.Edit, in, func(*Tx, *TalentProfile) (Change, error) {
		return Change{Set: Values{}}, nil
	})
}
