// Package authn turns bearer tokens into viewers: JSON Web Tokens of an OpenID Connect issuer in
// production, of a local Ed25519 key in the embedded default.
package authn

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

const (
	// leeway is how far the issuer's clock may be off.
	leeway = 30 * time.Second
	// maxToken bounds what is parsed; larger tokens do not fit usual header limits anyway.
	maxToken = 8 << 10
	// rememberFor is how long a verified token is taken without verifying it again, and so the
	// longest that a withdrawn key goes on working. Verifying takes a hundred times as long
	// (BenchmarkAuthenticate).
	rememberFor = time.Minute
	// remembered bounds the tokens remembered.
	remembered = 10_000
)

// Claims is what a token says about its holder.
type Claims struct {
	jwt.RegisteredClaims
	Roles       []string    `json:"roles,omitempty"`
	Communities Communities `json:"communities,omitempty"`
	Purpose     string      `json:"purpose,omitempty"`
	Resident    string      `json:"resident,omitempty"` // global id
	Post        string      `json:"post,omitempty"`     // global id
}

// Communities is a list of owners, or the string "*" for all of them.
type Communities struct {
	All  bool
	List []string
}

// MarshalJSON writes "*" or the list.
func (c Communities) MarshalJSON() ([]byte, error) {
	if c.All {
		return []byte(`"*"`), nil
	}
	return json.Marshal(c.List)
}

// UnmarshalJSON reads "*" or a list of strings, and nothing else. A "*" inside a list is a name.
func (c *Communities) UnmarshalJSON(b []byte) error {
	*c = Communities{}
	if string(b) == `"*"` {
		c.All = true
		return nil
	}
	return json.Unmarshal(b, &c.List)
}

// Verifier checks tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	parser *jwt.Parser
	keys   func(context.Context) jwt.Keyfunc
	now    func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]verified
}

type verified struct {
	viewer *authz.Viewer
	until  time.Time
}

// Config is whom to believe.
type Config struct {
	Issuer   string           // the iss claim, exactly
	Audience string           // must be among the aud claim
	Now      func() time.Time // nil: time.Now
}

func newVerifier(c Config, methods []string, keys func(context.Context) jwt.Keyfunc) (*Verifier, error) {
	if c.Issuer == "" || c.Audience == "" {
		return nil, errors.New("authn: issuer and audience are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Verifier{
		parser: jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
			jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience), jwt.WithTimeFunc(c.Now), jwt.WithIssuedAt()),
		keys:  keys,
		now:   c.Now,
		known: make(map[[sha256.Size]byte]verified),
	}, nil
}

// NewJWKS believes the keys at url, fetched now, every hour, and when a token names an unknown
// key, but for that at most every five minutes. ctx ends the fetching. An issuer that is down at
// the start is no error: tokens are refused until it is there.
func NewJWKS(ctx context.Context, url string, c Config) (*Verifier, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client:      &http.Client{Timeout: 5 * time.Second},
		HTTPTimeout: 5 * time.Second,
		// A request with a made-up key id must not wait for the five minutes to pass.
		RateLimitWaitMax: time.Millisecond,
	})
	if err != nil {
		return nil, fmt.Errorf("authn: keys at %s: %w", url, err)
	}
	return newVerifier(c, []string{"EdDSA", "RS256", "ES256"}, keys.KeyfuncCtx)
}

// Authenticate returns the token's viewer, which callers must not change, or UNAUTHENTICATED.
// Roles that this version does not know are left out: they can only have granted more.
func (v *Verifier) Authenticate(ctx context.Context, bearer string) (*authz.Viewer, error) {
	if len(bearer) > maxToken {
		return nil, refused(errors.New("token is too long"))
	}
	id := sha256.Sum256([]byte(bearer))
	now := v.now()
	v.mu.Lock()
	hit, ok := v.known[id]
	v.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.viewer, nil
	}
	var claims Claims
	if _, err := v.parser.ParseWithClaims(bearer, &claims, v.keys(ctx)); err != nil {
		return nil, refused(err)
	}
	if claims.Subject == "" {
		return nil, refused(errors.New("token without a subject"))
	}
	viewer := claims.viewer()
	v.remember(id, verified{viewer, earlier(now.Add(rememberFor), claims.ExpiresAt.Add(leeway))}, now)
	return viewer, nil
}

func refused(cause error) error {
	return fault.Newf(fault.Unauthenticated, "the token is not acceptable").Because(cause)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (v *Verifier) remember(id [sha256.Size]byte, r verified, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= remembered {
		for k, old := range v.known {
			if !now.Before(old.until) {
				delete(v.known, k)
			}
		}
		if len(v.known) >= remembered {
			clear(v.known)
		}
	}
	v.known[id] = r
}

func (c *Claims) viewer() *authz.Viewer {
	v := &authz.Viewer{Principal: c.Subject, All: c.Communities.All, Purpose: c.Purpose, Resident: c.Resident, Post: c.Post}
	for _, r := range c.Roles {
		if role := authz.Role(r); role.Known() {
			v.Roles = append(v.Roles, role)
		}
	}
	v.Communities = slices.Compact(slices.Sorted(slices.Values(c.Communities.List)))
	return v
}
