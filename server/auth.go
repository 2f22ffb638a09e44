package server

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// Authenticator turns a bearer token into a viewer, or refuses it with UNAUTHENTICATED. The
// viewer's At is the caller's to set.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string) (*authz.Viewer, error)
}

// purposeHeader states why personal data is asked for; it overrides the token's claim.
const purposeHeader = "X-Linhui-Purpose"

// maxPurpose bounds what is written into every audit row; chosen.
const maxPurpose = 200

// identify returns the request's context with its viewer. No token is an anonymous viewer; a bad
// one is refused, never taken for none.
func (s *Server) identify(r *http.Request) (context.Context, *answer) {
	token, f := bearer(r.Header.Get("Authorization"))
	if f != nil {
		return nil, failure(http.StatusUnauthorized, f)
	}
	ctx, f := s.viewer(r.Context(), token, r.Header.Get(purposeHeader))
	if f != nil {
		status := http.StatusUnauthorized
		switch f.Code {
		case fault.BadUserInput:
			status = http.StatusBadRequest
		case fault.SourceUnavailable:
			status = http.StatusServiceUnavailable
		}
		return nil, failure(status, f)
	}
	return ctx, nil
}

func bearer(header string) (string, *fault.Error) {
	if header == "" {
		return "", nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return "", fault.Newf(fault.Unauthenticated, "the Authorization header must be a bearer token")
	}
	return token, nil
}

// viewer makes the viewer of one request, or of one operation of a socket, as of now.
func (s *Server) viewer(ctx context.Context, token, purpose string) (context.Context, *fault.Error) {
	v := &authz.Viewer{}
	if token != "" {
		who := exchangeOf(ctx).who
		if who == nil {
			return nil, fault.Newf(fault.Unauthenticated, "this listener takes no tokens")
		}
		known, err := who.Authenticate(ctx, token)
		if err != nil {
			f := fault.Of(err)
			if f.Code != fault.SourceUnavailable {
				f = fault.Newf(fault.Unauthenticated, "the token is not acceptable").Because(err)
			}
			return nil, f
		}
		own := *known
		v = &own
		if purpose != "" {
			if len(purpose) > maxPurpose || !utf8.ValidString(purpose) {
				return nil, fault.Newf(fault.BadUserInput, "the purpose must be UTF-8 of at most %d bytes", maxPurpose)
			}
			v.Purpose = purpose
		}
	}
	v.At = s.now()
	exchangeOf(ctx).viewer = v
	return authz.NewContext(ctx, v), nil
}

// clientAddress is the address that an anonymous request counts against: the connection's, or,
// when that is a trusted proxy, the last address in X-Forwarded-For that is not one.
func (s *Server) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(address); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap()
	}
	if address.Is6() {
		// One subscriber holds a /64.
		if p, err := address.Prefix(64); err == nil {
			address = p.Addr()
		}
	}
	return address.String()
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
