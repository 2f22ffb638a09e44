package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load asks the same query over connections for a while and returns how many answers came, and how many a second. It
// speaks HTTP itself: a client of package net/http would take the processor from what is measured.
func load(addr string, connections int, lasting time.Duration) (answers int64, perSecond float64, err error) {
	body, _ := json.Marshal(object{"query": query})
	request := []byte("POST /graphql HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + string(body))
	var done atomic.Int64
	var failed atomic.Value
	until := time.Now().Add(lasting)
	began := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				failed.Store(err)
				return
			}
			defer conn.Close()
			r := bufio.NewReaderSize(conn, 64<<10)
			for time.Now().Before(until) {
				if _, err := conn.Write(request); err != nil {
					failed.Store(err)
					return
				}
				if err := skipAnswer(r); err != nil {
					failed.Store(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, 0, err
	}
	return done.Load(), float64(done.Load()) / time.Since(began).Seconds(), nil
}

func skipAnswer(r *bufio.Reader) error {
	size := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.Contains(line, []byte(" 200 ")) {
			return fmt.Errorf("answered %q", line)
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(name), "content-length") {
			if size, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
	}
	if size < 0 {
		return fmt.Errorf("an answer without a length")
	}
	_, err := r.Discard(size)
	return err
}

// once asks the query and returns the whole answer.
func once(addr string) ([]byte, error) {
	body, _ := json.Marshal(object{"query": query})
	resp, err := http.Post("http://"+addr+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// memoryOf returns the resident memory of a process now and at its highest, in MB.
func memoryOf(pid int) (now, peak float64) {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, line := range strings.Split(string(raw), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			peak = kb / 1024
		}
	}
	return now, peak
}
