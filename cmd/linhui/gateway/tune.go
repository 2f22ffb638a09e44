package gateway

import (
	"os"
	"runtime/debug"
)

// gcPercent was chosen by bench/supergraph: a gateway holds little beside requests, so a larger
// heap buys few answers, and the promise is 64 MB.
const gcPercent = 150

// TuneRuntime sets the garbage collector for a gateway. GOGC, where set, wins.
func TuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
