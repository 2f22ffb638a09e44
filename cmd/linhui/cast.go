package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/page"
)

// part is one role of the demo and who plays it.
type part struct {
	role  authz.Role
	label string
	where []string // nil: every community
	who   string   // query for the resident or post that its holder is, by owner
	as    string   // GraphQL type of who
}

const home = "lanxin" // the community whose people the demo's tokens are

// cast has one part for every role, least first.
var cast = []part{
	{authz.Public, "公众 Public", nil, "", ""},
	{authz.Resident, "居民 Resident", []string{home}, anyResident, "Resident"},
	{authz.Volunteer, "志愿者 Volunteer", []string{home}, anyMember, "Resident"},
	{authz.BuildingHead, "楼栋长 Building head", []string{home}, anyResident, "Resident"},
	{authz.Partner, "共建单位 Partner", []string{home}, "", ""},
	{authz.StationStaff, "站点人员 Station staff", []string{home}, anyPost, "StaffPost"},
	{authz.CommunityStaff, "社区工作者 Community staff", []string{home}, anyPost, "StaffPost"},
	{authz.CommunityAdmin, "社区书记 Community admin", []string{home}, anyPost, "StaffPost"},
	{authz.StreetStaff, "街道 Street staff", []string{home, "wenhua"}, "", ""},
	{authz.DistrictViewer, "区级 District desk", nil, "", ""},
	{authz.Analyst, "分析员 Analyst", nil, "", ""},
	{authz.Auditor, "审计员 Auditor", nil, "", ""},
}

const (
	anyResident = `SELECT id FROM residents WHERE owner = $1 ORDER BY id LIMIT 1`
	anyMember   = `SELECT resident_id FROM team_memberships WHERE owner = $1 ORDER BY id LIMIT 1`
	anyPost     = `SELECT id FROM staff_posts WHERE owner = $1 ORDER BY id LIMIT 1`
)

const (
	printedFor = 30 * 24 * time.Hour // of the tokens on the terminal: as long as anybody keeps a demo running
	offeredFor = 12 * time.Hour      // of those for the playground, which asks again when it is opened
)

// grant is a ready-made token as the playground lists it.
type grant struct {
	Role        authz.Role `json:"role"`
	Label       string     `json:"label"`
	Token       string     `json:"token"`
	Communities []string   `json:"communities"`
}

// claims says what each part's token will, by role. db holds the community home.
func castClaims(ctx context.Context, db *sql.DB) (map[authz.Role]authn.Claims, error) {
	all := make(map[authz.Role]authn.Claims, len(cast))
	for _, p := range cast {
		c := authn.Claims{Roles: []string{string(p.role)}, Communities: authn.Communities{List: p.where, All: p.where == nil}}
		c.Subject = "demo-" + string(p.role)
		if p.who != "" {
			id := page.ID{Type: p.as, Owner: home}
			err := db.QueryRowContext(ctx, p.who, home).Scan(&id.UUID)
			switch {
			case errors.Is(err, sql.ErrNoRows):
			case err != nil:
				return nil, fmt.Errorf("who plays %s: %w", p.role, err)
			case p.as == "Resident":
				c.Resident = id.String()
			default:
				c.Post = id.String()
			}
		}
		all[p.role] = c
	}
	return all, nil
}

// grants issues a token for every part; the public has none.
func grants(local *authn.Local, claims map[authz.Role]authn.Claims, ttl time.Duration) ([]grant, error) {
	var list []grant
	for _, p := range cast {
		g := grant{Role: p.role, Label: p.label, Communities: p.where}
		if p.role != authz.Public {
			var err error
			if g.Token, err = local.Issue(claims[p.role], ttl); err != nil {
				return nil, err
			}
		}
		list = append(list, g)
	}
	return list, nil
}

// table lists the grants for a terminal.
func (p *process) table(list []grant) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROLE\tCOMMUNITIES\tTOKEN")
	for _, g := range list {
		where := "all"
		if g.Communities != nil {
			where = strings.Join(g.Communities, ",")
		}
		token := g.Token
		if token == "" {
			token = "(none)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", g.Role, where, token)
	}
	return w.Flush()
}

// offer serves the grants to the playground at /playground/roles.json and everything else by next.
// A page of another name that resolves to this machine may not have them.
func offer(local *authn.Local, claims map[authz.Role]authn.Claims, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET /playground/roles.json", func(w http.ResponseWriter, r *http.Request) {
		if !byAddress(r.Host) {
			http.Error(w, "ask by IP address or as localhost", http.StatusForbidden)
			return
		}
		list, err := grants(local, claims, offeredFor)
		if err != nil {
			http.Error(w, "tokens cannot be made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(list)
	})
	return mux
}

// byAddress reports whether a Host header names an IP address or localhost.
func byAddress(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}
