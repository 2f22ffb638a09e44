// Package authz says who asks and what they may ask for.
//
// A Viewer is made once per request from a verified token and travels in the context. Roles
// hold only inside the viewer's communities; outside them every viewer is PUBLIC.
package authz

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Role is a GraphQL Role. A role includes others (see includes); the relation is a partial
// order, not a ladder: an ANALYST is not a COMMUNITY_STAFF.
type Role string

const (
	Public         Role = "PUBLIC"
	Resident       Role = "RESIDENT"
	Volunteer      Role = "VOLUNTEER"
	BuildingHead   Role = "BUILDING_HEAD"
	Partner        Role = "PARTNER"
	StationStaff   Role = "STATION_STAFF"
	CommunityStaff Role = "COMMUNITY_STAFF"
	CommunityAdmin Role = "COMMUNITY_ADMIN"
	StreetStaff    Role = "STREET_STAFF"
	DistrictViewer Role = "DISTRICT_VIEWER"
	Analyst        Role = "ANALYST"
	Auditor        Role = "AUDITOR"
)

// includes lists the roles each role contains directly; Includes closes it transitively.
var includes = map[Role][]Role{
	Public:         nil,
	Resident:       {Public},
	Volunteer:      {Resident},
	BuildingHead:   {Volunteer},
	Partner:        {Public},
	StationStaff:   {Volunteer},
	CommunityStaff: {StationStaff},
	CommunityAdmin: {CommunityStaff, BuildingHead},
	StreetStaff:    {CommunityAdmin},
	DistrictViewer: {Public},
	Analyst:        {Public},
	Auditor:        {DistrictViewer, Analyst},
}

// Roles returns every role, least first.
func Roles() []Role {
	return []Role{Public, Resident, Volunteer, BuildingHead, Partner, StationStaff, CommunityStaff,
		CommunityAdmin, StreetStaff, DistrictViewer, Analyst, Auditor}
}

// Known reports whether r is a role of this version.
func (r Role) Known() bool { _, ok := includes[r]; return ok }

// Includes reports whether holding r grants what other grants. Every role includes itself.
func (r Role) Includes(other Role) bool {
	return r == other || slices.ContainsFunc(includes[r], func(x Role) bool { return x.Includes(other) })
}

// Class is how personal a field is; model.md §11. A higher class contains the lower ones.
type Class uint8

const (
	P0Public Class = iota
	P1Staff
	P2Personal
	P3Sensitive
)

// classRoles lists who may read a class inside their communities. Personal classes also need
// a stated purpose.
var classRoles = [...][]Role{
	P0Public:    {Public},
	P1Staff:     {StationStaff, DistrictViewer, Analyst},
	P2Personal:  {StationStaff},
	P3Sensitive: {CommunityStaff},
}

// Viewer is who asks. The zero value is an anonymous PUBLIC viewer.
type Viewer struct {
	Principal   string   // the token's subject; empty for an anonymous viewer
	Roles       []Role   // empty means PUBLIC
	Communities []string // owners in scope, sorted; nil means none
	All         bool     // every community is in scope (district and city desks)
	Purpose     string   // why personal data is asked for; empty means no purpose was stated
	Resident    string   // global id of the resident this principal is, when the token says so
	Post        string   // global id of the staff post this principal holds, when the token says so
	At          time.Time
}

// Has reports whether the viewer holds any of the given roles.
func (v *Viewer) Has(any ...Role) bool {
	for _, want := range any {
		if want == Public {
			return true
		}
		for _, r := range v.Roles {
			if r.Includes(want) {
				return true
			}
		}
	}
	return false
}

// Reads reports whether the viewer may read fields of class c inside their own communities.
func (v *Viewer) Reads(c Class) bool {
	if c >= P2Personal && v.Purpose == "" {
		return false
	}
	return v.Has(classRoles[c]...)
}

// Person reports whether the viewer asks on their own behalf: as a resident, holding no role that
// reads what staff read. Only then rows of one's own are all there is to see, and may be read in
// full without a purpose.
func (v *Viewer) Person() bool { return v.Has(Resident) && !v.Reads(P1Staff) }

// Covers reports whether the owner (a community's slug or a division's code) is in scope.
func (v *Viewer) Covers(owner string) bool {
	if v.All {
		return true
	}
	_, ok := slices.BinarySearch(v.Communities, owner)
	return ok
}

type viewerKey struct{}

// NewContext returns ctx carrying v.
func NewContext(ctx context.Context, v *Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// NewContextLater returns ctx carrying the viewer that view returns when it is first asked for: an event
// of a subscription is as of when it happens, not of when it is begun to be waited for.
func NewContextLater(ctx context.Context, view func() *Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, sync.OnceValue(view))
}

// FromContext returns the request's viewer; without one, an anonymous PUBLIC viewer whose
// clock is the zero time, so that a forgotten viewer can never see more than the public.
func FromContext(ctx context.Context) *Viewer {
	switch v := ctx.Value(viewerKey{}).(type) {
	case *Viewer:
		return v
	case func() *Viewer:
		return v()
	}
	return &Viewer{}
}
