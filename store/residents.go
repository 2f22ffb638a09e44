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

// Resident is a 居民; its rows are restricted. The columns hold full values, and the masked
// fields are made of them here.
type Resident struct {
	Row
	Name      string       `db:"name" for:"maskedName"`
	Phone     *string      `db:"phone" for:"maskedPhone"`
	BirthDate *scalar.Date `db:"birth_date" for:"ageBand"`
	EstateID  *uuid.UUID   `db:"estate_id" for:"estate"`
}

func (r *Resident) MaskedName() string { return maskName(r.Name) }

// MaskedPhone is nil when no number is known.
func (r *Resident) MaskedPhone() *string {
	if r.Phone == nil {
		return nil
	}
	masked := maskPhone(*r.Phone)
	return &masked
}

// AgeBand is the band on the day of the request, nil when the day of birth is not known.
func (r *Resident) AgeBand(ctx context.Context) *string {
	if r.BirthDate == nil {
		return nil
	}
	band := ageBand(*r.BirthDate, scalar.DateOf(authz.FromContext(ctx).At))
	return &band
}

type (
	ResidentConnection = page.Connection[Resident]
	ResidentEdge       = page.Edge[Resident]
)

// Residents have no order by what is masked: it would tell what the mask hides.
var Residents = Define[Resident](Spec{Type: "Resident", Table: "residents", Restricted: true, Own: "t.id = ?",
	Orders: map[string][]string{"RECORDED": nil}})

var (
	_ = HasPage(Communities, Residents, Children{Field: "residents"})
	_ = HasOne(Residents, "estate", Estates, "estate_id")
	_ = HasThrough(Residents, VolunteerTeams, Through{Field: "teams", Table: "team_memberships", From: "resident_id", To: "team_id",
		Where: "j.until IS NULL", Restricted: true})
	_ = HasPage(Residents, Enrolments, Children{Field: "enrolments", By: "resident_id"})
	_ = HasOne(Enrolments, "resident", Residents, "resident_id")
	_ = HasValue[[]scalar.Enum](Residents, Value{Field: "tags", Restricted: true,
		SQL: `(SELECT COALESCE(array_agg(g.tag ORDER BY g.tag), '{}') FROM resident_tags g
			WHERE g.owner = p.owner AND g.resident_id = p.id AND g.valid @> ?::date)`,
		Args: func(ask *Ask, _ map[string]any) ([]any, error) { return []any{scalar.DateOf(ask.Viewer.At)}, nil }})
	_ = HasValue[*int](Residents, Value{Field: "serviceMinutes", Restricted: true,
		SQL: `(SELECT COALESCE(sum(r.minutes), 0) FROM service_records r WHERE r.owner = p.owner AND r.volunteer_id = p.id
			AND r.status = 'CONFIRMED' AND r.starts_at >= ? AND r.starts_at < ?)`,
		Args: func(_ *Ask, args map[string]any) ([]any, error) {
			r := args["range"].(DateRange)
			return []any{r.From.Start(), r.To.End()}, r.Check("range")
		}})
)

var _ = DefineCube(Cube{
	Of: Residents, Where: "ResidentFilter", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "ESTATE", SQL: "t.estate_id", To: Estates},
		{Name: "AGE_BAND", Doc: "On the day of the request.", SQL: ageBandSQL("full_years(t.birth_date, cst_date(" + Now + "))")},
	},
	Measures: []Measure{
		{Name: "residents", Doc: "Residents on record; not the population.", Unit: "人", Kind: measure.Count{}},
	},
	Guard: &Guard{People: "t.id", Lattice: []string{"AGE_BAND", "ESTATE"}, K: 10},
})

// ageBandSQL is the band of an age in years, as ageBand says it; NULL where the age is not known.
func ageBandSQL(years string) string {
	return "CASE WHEN " + years + " < 14 THEN '<14' WHEN " + years + " < 20 THEN '14–19' ELSE (" + years + " / 5 * 5) || '–' || (" + years + " / 5 * 5 + 4) END"
}

// ResidentFilter narrows a list of residents. No masked field stands in it: a filter on one
// would tell what the mask hides.
type ResidentFilter struct {
	Estate *string
	Team   *string
}

func (f *ResidentFilter) Where(w *Where, _ *Ask) error {
	if err := w.Refers("t.estate_id", f.Estate, Estates, "filter", "estate"); err != nil {
		return err
	}
	if f.Team == nil {
		return nil
	}
	team, err := page.ParseID(*f.Team)
	if err != nil || team.Type != VolunteerTeams.Type {
		return fault.Newf(fault.BadUserInput, "the id is not one of a %s", VolunteerTeams.Type).At("filter", "team")
	}
	w.And(`t.owner = ? AND EXISTS (SELECT FROM team_memberships m
		WHERE m.owner = t.owner AND m.resident_id = t.id AND m.team_id = ? AND m.until IS NULL)`, team.Owner, team.UUID)
	return nil
}
