package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linhui/internal/fault"
)

// orphanWait bounds the wait for a server whose parent was killed: it shuts down by itself, fast
// mode, in well under a second; a checkpoint on a slow disk may take a few.
const orphanWait = 15 * time.Second

// lockDir takes the one lock of a directory. The file is handed to the server processes as well,
// and a flock belongs to the open file, so the lock is held as long as any of them lives: who
// holds it may trust that no server uses the directory.
//
// A lock held by a living owner is CONFLICT at once. One whose owner is dead belongs to a server
// that is going down: it is waited for.
func lockDir(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, orphanWait)
	defer cancel()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		owner := lockOwner(f)
		if alive(owner) {
			f.Close()
			return nil, fault.Newf(fault.Conflict,
				"the state directory is in use by process %d (%s is locked): stop it or choose another directory", owner, path)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fault.Newf(fault.Conflict,
				"a PostgreSQL server that outlived its parent still holds %s", path).Because(ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := writeOwner(f, strconv.Itoa(os.Getpid())); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// unlockDir gives the directory free for who comes next, who waits for the last server process.
func unlockDir(f *os.File) {
	// Without the owner's name the lock is still correct: the next start says "in use" at worst
	// while a process of ours is ending.
	_ = writeOwner(f, "")
	f.Close()
}

func writeOwner(f *os.File, owner string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(owner), 0)
	return err
}

// lockOwner is the process that took the lock, 0 when the file does not say.
func lockOwner(f *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// alive reports whether a process runs, whoever owns it. One that has ended and that nobody has
// waited for, as happens in containers without an init, does not run.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // pid (name) state ...
	if err != nil {
		return true // not Linux: signal 0 is all there is to ask
	}
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
