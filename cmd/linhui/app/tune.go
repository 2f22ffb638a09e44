package app

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent trades memory for time: requests allocate much and keep nothing. Measured on
	// workloads a to e of bench/: 1.4 to 1.6 times the requests a second of the default 100.
	gcPercent = 800
	// memoryLimit makes the collector run earlier before the heap grows past it. Chosen: eight
	// times the live heap of 1,000 communities.
	memoryLimit = 2 << 30
)

// TuneRuntime sets the garbage collector for a server. GOGC and GOMEMLIMIT, where set, win.
func TuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
