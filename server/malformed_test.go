package server_test

import (
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wellFormed are bodies of valid operations, of every kind and with every sort of variable.
var wellFormed = []string{
	`{"query":"query($n:Int=2){items(first:$n){edges{node{id name(style:\"x\")}} totalCount}}","variables":{"n":3},"operationName":null}`,
	`{"query":"query a($f:Filter){items(filter:$f){totalCount}} query b{hello}","operationName":"a","variables":{"f":{"and":[{"names":["a","b"]},null]}}}`,
	`{"query":"mutation($by:Int!){bump(by:$by)}","variables":{"by":1}}`,
	`{"query":"query($d:Day!){day(on:$d)}","variables":{"d":"2026-03-01"},"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}`,
	`{"query":"fragment f on Item{id parent{...on Item@include(if:true){id}}} {item(id:1){...f} whoami __schema{types{name}}}"}`,
}

// pieces are what mutations put into bodies, beside single bytes.
var pieces = []string{"{", "}", "[", "]", "\"", "\\", "\\u", "\\ud800", "null", "1e999", "-", "\x00", "\xff", "...", "$", "@", "!", "__typename", "query", "#", "\"\"\"", "subscription{open}", "{{{{{{{{", "[[[[[[[["}

// malformed is a well-formed body after one to eight mutations.
func malformed(r *rand.Rand) string {
	b := wellFormed[r.IntN(len(wellFormed))]
	for range 1 + r.IntN(8) {
		at := r.IntN(len(b) + 1)
		to := min(len(b), at+r.IntN(12))
		switch r.IntN(5) {
		case 0: // a part is lost
			b = b[:at] + b[to:]
		case 1: // a part comes twice
			b = b[:to] + b[at:]
		case 2:
			b = b[:at] + pieces[r.IntN(len(pieces))] + b[at:]
		case 3:
			b = b[:at] + string(rune(r.IntN(256))) + b[to:]
		case 4: // cut short
			b = b[:at]
		}
	}
	return b
}

// TestMalformedBodies sends bodies that hardly anything is right with. None makes the server fail.
// LINHUI_MALFORMED says how many; chosen: what takes a few seconds under the race detector.
func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	n := 20_000
	if text := os.Getenv("LINHUI_MALFORMED"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	h := quiet(t)
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for range n / workers {
				body := malformed(random)
				r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				if check(t, h, r); t.Failed() {
					t.Logf("the body was %q", body)
					return
				}
			}
		})
	}
	all.Wait()
}
