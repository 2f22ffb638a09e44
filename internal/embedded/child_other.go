//go:build !linux

package embedded

import "syscall"

// setDeathSignal does nothing: only Linux can bind a child's life to its parent's.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}
