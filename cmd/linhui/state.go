package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What the demo keeps in its state directory.
const (
	keyFile     = "token-key.pem"
	cursorFile  = "cursor-key"
	postgresDir = "postgres"
)

// forget removes what the demo kept in a state directory, and nothing else that lies there.
func forget(stateDir string) error {
	postgres := filepath.Join(stateDir, postgresDir)
	real, err := filepath.EvalSymlinks(postgres) // embedded may have moved it where its account can go
	switch {
	case errors.Is(err, fs.ErrNotExist):
		real = postgres
	case err != nil:
		return err
	}
	if inUse(filepath.Join(real, "lock")) {
		return fmt.Errorf("%s is in use by another demo: stop that one, or choose another directory with STATE_DIR", stateDir)
	}
	for _, path := range []string{real, postgres, filepath.Join(stateDir, keyFile), filepath.Join(stateDir, cursorFile), filepath.Join(stateDir, supergraphFile)} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// inUse reports whether a process holds the lock that embedded takes.
func inUse(lock string) bool {
	f, err := os.Open(lock)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// cursorKey reads the key that signs cursors, or makes it, so that cursors outlive a restart.
func cursorKey(stateDir string) ([]byte, error) {
	path := filepath.Join(stateDir, cursorFile)
	key, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = []byte(rand.Text())
	return key, os.WriteFile(path, key, 0o600)
}
