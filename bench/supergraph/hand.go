package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// script is what the hand-written program knows: the calls of the benchmark's query, wave by wave,
// and the answer.
type script struct {
	Waves  [][]scripted
	Answer []byte
}

type scripted struct {
	URL  string
	Body []byte
}

// hand is the least that a gateway in Go can do with package net/http: it makes the calls, looks
// at every byte of what comes back, and sends an answer that it knew before.
func hand(addr, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s script
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}
	call := func(c scripted) (int, error) {
		resp, err := client.Post(c.URL, "application/json", bytes.NewReader(c.Body))
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		b := make([]byte, max(resp.ContentLength, 0))
		if _, err := io.ReadFull(resp.Body, b); err != nil {
			return 0, err
		}
		quotes := 0
		for _, c := range b {
			if c == '"' {
				quotes++
			}
		}
		return quotes, nil
	}
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		for _, wave := range s.Waves {
			var all sync.WaitGroup
			errs := make([]error, len(wave))
			for i := range wave {
				all.Go(func() { _, errs[i] = call(wave[i]) })
			}
			all.Wait()
			for _, err := range errs {
				if err != nil {
					http.Error(w, fmt.Sprint(err), http.StatusBadGateway)
					return
				}
			}
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(s.Answer))}
		w.Write(s.Answer)
	}))
}
