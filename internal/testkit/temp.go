package testkit

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const dirPrefix = "linhui-testkit-"

// makeTemp makes a directory that the account of a server may pass through when we are root.
func makeTemp() (string, error) {
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// tempDir is such a directory that ends with t. It is not t.TempDir, which nobody else may enter.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := makeTemp()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("testkit: %v", err)
		}
	})
	return dir
}

// sweep removes what test processes left that were killed, by a time limit for one. Their servers
// ended with them; a directory whose lock is held is in use.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < 10*time.Minute {
			continue // young enough to belong to a process that has not taken its lock yet
		}
		lock, err := os.Open(filepath.Join(dir, "postgres", "lock"))
		if err == nil {
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			lock.Close()
			if err != nil {
				continue
			}
		}
		_ = os.RemoveAll(dir) // the next process tries again
	}
}
