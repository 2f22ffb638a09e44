package cache

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// Chosen: a hit takes well under a millisecond, and what a dead Redis costs before the
	// breaker opens should stay in the order of one SQL statement.
	callTimeout = 40 * time.Millisecond
	dialTimeout = 50 * time.Millisecond
)

// NewClient connects to the Redis that a REDIS_URL names. It returns before anything is sent.
//
//	redis://[user:password@]host[:6379][/db]
//	redis+sentinel://[user:password@]host[:26379],…/master[/db][?sentinel_username=…&sentinel_password=…]
//	redis+cluster://[user:password@]host[:6379],…
//	unix://[user:password@]/path/to/socket[?db=…]
//
// rediss instead of redis means TLS, also in rediss+sentinel and rediss+cluster. User and
// password are percent-encoded. Other settings are go-redis's, as in ?pool_size=20; timeouts that are
// not given are short (40 ms a call, 50 ms to connect), since a cache is not worth waiting for.
//
// It silences go-redis's own log, which is one for the process and has a line for every failed
// dial; Options.RedisChanged tells of an outage once.
func NewClient(rawURL string) (redis.UniversalClient, error) {
	logging.Disable()
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return nil, errors.New("redis URL: it does not start with a scheme such as redis://")
	}
	base, mode, _ := strings.Cut(scheme, "+")
	switch mode {
	case "":
		o, err := redis.ParseURL(rawURL)
		if err != nil {
			return nil, unquoted(err)
		}
		simple := universal(o).Simple()
		simple.Network = o.Network
		return redis.NewClient(simple), nil
	case "cluster":
		o, addrs, err := parseHosts(base, rest, "6379")
		if err != nil {
			return nil, err
		}
		if o.DB != 0 {
			return nil, errors.New("redis URL: a cluster has no database but 0")
		}
		u := universal(o)
		u.Addrs = addrs
		return redis.NewClusterClient(u.Cluster()), nil
	case "sentinel":
		return newSentinelClient(base, rest)
	}
	return nil, fmt.Errorf("redis URL: unknown scheme %q", scheme)
}

func newSentinelClient(base, rest string) (redis.UniversalClient, error) {
	main, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(main, "/")
	master, db, _ := strings.Cut(path, "/")
	if master == "" {
		return nil, errors.New("redis URL: redis+sentinel://hosts/master[/db] needs the master's name")
	}
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("redis URL: query: %w", unquoted(err))
	}
	sentinelUser, sentinelPassword := params.Get("sentinel_username"), params.Get("sentinel_password")
	params.Del("sentinel_username")
	params.Del("sentinel_password")
	o, addrs, err := parseHosts(base, authority+"/"+db+"?"+params.Encode(), "26379")
	if err != nil {
		return nil, err
	}
	u := universal(o)
	u.Addrs, u.MasterName = addrs, master
	u.SentinelUsername, u.SentinelPassword = sentinelUser, sentinelPassword
	return redis.NewFailoverClient(u.Failover()), nil
}

// parseHosts reads "user:password@host1,host2:port/db?settings", which is no URL: it has many hosts.
func parseHosts(base, rest, defaultPort string) (*redis.Options, []string, error) {
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	user := ""
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		user, authority = authority[:at+1], authority[at+1:]
	}
	var addrs []string
	for host := range strings.SplitSeq(authority, ",") {
		u, err := url.Parse("redis://" + host)
		if err != nil || u.Hostname() == "" {
			return nil, nil, errors.New("redis URL: hosts must read host:port,host:port")
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, nil, errors.New("redis URL: a port is not between 1 and 65535")
		}
		addrs = append(addrs, net.JoinHostPort(u.Hostname(), port))
	}
	o, err := redis.ParseURL(base + "://" + user + addrs[0] + tail)
	if err != nil {
		return nil, nil, unquoted(err)
	}
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = "" // each node's certificate names that node
	}
	return o, addrs, nil
}

// unquoted drops the URL, which holds the password, from a parse error.
func unquoted(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("redis URL: %w", err)
}

// universal carries over what the URL set, and sets what it left open.
func universal(o *redis.Options) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:                 []string{o.Addr},
		DB:                    o.DB,
		Username:              o.Username,
		Password:              o.Password,
		TLSConfig:             o.TLSConfig,
		Protocol:              o.Protocol,
		ClientName:            o.ClientName,
		DisableIdentity:       true, // one command less on every new connection
		ContextTimeoutEnabled: true,
		ReadTimeout:           cmp.Or(o.ReadTimeout, callTimeout),
		WriteTimeout:          cmp.Or(o.WriteTimeout, callTimeout),
		DialTimeout:           cmp.Or(o.DialTimeout, dialTimeout),
		DialerRetries:         1,
		PoolTimeout:           cmp.Or(o.PoolTimeout, callTimeout),
		MaxRetries:            cmp.Or(o.MaxRetries, 1), // for a pooled connection that the server has closed
		MinRetryBackoff:       cmp.Or(o.MinRetryBackoff, time.Millisecond),
		MaxRetryBackoff:       cmp.Or(o.MaxRetryBackoff, 5*time.Millisecond),
		PoolFIFO:              o.PoolFIFO,
		PoolSize:              o.PoolSize,
		MinIdleConns:          o.MinIdleConns,
		MaxIdleConns:          o.MaxIdleConns,
		MaxActiveConns:        o.MaxActiveConns,
		MaxConcurrentDials:    o.MaxConcurrentDials,
		PipelinePoolSize:      o.PipelinePoolSize,
		ConnMaxIdleTime:       o.ConnMaxIdleTime,
		ConnMaxLifetime:       o.ConnMaxLifetime,
		ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		MaintNotificationsConfig: &maintnotifications.Config{ // announced by Redis Enterprise only
			Mode: maintnotifications.ModeDisabled,
		},
	}
}
