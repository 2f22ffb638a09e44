package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// DeliveryLife has one action: a delivery is recorded and then never changed. A correction is a
// record of its own that supersedes it (I21); the database flags the old row.
var DeliveryLife = &Machine[ServiceDelivery]{
	Table: ServiceDeliveries, Topic: "delivery",
	Transitions: []Transition[ServiceDelivery]{
		{"record", nil, "", Holding[ServiceDelivery](authz.StationStaff), nil},
	},
	Rules: Rules{
		"service_deliveries_person_times_check":       fault.Newf(fault.BadUserInput, "person-times are at least 1; there are no negative ones").At("personTimes"),
		"service_deliveries_sessions_check":           fault.Newf(fault.BadUserInput, "sessions are not negative").At("sessions"),
		"service_deliveries_owner_supersedes_id_key":  fault.Newf(fault.Conflict, "this record was corrected already: correct the one that took its place").At("supersedes"),
		"service_deliveries_owner_supersedes_id_fkey": missing("supersedes"),
		"service_deliveries_owner_station_id_fkey":    missing("station"),
		"service_deliveries_owner_team_id_fkey":       missing("team"),
		"service_deliveries_owner_method_id_fkey":     missing("method"),
		"service_deliveries_kind_fkey":                fault.Newf(fault.BadUserInput, "this community's database does not know the kind").At("kind"),
	},
}

// ServiceDeliveryPayload answers a record.
type ServiceDeliveryPayload struct {
	Delivery   *ServiceDelivery
	UserErrors []UserError
}

// RecordServiceDeliveryInput counts a service that was done.
type RecordServiceDeliveryInput struct {
	Community             string
	Kind                  scalar.Enum
	OccurredOn            scalar.Date
	PersonTimes, Sessions int
	Station, Team, Method *string
	Audience              *scalar.Enum
	Supersedes            *string
	IdempotencyKey        string
}

func (in *RecordServiceDeliveryInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return DeliveryLife.Begin("record", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.OccurredOn.Compare(scalar.DateOf(tx.Now())) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: today or before").At("occurredOn"))
		}
		form.Set("kind", in.Kind)
		form.Set("occurred_on", in.OccurredOn)
		form.Set("person_times", in.PersonTimes)
		form.Set("sessions", in.Sessions)
		form.Set("audience", in.Audience)
		form.Set("created_at", tx.Now()) // what superseded_at of the corrected row becomes
		form.Refer("station_id", in.Station, Stations.Type, "station")
		form.Refer("team_id", in.Team, VolunteerTeams.Type, "team")
		form.Refer("method_id", in.Method, WorkMethods.Type, "method")
		form.Refer("supersedes_id", in.Supersedes, ServiceDeliveries.Type, "supersedes")
		return form.Done()
	})
}
