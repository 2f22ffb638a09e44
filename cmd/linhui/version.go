package main

import (
	"fmt"
	"runtime"
)

// release is set by the Makefile from git.
var release = "unreleased"

type version struct{}

// Run prints the version.
func (version) Run(p *process) error {
	_, err := fmt.Fprintf(p.out, "linhui %s %s %s/%s\n", release, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
