package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals returns a context that ends at the first Ctrl-C or SIGTERM and one that ends at the
// second. A third ends the process as it stands.
func signals() (soft, hard context.Context, stop func()) {
	soft, first := context.WithCancel(context.Background())
	hard, second := context.WithCancel(context.Background())
	c := make(chan os.Signal, 3)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, act := range []func(){first, second, func() { os.Exit(exitForced) }} {
			select {
			case <-c:
				act()
			case <-done:
				return
			}
		}
	}()
	return soft, hard, func() {
		signal.Stop(c)
		close(done)
		first()
		second()
	}
}
