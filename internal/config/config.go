// Package config is what the gateway can be told: one struct with its defaults and units, read
// from a file and the environment.
package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is a whole configuration. Keys of the file are the koanf tags; deploy/linhui.example.yaml
// shows all of them.
type Config struct {
	Addr         string     `koanf:"addr"`          // host:port of the public listener
	SubgraphAddr string     `koanf:"subgraph_addr"` // of the federation gateway's; empty: there is none
	Ops          Ops        `koanf:"ops"`
	LogLevel     slog.Level `koanf:"log_level"` // debug, info, warn or error

	Directory Source            `koanf:"directory"` // the gateway's own database
	Sources   map[string]Source `koanf:"sources"`   // by key: lower-case letters, digits and -

	RedisURL Secret `koanf:"redis_url"` // empty: $REDIS_URL; that empty too: no Redis
	Auth     Auth   `koanf:"auth"`
	// CursorKeyEnv names the variable with the key that signs cursors, at least 16 bytes, the same on
	// every instance.
	CursorKeyEnv string `koanf:"cursor_key_env"`

	Budgets Budgets `koanf:"budgets"`
	Breaker Breaker `koanf:"breaker"`
	Limits  Limits  `koanf:"limits"`
	Drain   Drain   `koanf:"drain"`

	Playground     bool           `koanf:"playground"`      // served at /
	Origins        []string       `koanf:"origins"`         // scheme://host[:port] of other sites whose pages may ask
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies"` // whose X-Forwarded-For counts
	AllowList      string         `koanf:"allow_list"`      // file of the only documents that may run; empty: all may

	CursorKey Secret `koanf:"-"` // what CursorKeyEnv names
}

// Ops is the listener of those who run the gateway: metrics and health.
type Ops struct {
	Addr  string `koanf:"addr"`  // host:port that the public cannot reach; empty: there is none
	Pprof bool   `koanf:"pprof"` // serves profiles of the process there, too
}

// Source is one database.
type Source struct {
	Connection `koanf:",squash"`
	Essential  bool         `koanf:"essential"` // without it a list fails; otherwise it costs its rows
	Replicas   []Connection `koanf:"replicas"`  // read from when the primary cannot be reached
	// Public, Writer and Listen replace the DSN for anonymous reads, for writes, and for LISTEN, which
	// needs a way past a pooler.
	Public Connection `koanf:"public"`
	Writer Connection `koanf:"writer"`
	Listen Connection `koanf:"listen"`
	// TransactionPooler says that PgBouncer in transaction mode stands between.
	TransactionPooler bool          `koanf:"transaction_pooler"`
	MaxConns          int           `koanf:"max_conns"`  // statements at once
	Queue             int           `koanf:"queue"`      // callers that wait for a connection
	QueueWait         time.Duration `koanf:"queue_wait"` // the longest they do
}

// Connection is a PostgreSQL connection string, or the name of the variable that holds it.
type Connection struct {
	DSN    Secret `koanf:"dsn"`
	DSNEnv string `koanf:"dsn_env"`
}

// Auth is whose tokens are believed. Without a JWKSURL every token is refused, and all is public.
type Auth struct {
	JWKSURL  string `koanf:"jwks_url"`
	Issuer   string `koanf:"issuer"`   // the iss claim, exactly
	Audience string `koanf:"audience"` // must be among the aud claim
	Gateway  Assert `koanf:"gateway"`
}

// Assert is a gateway whose signed statements of who asks are believed on the subgraph listener,
// instead of tokens. Without a Key tokens are.
type Assert struct {
	Key      string `koanf:"key"`      // file with its public key, as linhui gateway --assert-key writes beside its own
	Issuer   string `koanf:"issuer"`   // its --assert-issuer
	Audience string `koanf:"audience"` // the name by which it knows this subgraph
}

// Budgets are how long a source may take, by class of request.
type Budgets struct {
	Dashboard time.Duration `koanf:"dashboard"`
	Analyst   time.Duration `koanf:"analyst"`
	Export    time.Duration `koanf:"export"`
}

// Breaker spares a source that fails: when Ratio of at least Calls calls within Window failed,
// nobody asks it for Open.
type Breaker struct {
	Window time.Duration `koanf:"window"`
	Calls  int           `koanf:"calls"`
	Ratio  float64       `koanf:"ratio"`
	Open   time.Duration `koanf:"open"`
}

// Limits bound one request.
type Limits struct {
	AnonymousBodyBytes int64 `koanf:"anonymous_body_bytes"`
	SignedInBodyBytes  int64 `koanf:"signed_in_body_bytes"`
	ResponseBytes      int64 `koanf:"response_bytes"`
	Tokens             int   `koanf:"tokens"`            // of a document
	Depth              int   `koanf:"depth"`             // fields inside fields
	Aliases            int   `koanf:"aliases"`           // of a document
	RootFields         int   `koanf:"root_fields"`       // of an operation
	CostPoints         int   `koanf:"cost_points"`       // of a request, for each community it asks
	PointsPerMinute    int   `koanf:"points_per_minute"` // of a principal, or of an anonymous address
	InFlight           int   `koanf:"in_flight"`         // requests at once, streams apart
	Streams            int   `koanf:"streams"`           // sockets and event streams at once
}

// Drain is how the gateway ends: not ready for Delay, so that balancers notice, then at most
// Timeout for what was accepted.
type Drain struct {
	Delay   time.Duration `koanf:"delay"`
	Timeout time.Duration `koanf:"timeout"`
}

// Default is the configuration of an empty file. quality.md §2 of the design has the reasons.
func Default() Config {
	return Config{
		Addr:         "127.0.0.1:8080",
		LogLevel:     slog.LevelInfo,
		CursorKeyEnv: "LINHUI_CURSOR_KEY",
		Auth:         Auth{Gateway: Assert{Issuer: "linhui-gateway", Audience: "linhui"}},
		Budgets:      Budgets{Dashboard: time.Second, Analyst: 10 * time.Second, Export: time.Minute},
		Breaker:      Breaker{Window: 10 * time.Second, Calls: 10, Ratio: 0.5, Open: 5 * time.Second},
		Limits: Limits{AnonymousBodyBytes: 64 << 10, SignedInBodyBytes: 256 << 10, ResponseBytes: 8 << 20,
			Tokens: 4000, Depth: 12, Aliases: 50, RootFields: 20, CostPoints: 5000, PointsPerMinute: 50_000,
			InFlight: 256, Streams: 4096},
		Drain:      Drain{Delay: 5 * time.Second, Timeout: 25 * time.Second},
		Playground: true,
	}
}

// defaultSource is a source of which nothing but the connection is said.
var defaultSource = Source{MaxConns: 8, Queue: 128, QueueWait: 500 * time.Millisecond}

// Secret is a text that is never printed.
type Secret string

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// GoString hides the text from %#v, too.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the text from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Reveal is the text.
func (s Secret) Reveal() string { return string(s) }
