package embedded

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Child is a process that does not outlive this one.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read after done is closed
}

// StartChild starts cmd in a process group of its own, so that a Ctrl-C at the terminal reaches
// this process alone and the child ends when it is told to. On Linux the kernel sends onDeath to
// the child when this process dies in any way; elsewhere a killed parent leaves the child behind.
func StartChild(cmd *exec.Cmd, onDeath syscall.Signal) (*Child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	setDeathSignal(cmd.SysProcAttr, onDeath)

	c := &Child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// run starts the process and waits for it on one locked thread: the death signal is sent when the
// thread that forked ends, and Go ends idle threads while the program lives.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	close(c.done)
}

// PID is the process id of the child, also after it has ended.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and was waited for.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err says how the child ended: nil for exit status 0. It waits for the end.
func (c *Child) Err() error {
	<-c.done
	return c.err
}

// Signal sends sig to the child; one that has ended already is not an error.
func (c *Child) Signal(sig syscall.Signal) {
	// The only failures are an ended process and a forbidden signal; who must know that the child
	// is gone waits for Done.
	_ = c.cmd.Process.Signal(sig)
}

// killWait bounds the wait after a signal that a process cannot refuse. Chosen: far above what a
// loaded machine needs, only there so that nothing hangs for ever.
const killWait = 10 * time.Second

// Stop sends the signals one after the other: the first has until ctx ends, each further one
// killWait. It returns when the child has ended.
func (c *Child) Stop(ctx context.Context, signals ...syscall.Signal) error {
	for _, sig := range signals {
		c.Signal(sig)
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), killWait)
		defer cancel()
		ctx = late
	}
	select {
	case <-c.done:
		return nil
	default:
		return fmt.Errorf("process %d still runs after %v", c.PID(), signals)
	}
}
