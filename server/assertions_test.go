package server_test

import (
	"net/http/httptest"
	"testing"

	"linhui/internal/authz"
	"linhui/server"
)

func TestGatewayVouchesOnTheSubgraphListenerAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Assertions = tokens{"vouched": {Principal: "user-19", Roles: []authz.Role{authz.Resident}}}
	})
	inner := httptest.NewServer(b.server.SubgraphHandler())
	defer inner.Close()
	gateway := &bundle{Server: inner}
	for token, where := range map[string]struct{ public, subgraph int }{"vouched": {401, 200}, "staff": {200, 401}} {
		if got := b.query(t, "{__typename}", "Authorization", "Bearer "+token); got.status != where.public {
			t.Errorf("%s, public: %d %s", token, got.status, got.body)
		}
		if got := gateway.query(t, "{__typename}", "Authorization", "Bearer "+token); got.status != where.subgraph {
			t.Errorf("%s, subgraph: %d %s", token, got.status, got.body)
		}
	}
}
