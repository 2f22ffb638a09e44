package authn

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock           { c := &clock{}; c.set(start); return c }
func (c *clock) set(t time.Time) { c.at.Store(&t) }
func (c *clock) now() time.Time  { return *c.at.Load() }
func (c *clock) config() Config {
	return Config{Issuer: "https://id.example", Audience: "linhui", Now: c.now}
}
func local(t testing.TB) (*Local, *clock) {
	t.Helper()
	c := newClock()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLocal(key, c.config())
	if err != nil {
		t.Fatal(err)
	}
	return l, c
}

func claims() Claims {
	return Claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "u1"}, Roles: []string{"COMMUNITY_STAFF", "EMPEROR"},
		Communities: Communities{List: []string{"beta", "alpha", "beta"}}, Purpose: "claim", Resident: "r", Post: "p"}
}

func TestIssuedTokenNamesItsViewer(t *testing.T) {
	t.Parallel()
	l, _ := local(t)
	token, err := l.Issue(claims(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // verified, then remembered
		v, err := l.Authenticate(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		want := &authz.Viewer{Principal: "u1", Roles: []authz.Role{authz.CommunityStaff}, Communities: []string{"alpha", "beta"},
			Purpose: "claim", Resident: "r", Post: "p"}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Error(diff)
		}
	}
	everywhere, err := l.Issue(Claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "u2"}, Communities: Communities{All: true}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := l.Authenticate(t.Context(), everywhere); err != nil || !v.All {
		t.Errorf("%+v %v", v, err)
	}
}

func TestExpiryHasLeewayAlsoWhenRemembered(t *testing.T) {
	t.Parallel()
	l, c := local(t)
	token, err := l.Issue(claims(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		after time.Duration
		good  bool
	}{{0, true}, {39 * time.Second, true}, {41 * time.Second, false}} {
		c.set(start.Add(at.after))
		if _, err := l.Authenticate(t.Context(), token); (err == nil) != at.good {
			t.Errorf("after %v: %v", at.after, err)
		}
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	l, c := local(t)
	other, _ := local(t)
	good := claims()
	good.Issuer, good.Audience = "https://id.example", jwt.ClaimStrings{"linhui"}
	good.ExpiresAt = jwt.NewNumericDate(start.Add(time.Hour))
	sign := func(method jwt.SigningMethod, key any, change func(*Claims)) string {
		own := good
		if change != nil {
			change(&own)
		}
		s, err := jwt.NewWithClaims(method, own).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := l.Authenticate(t.Context(), sign(jwt.SigningMethodEdDSA, l.key, nil)); err != nil {
		t.Fatalf("the pattern of all forgeries is refused: %v", err)
	}
	valid := sign(jwt.SigningMethodEdDSA, l.key, nil)
	parts := strings.Split(valid, ".")
	public := []byte(l.key.Public().(ed25519.PublicKey))
	for name, token := range map[string]string{
		"none":              sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 of the key":  sign(jwt.SigningMethodHS256, public, nil),
		"another key":       sign(jwt.SigningMethodEdDSA, other.key, nil),
		"no expiry":         sign(jwt.SigningMethodEdDSA, l.key, func(c *Claims) { c.ExpiresAt = nil }),
		"expired":           sign(jwt.SigningMethodEdDSA, l.key, func(k *Claims) { k.ExpiresAt = jwt.NewNumericDate(c.now().Add(-time.Minute)) }),
		"not yet":           sign(jwt.SigningMethodEdDSA, l.key, func(k *Claims) { k.NotBefore = jwt.NewNumericDate(c.now().Add(time.Minute)) }),
		"from the future":   sign(jwt.SigningMethodEdDSA, l.key, func(k *Claims) { k.IssuedAt = jwt.NewNumericDate(c.now().Add(time.Minute)) }),
		"another issuer":    sign(jwt.SigningMethodEdDSA, l.key, func(c *Claims) { c.Issuer = "https://evil.example" }),
		"another audience":  sign(jwt.SigningMethodEdDSA, l.key, func(c *Claims) { c.Audience = jwt.ClaimStrings{"other"} }),
		"no subject":        sign(jwt.SigningMethodEdDSA, l.key, func(c *Claims) { c.Subject = "" }),
		"stripped":          parts[0] + "." + parts[1] + ".",
		"changed claims":    parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root"}`)) + "." + parts[2],
		"communities a map": withClaims(t, l, map[string]any{"communities": map[string]any{"*": true}}),
		"communities \"a\"": withClaims(t, l, map[string]any{"communities": "alpha"}),
		"rubbish":           "a.b.c",
		"empty":             "",
		"very long":         strings.Repeat("a", maxToken+1),
	} {
		if v, err := l.Authenticate(t.Context(), token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

// withClaims signs raw claims over the valid ones.
func withClaims(t *testing.T, l *Local, change map[string]any) string {
	t.Helper()
	m := jwt.MapClaims{"sub": "u1", "iss": "https://id.example", "aud": "linhui", "exp": start.Add(time.Hour).Unix()}
	for k, v := range change {
		m[k] = v
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, m).SignedString(l.key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	c := newClock()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{
			{"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": b64(rsaKey.N.Bytes()), "e": "AQAB"},
			{"kty": "EC", "kid": "ec", "alg": "ES256", "use": "sig", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		}})
	}))
	defer issuer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	v, err := NewJWKS(ctx, issuer.URL, c.config())
	if err != nil {
		t.Fatal(err)
	}
	own := claims()
	own.Issuer, own.Audience, own.ExpiresAt = "https://id.example", jwt.ClaimStrings{"linhui"}, jwt.NewNumericDate(start.Add(time.Hour))
	sign := func(method jwt.SigningMethod, kid string, key crypto.PrivateKey) string {
		token := jwt.NewWithClaims(method, own)
		token.Header["kid"] = kid
		s, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, token := range map[string]string{
		"RS256": sign(jwt.SigningMethodRS256, "rsa", rsaKey),
		"ES256": sign(jwt.SigningMethodES256, "ec", ecKey),
	} {
		if _, err := v.Authenticate(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, token := range map[string]string{
		"another algorithm of the key": sign(jwt.SigningMethodRS512, "rsa", rsaKey),
		"PSS":                          sign(jwt.SigningMethodPS256, "rsa", rsaKey),
		"the key of another id":        sign(jwt.SigningMethodES256, "rsa", ecKey),
		"an unknown id":                sign(jwt.SigningMethodRS256, "new", rsaKey),
	} {
		began := time.Now()
		if _, err := v.Authenticate(t.Context(), token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestKeyFileIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "token.pem")
	first, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadKey(path)
	if err != nil || !first.Equal(again) {
		t.Errorf("another key: %v", err)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	l, _ := local(b)
	token, err := l.Issue(claims(), 24*time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			l.Authenticate(b.Context(), token)
		}
	})
	b.Run("verified", func(b *testing.B) {
		for b.Loop() {
			clear(l.known)
			l.Authenticate(b.Context(), token)
		}
	})
}
