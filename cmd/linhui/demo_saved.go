package main

import (
	"context"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/store"
)

// analystQueries are what the demo's analyst has kept: they run at /q/NAME.csv.
var analystQueries = []store.SaveQueryInput{
	{Name: "overdue-feedback", Folder: "feedback", Document: `query OverdueFeedback($communities: [ID!]) {
  feedbacks(communities: $communities, filter: { overdue: true }) {
    nodes { number community { slug nameZh } kind title status receivedAt dueAt responsible { nameZh } }
  }
}
`},
	{Name: "service-deliveries", Folder: "reports", Document: `query ServiceDeliveries($from: Date!, $to: Date!, $communities: [ID!]) {
  serviceDeliveries(communities: $communities, filter: { range: { from: $from, to: $to } }) {
    nodes { occurredOn community { nameZh } kind personTimes sessions station { nameZh } }
  }
}
`},
	{Name: "stations", Folder: "reports", Document: `query Stations {
  stations {
    nodes { community { slug nameZh } nameZh kind aliases }
  }
}
`},
}

// keepQueries saves them, unless the analyst has done something else under their names.
func keepQueries(ctx context.Context, gateway *app.Gateway, analyst authn.Claims) error {
	v := &authz.Viewer{Principal: analyst.Subject, Roles: []authz.Role{authz.Analyst}, All: true}
	for _, in := range analystQueries {
		if err := gateway.KeepQuery(authz.NewContext(ctx, v), &in); err != nil {
			return err
		}
	}
	return nil
}
