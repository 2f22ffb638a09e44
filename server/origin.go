package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"linhui/internal/fault"
)

// allowedOrigin reports whether a page of the request's Origin may read answers: the same host,
// or one of the list.
func (s *Server) allowedOrigin(r *http.Request, origin string) bool {
	if slices.Contains(s.origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// preflight writes the CORS headers, and the whole answer to a preflight request. It reports
// whether the request is answered.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h["Vary"] = varyOrigin
	origin := r.Header.Get("Origin")
	allowed := origin != "" && s.allowedOrigin(r, origin)
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, ETag")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Allow", "GET, POST, OPTIONS")
	if allowed {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Apollo-Require-Preflight, X-Requested-With, X-Request-Id, X-Linhui-Purpose, X-Linhui-Cost")
		h.Set("Access-Control-Max-Age", "7200")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

var varyOrigin = []string{"Origin"}

// crossSite refuses what a browser may send from another site without asking first. A POST is
// read only as application/json, which browsers preflight. A GET needs one of the headers that
// force a preflight when it carries a browser's mark of another origin; without such a mark it is
// this origin's page or no browser. No cookie is ever read, so a forged GET could at most run a
// public query.
func (s *Server) crossSite(r *http.Request) *fault.Error {
	if r.Method == http.MethodPost || r.Header.Get("Apollo-Require-Preflight") != "" ||
		r.Header.Get("X-Requested-With") != "" || isJSON(r.Header.Get("Content-Type")) {
		return nil
	}
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	foreign := site != "" && site != "same-origin" && site != "none"
	if origin != "" && !s.allowedOrigin(r, origin) || foreign && origin == "" {
		return fault.Newf(fault.Forbidden, "a GET from another site needs the header Apollo-Require-Preflight or X-Requested-With")
	}
	return nil
}
