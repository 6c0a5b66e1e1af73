package provider

import (
	"context"
	"iter"
	"net/http"
	"os"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// never is longer than a test runs.
const never = time.Hour

// TestServer_CloseDeletesOpenSessions in parallel, also one whose deletion has
// failed before: the first deletion is answered when all have arrived.
func TestServer_CloseDeletesOpenSessions(t *testing.T) {
	t.Parallel()
	const open = 5
	c := newEphemeralCase(t)
	closed := c.open(t.Context(), nil)
	expectNone(t, c.close(t.Context(), closed.Private))
	var last []byte
	for range open {
		opened := c.open(t.Context(), nil)
		expectNone(t, opened.Diagnostics)
		last = opened.Private
	}
	remove := c.fault(sandbox.OperationDelete, sandbox.HTMLError(http.StatusBadGateway))
	expectError(t, c.close(t.Context(), last), "Unable to delete session", "once more at the end of the run")
	remove()
	c.putSession(testSessionID, time.Hour)
	c.ResetRequests()

	var arrived sync.WaitGroup
	arrived.Add(open)
	c.fault(sandbox.OperationDelete, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		arrived.Done()
		arrived.Wait()
		api.ServeHTTP(w, r)
	})
	c.server.Close()
	if calls := len(c.calls()); calls != open {
		t.Errorf("%d requests, want %d: the provider forgets a session that it has deleted", calls, open)
	}
	if left := c.sessionIDs(); !slices.Equal(left, []string{testSessionID}) {
		t.Errorf("left: %q, want only the one that the provider did not open", left)
	}
}

// TestServer_CloseWaitsForAnOpening whose session is not registered yet.
func TestServer_CloseWaitsForAnOpening(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.limitWaits(never)
	creating, closing := make(chan struct{}), make(chan struct{})
	c.fault(sandbox.OperationCreate, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		close(creating)
		<-closing
		api.ServeHTTP(w, r)
	})
	var both sync.WaitGroup
	both.Go(func() { c.open(t.Context(), nil) })
	<-creating
	both.Go(c.server.Close)
	close(closing)
	both.Wait()
	c.expectNoneLeft(t, "")
}

func TestServer_CloseEndsWhenTheAPIHangs(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.limitWaits(time.Millisecond)
	expectNone(t, c.open(t.Context(), nil).Diagnostics)
	c.fault(sandbox.OperationDelete, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	c.server.Close()
	c.onlySession(t)
}

// TestServer_StopProviderWaitsForTheLastEvent: plugin-go drops what is sent after
// StopProvider has returned. An interrupted prune or query would look like a
// complete one.
func TestServer_StopProviderWaitsForTheLastEvent(t *testing.T) {
	t.Parallel()
	type row struct {
		fault sandbox.Fault
		// run calls each for the diagnostics of each event.
		run  func(p *protocol, each func([]*tfprotov6.Diagnostic))
		want string
	}
	eachRow(t, map[string]row{
		"action": {sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2"}, func(p *protocol, each func([]*tfprotov6.Diagnostic)) {
			for event := range p.startPrune() {
				if event, ok := event.Type.(tfprotov6.CompletedInvokeActionEventType); ok {
					each(event.Diagnostics)
				}
			}
		}, "Stopped pruning after 1 deletion"},
		"query": {sandbox.Fault{Operation: sandbox.OperationList}, func(p *protocol, each func([]*tfprotov6.Diagnostic)) {
			for result := range p.list(sessionExpiryType, 10, false, nil) {
				each(result.Diagnostics)
			}
		}, "interrupted"},
	}, func(t *testing.T, test row) {
		f := newPruneFixture(t)
		p := newProtocol(t, f)
		p.limitWaits(never)
		stopped := make(chan struct{})
		test.fault.Effect = interruptedBy(func() {
			go func() {
				defer close(stopped)
				must(p.server.StopProvider(context.WithoutCancel(t.Context()), &tfprotov6.StopProviderRequest{}))
			}()
		})
		f.Inject(test.fault)
		var diags []*tfprotov6.Diagnostic
		test.run(p, func(more []*tfprotov6.Diagnostic) {
			diags = append(diags, more...)
			select {
			case <-stopped:
				t.Error("StopProvider returned before the last event")
			default:
			}
		})
		<-stopped
		expectError(t, diags, test.want)
	})
}

// limitWaits bounds what StopProvider and Close wait for.
func (p *protocol) limitWaits(limit time.Duration) {
	p.server.timing.stopWait, p.server.timing.closeWait = limit, limit
}

// startPrune starts an action that ends only when somebody reads its events.
func (p *protocol) startPrune() iter.Seq[tfprotov6.InvokeActionEvent] {
	req := &tfprotov6.InvokeActionRequest{ActionType: pruneAction, Config: actionConfig(pruneAction, attributes{"id_prefix": "old-"})}
	return must(p.server.InvokeAction(p.t.Context(), req)).Events
}

func TestServer_StopProviderGivesUpOnAnActionThatHangs(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newPruneFixture(t))
	p.limitWaits(time.Millisecond)
	p.startPrune() // Nobody reads its events.
	must(p.server.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{}))
}

// TestServer_ActionEndsWhenNobodyListens: the SDK stops reading when the
// connection is gone, and the invocation would hang in its next report.
func TestServer_ActionEndsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	for range newProtocol(t, f).startPrune() {
		break
	}
	f.expectWrites(t, "DELETE old-1", "DELETE old-2", "DELETE old-3")
}

// TestServer_HidesNoCallOfTheFramework fails when a newer framework answers calls
// that protocolServer does not have: plugin-go finds them by type assertion, so
// engines would silently miss them.
func TestServer_HidesNoCallOfTheFramework(t *testing.T) {
	t.Parallel()
	server := newTestServer()
	wrapped, wrapper := reflect.TypeOf(server.protocolServer), reflect.TypeOf(server)
	for i := range wrapped.NumMethod() {
		method := wrapped.Method(i)
		if _, ok := wrapper.MethodByName(method.Name); !ok {
			t.Errorf("the framework's server has the call %s, and Server hides it: add its interface to protocolServer", method.Name)
		}
	}
}

// TestEngineWatch_EndsAWhileAfterSIGTERM, the first one, if the engine did not get it.
// The runs that are signalled show that it waits for an engine, and ends with it.
func TestEngineWatch_EndsAWhileAfterSIGTERM(t *testing.T) {
	t.Parallel()
	terminated, poll, expired := make(chan os.Signal), make(chan time.Time), make(chan time.Time)
	waits, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		engineWatch{
			parent: func() int { return 0 }, terminated: terminated, poll: poll,
			after: func(time.Duration) <-chan time.Time { waits++; return expired },
		}.wait()
	}()
	terminated <- syscall.SIGTERM
	terminated <- syscall.SIGTERM
	poll <- time.Time{} // It is still waiting.
	expired <- time.Time{}
	if <-ended; waits != 1 {
		t.Errorf("%d waits after SIGTERM, want one", waits)
	}
}
