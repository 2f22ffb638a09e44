package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"linhui/internal/testkit"
)

func TestServeStartsWithASourceDownAndDrains(t *testing.T) {
	t.Parallel()
	directory, live := testkit.Database(t, testkit.Directory), testkit.Database(t, testkit.Source)
	pool := live.Open(t)
	if _, err := pool.ExecContext(t.Context(), "INSERT INTO owners VALUES ('lanxin', 'COMMUNITY')"); err != nil {
		t.Fatal(err)
	}
	file := configFile(t, directory.DSN, map[string]string{"live": live.DSN, "dead": deadDSN}, "addr: 127.0.0.1:1\ndrain: {delay: 0s}\n")
	p := start(t, []string{cursorVariable, "LINHUI_ADDR=127.0.0.1:2"}, "serve", "--config", file, "--addr", "127.0.0.1:0", "--subgraph-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
	ready := p.until(`("msg":"ready".*)`)
	address := func(key string) string {
		_, rest, _ := strings.Cut(ready, `"`+key+`":"`)
		value, _, _ := strings.Cut(rest, `"`)
		return "http://" + value
	}
	p.url = address("addr")
	var got struct {
		Data struct {
			Stations struct {
				Coverage struct {
					Answered int
				}
			}
		}
	}
	p.get(`/graphql?query={stations(first:1){coverage{answered}}}`, &got)
	if got.Data.Stations.Coverage.Answered != 1 {
		t.Errorf("%+v", got)
	}
	var service struct {
		Data struct{ Service struct{ SDL string } }
	}
	p.url = address("subgraph_addr")
	p.get(`/graphql?query={service:_service{sdl}}`, &service)
	if !strings.Contains(service.Data.Service.SDL, "type Station") {
		t.Errorf("the subgraph's schema is %q", service.Data.Service.SDL)
	}
	p.url = address("addr")
	for url, want := range map[string]int{p.url + "/readyz": http.StatusOK, p.url + "/metrics": http.StatusNotFound,
		address("ops_addr") + "/readyz": http.StatusOK, address("ops_addr") + "/metrics": http.StatusOK} {
		resp, err := http.Get(url)
		if err != nil {
			t.Error(err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, though one source is down", url, resp.Status)
		}
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d after SIGTERM, want 0", code)
	}
}

func TestServeWithoutADirectorySaysWhatToDo(t *testing.T) {
	t.Parallel()
	file := configFile(t, deadDSN, map[string]string{"a": deadDSN}, "")
	got := linhui(t, []string{cursorVariable}, "serve", "--config", file, "--addr", "127.0.0.1:0")
	if got.code != exitFailed || !strings.Contains(got.err, "directory") || !strings.Contains(got.err, "linhui doctor") || strings.Contains(got.err, "sesame") {
		t.Errorf("%+v", got)
	}
}
