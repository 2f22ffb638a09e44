package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"linhui/internal/authn"
	"linhui/internal/authz"
)

// demoIssuer is issuer and audience of the demo's tokens.
const demoIssuer = "linhui"

type token struct {
	Role        []string      `required:"" placeholder:"ROLE" help:"One or more of ${roles}."`
	Communities []string      `placeholder:"a,b" help:"Slugs of the communities, or codes of the divisions, in which the role holds. Default: all."`
	TTL         time.Duration `name:"ttl" default:"12h" help:"How long it is good for."`
	Purpose     string        `help:"Why personal data is asked for."`
	Subject     string        `help:"Who holds it. Default: demo-ROLE."`
	Resident    string        `placeholder:"ID" help:"Global id of the resident who holds it."`
	Post        string        `placeholder:"ID" help:"Global id of the staff post that its holder fills."`
	StateDir    string        `env:"STATE_DIR" default:".state" help:"Where the demo keeps its key."`
}

// Run prints a token that the demo of the same state directory believes, now or when it starts.
func (t *token) Run(p *process) error {
	if t.TTL <= 0 {
		return usage("--ttl: %v is over already; give a duration such as 12h", t.TTL)
	}
	for i, r := range t.Role {
		t.Role[i] = strings.ToUpper(r)
		if !authz.Role(t.Role[i]).Known() {
			return usage("--role: %s is no role; there are %s", r, strings.Join(roleNames(), ", "))
		}
	}
	local, err := localIssuer(t.StateDir)
	if err != nil {
		return err
	}
	claims := authn.Claims{Roles: t.Role, Purpose: t.Purpose, Resident: t.Resident, Post: t.Post,
		Communities: authn.Communities{List: t.Communities, All: len(t.Communities) == 0}}
	claims.Subject = t.Subject
	if claims.Subject == "" {
		claims.Subject = "demo-" + t.Role[0]
	}
	text, err := local.Issue(claims, t.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, text)
	return err
}

// localIssuer issues and believes tokens of the key in a state directory, which is made when missing.
func localIssuer(stateDir string) (*authn.Local, error) {
	key, err := authn.LoadKey(filepath.Join(stateDir, keyFile))
	if err != nil {
		return nil, err
	}
	return authn.NewLocal(key, authn.Config{Issuer: demoIssuer, Audience: demoIssuer})
}

func roleNames() []string {
	var names []string
	for _, r := range slices.DeleteFunc(authz.Roles(), func(r authz.Role) bool { return r == authz.Public }) {
		names = append(names, string(r))
	}
	return names
}
