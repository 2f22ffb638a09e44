package subgraph

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// The life of an assertion was chosen: long enough for clocks that differ a little, and signed
// again before half of it has passed.
const (
	assertionLife = time.Minute
	assertionKept = assertionLife / 2
	assertions    = 10_000 // remembered
)

// Assertions returns Options.Assert for one subgraph: short-lived tokens that key signs, for the
// audience of the subgraph's name alone, so that one subgraph cannot pass them to another.
func Assertions(key ed25519.PrivateKey, issuer, subgraph string, now func() time.Time) (Assert, error) {
	if now == nil {
		now = time.Now
	}
	local, err := authn.NewLocal(key, authn.Config{Issuer: issuer, Audience: subgraph, Now: now})
	if err != nil {
		return nil, err
	}
	type signed struct {
		token string
		until time.Time
	}
	var mu sync.Mutex
	known := make(map[string]signed)
	return func(v *authz.Viewer) (string, error) {
		claims := authn.Claims{RegisteredClaims: jwt.RegisteredClaims{Subject: v.Principal}, Purpose: v.Purpose, Resident: v.Resident, Post: v.Post,
			Communities: authn.Communities{All: v.All, List: v.Communities}}
		for _, r := range v.Roles {
			claims.Roles = append(claims.Roles, string(r))
		}
		id := fmt.Sprintf("%q %q %q %t %q %q %q", v.Principal, claims.Roles, strings.Join(v.Communities, ","), v.All, v.Purpose, v.Resident, v.Post)
		at := now()
		mu.Lock()
		s, ok := known[id]
		mu.Unlock()
		if ok && at.Before(s.until) {
			return s.token, nil
		}
		token, err := local.Issue(claims, assertionLife)
		if err != nil {
			return "", err
		}
		mu.Lock()
		defer mu.Unlock()
		if len(known) >= assertions {
			clear(known)
		}
		known[id] = signed{token, at.Add(assertionKept)}
		return token, nil
	}, nil
}
