package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// supergraphBytes bounds what is read as a supergraph; chosen: a hundred subgraphs of fifty types
// have a tenth of it.
const supergraphBytes = 64 << 20

// File loads a supergraph from a file.
func File(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("the supergraph: %w", err)
		}
		if info.Size() > supergraphBytes {
			return "", fmt.Errorf("the supergraph %s is larger than %d bytes", path, supergraphBytes)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("the supergraph: %w", err)
		}
		return string(raw), nil
	}
}

// Keep is a file that holds the last good supergraph; empty: none does.
type Keep string

func (k Keep) read() (string, error) {
	if k == "" {
		return "", nil
	}
	raw, err := os.ReadFile(string(k))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(raw), err
}

// write puts a whole file in the place of the old one.
func (k Keep) write(sdl string) error {
	if k == "" {
		return nil
	}
	if old, err := k.read(); err == nil && old == sdl {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(string(k)), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(string(k)), ".supergraph-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(sdl)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), string(k))
}
