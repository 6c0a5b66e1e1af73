package provider

import (
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestEngineWatch_EndsWithTheEngineOrAWhileAfterSIGTERM: the process neither ends
// with the signal, nor stays for ever if the engine did not get it.
func TestEngineWatch_EndsWithTheEngineOrAWhileAfterSIGTERM(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		terminate int
		// engineDies says that the engine dies instead of the time running out.
		engineDies bool
	}{
		"engine gone":                      {0, true},
		"engine gone after SIGTERM":        {1, true},
		"SIGTERM to the provider alone":    {1, false},
		"a second one shortens no waiting": {2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var parent atomic.Int64
			terminated, poll, expired := make(chan os.Signal), make(chan time.Time), make(chan time.Time)
			var waits []time.Duration
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				engineWatch{
					engine: 0, parent: func() int { return int(parent.Load()) }, terminated: terminated, poll: poll,
					after: func(wait time.Duration) <-chan time.Time { waits = append(waits, wait); return expired },
				}.wait()
			}()
			for range test.terminate {
				terminated <- syscall.SIGTERM
			}
			poll <- time.Time{} // It is still waiting.
			if test.engineDies {
				parent.Store(1)
				close(poll)
			} else {
				expired <- time.Time{}
			}
			<-ended
			if want := min(test.terminate, 1); len(waits) != want {
				t.Errorf("waits after SIGTERM: %v, want %d", waits, want)
			}
		})
	}
}
