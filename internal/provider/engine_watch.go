package provider

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// enginePoll is how often the process looks whether its engine is gone: the
	// plugin protocol does not say it.
	enginePoll = 500 * time.Millisecond
	// outliveSignal is how long the process goes on after SIGTERM. An engine that was
	// terminated, too, has ended every call to the provider by then.
	outliveSignal = time.Minute
	// abandonedWait bounds the clean-up after the end of the engine. It is longer than
	// the client waits for the answer to a create.
	abandonedWait = 15 * time.Second
)

// engineWatch finds out when the process has to end without the engine's word.
type engineWatch struct {
	engine int
	// parent returns the id of the parent process, which is the engine's until the
	// engine is gone (on Windows it never changes).
	parent     func() int
	terminated <-chan os.Signal
	poll       <-chan time.Time
	after      func(time.Duration) <-chan time.Time
}

// watchEngine makes the process outlive the signals that end a whole process group
// (timeout, systemd, a cancelled pipeline, a closed terminal): the engine still needs
// the provider to end the run.
func watchEngine() engineWatch {
	// SIGHUP kills the engine, and the poll notices that. After that, the first log
	// line would end the process with SIGPIPE, before it has cleaned up.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	return engineWatch{
		engine: os.Getppid(), parent: os.Getppid,
		terminated: terminated, poll: time.Tick(enginePoll), after: time.After,
	}
}

func (w engineWatch) gone() bool { return w.parent() != w.engine }

// wait returns when the engine is gone, or a while after SIGTERM.
func (w engineWatch) wait() {
	var expired <-chan time.Time
	for !w.gone() {
		select {
		case <-w.poll:
		case <-w.terminated:
			if expired == nil {
				expired = w.after(outliveSignal)
			}
		case <-expired:
			return
		}
	}
}
