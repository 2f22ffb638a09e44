// Command supergraph measures the gateway over four subgraphs that answer from memory, beside a
// hand-written program that makes the same calls: answers a second on one core, their ratio,
// memory, and calls of subgraphs a request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2"

	"linhui/supergraph/compose"
	"linhui/supergraph/plan"
)

func main() {
	if len(os.Args) > 3 {
		switch os.Args[1] {
		case "hand":
			fmt.Fprintln(os.Stderr, hand(os.Args[2], os.Args[3]))
			os.Exit(1)
		case "gateway":
			fmt.Fprintln(os.Stderr, serveGateway(os.Args[2:]))
			os.Exit(1)
		}
	}
	linhui := flag.String("linhui", "", "the program to measure, such as bin/linhui; without it, the same gateway inside this program")
	connections := flag.Int("connections", 50, "of clients")
	lasting := flag.Duration("lasting", 5*time.Second, "of each turn")
	turns := flag.Int("turns", 3, "of each program, turn and turn about")
	env := flag.String("env", "", "NAME=VALUE for the programs under measurement, such as GOGC=100")
	flag.Parse()
	if err := run(*linhui, *connections, *lasting, *turns, *env); err != nil {
		fmt.Fprintln(os.Stderr, "bench/supergraph:", err)
		os.Exit(1)
	}
}

// contender is a program under measurement.
type contender struct {
	name    string
	addr    string
	cmd     *exec.Cmd
	perSec  []float64
	calls   float64
	rss, up float64
}

func run(linhui string, connections int, lasting time.Duration, turns int, env string) (err error) {
	dir, err := os.MkdirTemp("", "bench-supergraph")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	subgraphs, urls, err := serveAll()
	if err != nil {
		return err
	}
	sdl, err := composeAll(urls)
	if err != nil {
		return err
	}
	if linhui == "" {
		if linhui, err = os.Executable(); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, "supergraph.graphql")
	if err := os.WriteFile(file, []byte(sdl), 0o600); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}

	var all []*contender
	defer func() {
		for _, c := range all {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	}()
	start := func(name, program string, args func(addr string) []string) (*contender, error) {
		c, err := begin(name, program, env, args)
		if c != nil {
			all = append(all, c)
		}
		return c, err
	}
	gateway := func(more ...string) func(string) []string {
		return func(addr string) []string {
			return append([]string{"gateway", "--supergraph", file, "--addr", addr, "--poll", "0", "--no-playground", "--log-level", "error",
				"--cost", "1000000000", "--per-minute", "1000000000000"}, more...)
		}
	}
	alone, err := start("gateway", linhui, gateway())
	if err != nil {
		return err
	}
	answer, err := record(alone.addr, subgraphs, sdl, urls, filepath.Join(dir, "script.json"))
	if err != nil {
		return err
	}
	if _, err := start("gateway, sharing", linhui, gateway("--share-calls", "--share-queries")); err != nil {
		return err
	}
	if _, err := start("hand-written", self, func(addr string) []string { return []string{"hand", addr, filepath.Join(dir, "script.json")} }); err != nil {
		return err
	}
	fmt.Printf("answer: %d bytes; %d connections; each program on one core; %d turns of %v\n", len(answer), connections, turns, lasting)
	for turn := range turns + 1 {
		for _, c := range all {
			before := countAll(subgraphs)
			long := lasting
			if turn == 0 {
				long = time.Second // to warm up
			}
			answers, perSec, err := load(c.addr, connections, long)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if turn > 0 {
				c.perSec = append(c.perSec, perSec)
				c.calls = float64(countAll(subgraphs)-before) / float64(answers)
			}
			c.rss, c.up = memoryOf(c.cmd.Process.Pid)
		}
	}
	floor := median(all[2].perSec)
	fmt.Printf("%-18s %10s %8s %10s %10s %14s\n", "", "answers/s", "ratio", "RSS MB", "peak MB", "calls/answer")
	for _, c := range all {
		m := median(c.perSec)
		fmt.Printf("%-18s %10.0f %8.2f %10.1f %10.1f %14.2f   turns %.0f\n", c.name, m, m/floor, c.rss, c.up, c.calls, c.perSec)
	}
	return nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// serveAll serves the subgraphs on free ports of this machine.
func serveAll() (map[string]*memo, map[string]string, error) {
	all, urls := make(map[string]*memo), make(map[string]string)
	data := shop()
	for name, sdl := range sdls {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		all[name] = &memo{sdl: sdl, data: data}
		urls[name] = "http://" + l.Addr().String() + "/"
		go func() { _ = http.Serve(l, all[name]) }()
	}
	return all, urls, nil
}

func composeAll(urls map[string]string) (string, error) {
	var inputs []compose.Input
	for name, sdl := range sdls {
		inputs = append(inputs, compose.Input{Name: name, URL: urls[name], SDL: sdl})
	}
	made, err := compose.Compose(context.Background(), inputs)
	if err != nil {
		return "", err
	}
	return made.SDL, nil
}

func countAll(all map[string]*memo) (n int64) {
	for _, m := range all {
		n += m.calls.Load()
	}
	return n
}

// begin starts a program on one core and waits until it answers.
func begin(name, program, env string, args func(addr string) []string) (*contender, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.Command(program, args(addr)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", env)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &contender{name: name, addr: addr, cmd: cmd}
	began := time.Now()
	for time.Since(began) < 10*time.Second {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			fmt.Printf("%s: ready after %d ms\n", name, time.Since(began).Milliseconds())
			return c, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return c, errors.New(name + " does not start")
}

// record asks the gateway once and writes down what it asked, in the waves of the plan.
func record(addr string, subgraphs map[string]*memo, sdl string, urls map[string]string, path string) ([]byte, error) {
	answer, err := once(addr)
	if err != nil {
		return nil, err
	}
	var whole struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(answer, &whole); err != nil || whole.Errors != nil || len(whole.Data) < 1000 {
		return nil, fmt.Errorf("the gateway answers %.500s", answer)
	}
	s, err := plan.New(sdl)
	if err != nil {
		return nil, err
	}
	doc, errs := gqlparser.LoadQueryWithRules(s.APISchema(), query, nil)
	if errs != nil {
		return nil, errs
	}
	p, err := s.Plan(context.Background(), doc, "")
	if err != nil {
		return nil, err
	}
	fmt.Print(p)
	made := script{Answer: answer}
	waves := make(map[int]int) // of each fetch
	visit(p.Root, func(id int, subgraph, document string, after []int) {
		wave := 0
		for _, a := range after {
			wave = max(wave, waves[a]+1)
		}
		waves[id] = wave
		for len(made.Waves) <= wave {
			made.Waves = append(made.Waves, nil)
		}
		subgraphs[subgraph].answers.Range(func(body, _ any) bool {
			var r struct{ Query string }
			if json.Unmarshal([]byte(body.(string)), &r) == nil && r.Query == document {
				made.Waves[wave] = append(made.Waves[wave], scripted{urls[subgraph], []byte(body.(string))})
			}
			return true
		})
	})
	raw, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	return answer, os.WriteFile(path, raw, 0o600)
}

// visit calls see for every fetch of a plan, in order.
func visit(n plan.Node, see func(id int, subgraph, document string, after []int)) {
	switch n := n.(type) {
	case *plan.Sequence:
		for _, c := range n.Nodes {
			visit(c, see)
		}
	case *plan.Parallel:
		for _, c := range n.Nodes {
			visit(c, see)
		}
	case *plan.Flatten:
		see(n.Fetch.ID, n.Fetch.Subgraph, n.Fetch.Document, n.Fetch.DependsOn)
	case *plan.Fetch:
		see(n.ID, n.Subgraph, n.Document, n.DependsOn)
	case *plan.BatchFetch:
		see(n.ID, n.Subgraph, n.Document, n.DependsOn)
	}
}
