package cache

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"linhui/internal/embedded"
	"linhui/internal/testkit"
)

func TestNewClientReadsEveryFormOfURL(t *testing.T) {
	t.Parallel()
	type parsed struct {
		Addrs           []string
		User, Password  string
		DB              int
		TLS             bool
		ServerName      string
		ReadTimeout     time.Duration
		PoolSize        int
		ContextTimeouts bool
	}
	base := parsed{ReadTimeout: 40 * time.Millisecond, ContextTimeouts: true}
	with := func(change func(*parsed)) parsed { p := base; change(&p); return p }
	for url, want := range map[string]parsed{
		"redis://localhost": with(func(p *parsed) { p.Addrs = []string{"localhost:6379"} }),
		"rediss://u:p%40ss@redis.example:7000/3": with(func(p *parsed) {
			p.Addrs, p.User, p.Password, p.DB = []string{"redis.example:7000"}, "u", "p@ss", 3
			p.TLS, p.ServerName = true, "redis.example"
		}),
		"redis://[::1]:7000?read_timeout=30ms": with(func(p *parsed) {
			p.Addrs, p.ReadTimeout = []string{"[::1]:7000"}, 30*time.Millisecond
		}),
		"unix:///run/redis.sock?db=2": with(func(p *parsed) { p.Addrs, p.DB = []string{"/run/redis.sock"}, 2 }),
		"redis+cluster://u:p@a:7000,b:7001,c": with(func(p *parsed) {
			p.Addrs, p.User, p.Password = []string{"a:7000", "b:7001", "c:6379"}, "u", "p"
		}),
		"rediss+cluster://a,[::1]:7001/?pool_size=7": with(func(p *parsed) {
			p.Addrs, p.TLS, p.PoolSize = []string{"a:6379", "[::1]:7001"}, true, 7
		}),
	} {
		c, err := NewClient(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		var got parsed
		switch c := c.(type) {
		case *redis.Client:
			o := c.Options()
			got = parsed{[]string{o.Addr}, o.Username, o.Password, o.DB, o.TLSConfig != nil, "", o.ReadTimeout, o.PoolSize, o.ContextTimeoutEnabled}
			if o.TLSConfig != nil {
				got.ServerName = o.TLSConfig.ServerName
			}
		case *redis.ClusterClient:
			o := c.Options()
			got = parsed{o.Addrs, o.Username, o.Password, 0, o.TLSConfig != nil, "", o.ReadTimeout, o.PoolSize, o.ContextTimeoutEnabled}
			if o.TLSConfig != nil {
				got.ServerName = o.TLSConfig.ServerName
			}
		}
		if want.PoolSize == 0 {
			got.PoolSize = 0 // go-redis's default, by the number of processors
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
		_ = c.Close()
	}
}

func TestNewClientRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis+other://a", "redis+sentinel://a:26379", "redis+sentinel:///m",
		"redis+cluster://", "redis+cluster://a:1,,b:2", "redis+cluster://a:b", "redis+cluster://a:70000", "redis+cluster://a/1",
		"redis://u:secret@h/%zz", "redis://u:sec%zzret@h", "redis://u:secret@h?unknown=1", "redis+cluster://u:sec%zzret@a,b",
	} {
		c, err := NewClient(url)
		if err == nil {
			t.Errorf("%q was accepted", url)
			_ = c.Close()
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", url, err)
		}
	}
}

func TestASentinelNamesTheMaster(t *testing.T) {
	t.Parallel()
	host, port, err := net.SplitHostPort(testkit.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, []byte("sentinel monitor linhui "+host+" "+port+" 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startRedis(t, conf, "--sentinel")
	src := newSource()
	url := "redis+sentinel://127.0.0.1:1," + sentinel + "/linhui/0?dial_timeout=1s&read_timeout=1s"
	h := New(client(t, url), Options[rows]{RedisWait: 5 * time.Second})
	waitUntil(t, func() bool {
		results, err := h.Get(t.Context(), keysOf(3), nil, src.load)
		if err != nil {
			t.Fatal(err)
		}
		return results[2].Hit
	})
}

func TestOneClusterServesManyOwners(t *testing.T) {
	t.Parallel()
	c := client(t, strings.Replace(patient(clusterNode(t)), "redis://", "redis+cluster://", 1))
	src, at := newSource(), newClock()
	for name, l1 := range map[string]int{"L1": 0, "no L1": -1} {
		opts := options(at)
		opts.L1 = l1
		b := &bundle{Hot: New(c, opts), clock: at, source: src}
		b.get(t, keysOf(50)...)
		for i, r := range b.get(t, keysOf(50)...) {
			if !r.Hit {
				t.Errorf("%s: key %d: %s", name, i, r.label())
			}
		}
		gone := keysOf(50)[7]
		b.invalidate(t, gone.Owner, src.write(gone.Owner))
		if r := b.one(t, gone); r.Hit {
			t.Errorf("%s: an invalidated key was a hit", name)
		}
	}
}

// clusterNode is a real redis-server that holds all slots of a cluster of one, and so refuses
// commands over several slots.
func clusterNode(t *testing.T) (addr string) {
	t.Helper()
	bus, err := embedded.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr = startRedis(t, "--save", "", "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus))
	node := client(t, patient(addr))
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	return addr
}

// startRedis runs a redis-server of a kind that testkit has not, until the test ends.
func startRedis(t *testing.T, args ...string) (addr string) {
	t.Helper()
	port, err := embedded.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	path, err := embedded.FindExecutable("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", t.TempDir())
	child, err := embedded.StartChild(exec.Command(path, args...), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Signal(syscall.SIGKILL); <-child.Done() })
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	node := client(t, patient(addr))
	waitUntil(t, func() bool { return node.Ping(t.Context()).Err() == nil })
	return addr
}

// The embedded default is a Redis in this process.
func TestMiniredisServesToo(t *testing.T) {
	t.Parallel()
	b := &bundle{clock: newClock(), source: newSource()}
	b.Hot = New(client(t, patient(miniredis.RunT(t).Addr())), options(b.clock))
	expect(t, b.one(t, key("gubei")), "loaded", 1)
	expect(t, b.one(t, key("gubei")), "hit", 1)
	b.invalidate(t, "gubei", b.source.write("gubei"))
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	b.invalidate(t, "gubei", 1)
	expect(t, b.one(t, key("gubei")), "hit", 2)
}
