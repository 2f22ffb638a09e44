package config

import (
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// resolve takes from the environment what the configuration names.
func (c *Config) resolve(environ []string) {
	connection := func(at *Connection) {
		if at.DSN == "" && at.DSNEnv != "" {
			at.DSN = Secret(lookup(environ, at.DSNEnv))
		}
	}
	source := func(s *Source) {
		for _, at := range []*Connection{&s.Connection, &s.Public, &s.Writer, &s.Listen} {
			connection(at)
		}
		for i := range s.Replicas {
			connection(&s.Replicas[i])
		}
	}
	source(&c.Directory)
	for key, s := range c.Sources {
		source(&s)
		c.Sources[key] = s
	}
	if c.RedisURL == "" {
		c.RedisURL = Secret(lookup(environ, "REDIS_URL"))
	}
	c.CursorKey = Secret(lookup(environ, c.CursorKeyEnv))
}

var sourceKey = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

const minCursorKey = 16 // bytes

// Check returns what is missing or impossible, in the order of the example file.
func (c *Config) Check() []Problem {
	var found []Problem
	wrong := func(path, text string) { found = append(found, Problem{path, text}) }
	if !isAddr(c.Addr) {
		wrong("addr", "must be host:port, such as 127.0.0.1:8080")
	}
	if c.SubgraphAddr != "" && !isAddr(c.SubgraphAddr) {
		wrong("subgraph_addr", "must be host:port, or empty for none")
	}
	if c.Ops.Addr != "" && !isAddr(c.Ops.Addr) {
		wrong("ops.addr", "must be host:port, or empty for none")
	}
	checkSource(wrong, "directory", c.Directory)
	if len(c.Sources) == 0 {
		wrong("sources", "at least one source is needed")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Sources)) {
		if !sourceKey.MatchString(key) || key == "directory" {
			wrong("sources."+key, "the key must be of lower-case letters, digits and -, and not be directory")
		}
		checkSource(wrong, "sources."+key, c.Sources[key])
	}
	if c.Auth.JWKSURL+c.Auth.Issuer+c.Auth.Audience != "" {
		if u, err := url.Parse(c.Auth.JWKSURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			wrong("auth.jwks_url", "must be the address of the issuer's keys, such as https://id.example/jwks.json")
		}
		if c.Auth.Issuer == "" {
			wrong("auth.issuer", "is missing: the iss claim of the tokens to believe")
		}
		if c.Auth.Audience == "" {
			wrong("auth.audience", "is missing: the aud claim of the tokens to believe")
		}
	}
	switch {
	case c.CursorKeyEnv == "":
		wrong("cursor_key_env", "is missing: the name of the variable that holds the key")
	case c.CursorKey == "":
		wrong("cursor_key_env", "the variable "+c.CursorKeyEnv+" is empty: set it to a key of at least 16 bytes (openssl rand -hex 32), the same on every instance")
	case len(c.CursorKey) < minCursorKey:
		wrong("cursor_key_env", "the key in "+c.CursorKeyEnv+" is shorter than 16 bytes: make one with openssl rand -hex 32")
	}
	c.checkNumbers(wrong)
	for i, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			wrong("origins."+strconv.Itoa(i), "must be scheme://host or scheme://host:port, without a path")
		}
	}
	return found
}

func checkSource(wrong func(path, text string), path string, s Source) {
	for _, c := range []struct {
		name     string
		at       Connection
		required bool
	}{{"", s.Connection, true}, {".public", s.Public, false}, {".writer", s.Writer, false}, {".listen", s.Listen, false}} {
		checkConnection(wrong, path+c.name, c.at, c.required)
	}
	for i, r := range s.Replicas {
		checkConnection(wrong, path+".replicas."+strconv.Itoa(i), r, true)
	}
	if s.MaxConns < 1 {
		wrong(path+".max_conns", "must be at least 1")
	}
	if s.Queue < 0 {
		wrong(path+".queue", "must not be negative")
	}
	if s.QueueWait < 0 {
		wrong(path+".queue_wait", "must not be negative")
	}
}

func checkConnection(wrong func(path, text string), path string, c Connection, required bool) {
	switch {
	case c.DSN == "" && c.DSNEnv != "":
		wrong(path+".dsn_env", "the variable "+c.DSNEnv+" is empty: set it to a connection string (postgres://user:password@host/database)")
	case c.DSN == "" && required:
		wrong(path+".dsn", "is missing: give a connection string, or name the variable that holds it as dsn_env")
	}
}

func (c *Config) checkNumbers(wrong func(path, text string)) {
	type number struct {
		path     string
		positive bool
	}
	b, k, l := c.Budgets, c.Breaker, c.Limits
	for _, n := range []number{
		{"budgets.dashboard", b.Dashboard > 0}, {"budgets.analyst", b.Analyst > 0}, {"budgets.export", b.Export > 0},
		{"breaker.window", k.Window > 0}, {"breaker.calls", k.Calls > 0}, {"breaker.open", k.Open > 0},
		{"limits.anonymous_body_bytes", l.AnonymousBodyBytes > 0}, {"limits.signed_in_body_bytes", l.SignedInBodyBytes > 0},
		{"limits.response_bytes", l.ResponseBytes > 0}, {"limits.tokens", l.Tokens > 0}, {"limits.depth", l.Depth > 0},
		{"limits.aliases", l.Aliases > 0}, {"limits.root_fields", l.RootFields > 0}, {"limits.cost_points", l.CostPoints > 0},
		{"limits.points_per_minute", l.PointsPerMinute > 0}, {"limits.in_flight", l.InFlight > 0}, {"limits.streams", l.Streams > 0},
		{"drain.timeout", c.Drain.Timeout > 0},
	} {
		if !n.positive {
			wrong(n.path, "must be more than 0")
		}
	}
	if k.Ratio <= 0 || k.Ratio > 1 {
		wrong("breaker.ratio", "must be more than 0 and at most 1")
	}
	if c.Drain.Delay < 0 {
		wrong("drain.delay", "must not be negative")
	}
}

func isAddr(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	n, err2 := strconv.ParseUint(port, 10, 16)
	return err == nil && err2 == nil && n <= 65535
}
