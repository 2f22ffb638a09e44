package authn

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Local issues and believes tokens of one Ed25519 key. It is for the embedded default and for
// tests; who holds the key is everybody.
type Local struct {
	*Verifier
	key    ed25519.PrivateKey
	config Config
}

// NewLocal believes tokens that key signs, and no other algorithm.
func NewLocal(key ed25519.PrivateKey, c Config) (*Local, error) {
	v, err := NewKey(key.Public().(ed25519.PublicKey), c)
	if err != nil {
		return nil, err
	}
	return &Local{Verifier: v, key: key, config: c}, nil
}

// NewKey believes tokens that the owner of a public key signs, and no other algorithm.
func NewKey(public ed25519.PublicKey, c Config) (*Verifier, error) {
	return newVerifier(c, []string{"EdDSA"}, func(context.Context) jwt.Keyfunc {
		return func(*jwt.Token) (any, error) { return public, nil }
	})
}

// Issue signs claims for ttl from now. Issuer, audience and times are filled in; the subject is
// the caller's.
func (l *Local) Issue(claims Claims, ttl time.Duration) (string, error) {
	if claims.Subject == "" {
		return "", errors.New("authn: a token needs a subject")
	}
	now := l.now()
	claims.Issuer = l.config.Issuer
	claims.Audience = jwt.ClaimStrings{l.config.Audience}
	claims.IssuedAt = jwt.NewNumericDate(now)
	claims.ExpiresAt = jwt.NewNumericDate(now.Add(ttl))
	return jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(l.key)
}

// LoadKey reads the PKCS #8 key at path, or makes one there that only its owner can read.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("authn: %s holds no PEM block", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("authn: %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("authn: %s holds no Ed25519 key", path)
	}
	return key, nil
}

func makeKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	// A link to a whole file: of two processes that start at once, one makes the key and the
	// other reads all of it. CreateTemp's mode is 0600.
	f, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Close()); err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	switch err := os.Link(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return LoadKey(path)
	case err != nil:
		return nil, fmt.Errorf("authn: %w", err)
	}
	return key, nil
}

// WritePublicKey writes the public half of key to path, for those who are to believe it, unless it is there.
func WritePublicKey(path string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return os.WriteFile(path, text, 0o644)
}

// ReadPublicKey reads what WritePublicKey wrote, or another tool in the same form.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("authn: %s holds no PEM block", path)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("authn: %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("authn: %s holds no public Ed25519 key", path)
	}
	return key, nil
}
