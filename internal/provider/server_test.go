package provider_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// never is longer than a test runs.
const never = time.Hour

func TestServer_ActionsAndListResourcesAreServed(t *testing.T) {
	t.Parallel()
	var server any = newProtocol(t, newFixture(t)).server
	if _, ok := server.(tfprotov6.ActionServer); !ok {
		t.Error("plugin-go would answer that the provider has no actions")
	}
	if _, ok := server.(tfprotov6.ListResourceServer); !ok {
		t.Error("plugin-go would answer that the provider has no list resources")
	}
}

// TestServer_CloseDeletesOpenSessions in parallel: no deletion is answered before
// all have been asked for.
func TestServer_CloseDeletesOpenSessions(t *testing.T) {
	t.Parallel()
	const n = 5
	c := newEphemeralCase(t)
	for range n {
		expectNone(t, c.open(t.Context(), nil).Diagnostics)
	}
	c.putSession(testSessionID, time.Hour)
	var arrived sync.WaitGroup
	arrived.Add(n)
	c.fault(sandbox.OperationDelete, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		arrived.Done()
		arrived.Wait()
		api.ServeHTTP(w, r)
	})
	c.server.Close()
	if left := c.sessionIDs(); !slices.Equal(left, []string{testSessionID}) {
		t.Errorf("left: %q, want only the one that the provider did not open", left)
	}
}

func TestServer_CloseLeavesClosedSessionsAlone(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	opened := c.open(t.Context(), nil)
	expectNone(t, c.close(t.Context(), opened.Private))
	c.ResetRequests()
	c.server.Close()
	c.expectCalls(t, "")
}

func TestServer_CloseTriesAgainWhatCouldNotBeDeleted(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	remove := c.fault(sandbox.OperationDelete, sandbox.HTMLError(http.StatusBadGateway))
	opened := c.open(t.Context(), nil)
	expectError(t, c.close(t.Context(), opened.Private), "Unable to delete session", "once more at the end of the run")
	remove()
	c.server.Close()
	if left := c.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

// TestServer_CloseWaitsForAnOpening whose session is not registered yet.
func TestServer_CloseWaitsForAnOpening(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.server.LimitWaits(never)
	creating, closing := make(chan struct{}), make(chan struct{})
	c.fault(sandbox.OperationCreate, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		close(creating)
		<-closing
		api.ServeHTTP(w, r)
	})
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		c.open(t.Context(), nil)
	}()
	<-creating
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		c.server.Close()
	}()
	close(closing)
	<-closed
	<-opened
	if left := c.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestServer_CloseEndsWhenTheAPIHangs(t *testing.T) {
	t.Parallel()
	c := newEphemeralCase(t)
	c.server.LimitWaits(time.Millisecond)
	expectNone(t, c.open(t.Context(), nil).Diagnostics)
	c.fault(sandbox.OperationDelete, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	c.server.Close()
	c.onlySession(t)
}

// TestServer_StopProviderWaitsForTheEndOfAnAction: plugin-go drops what an action
// sends after StopProvider has returned, and an interrupted prune would look like
// a complete one.
func TestServer_StopProviderWaitsForTheEndOfAnAction(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	p.server.LimitWaits(never)
	stopped := make(chan struct{})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: interruptedBy(func() {
		go func() {
			defer close(stopped)
			if _, err := p.server.StopProvider(context.WithoutCancel(t.Context()), &tfprotov6.StopProviderRequest{}); err != nil {
				t.Error(err)
			}
		}()
	})})
	stream, err := p.server.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{
		ActionType: pruneAction, Config: p.action(pruneAction, map[string]any{"id_prefix": "old-"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var completed *tfprotov6.CompletedInvokeActionEventType
	for event := range stream.Events {
		if event, ok := event.Type.(tfprotov6.CompletedInvokeActionEventType); ok {
			completed = &event
			select {
			case <-stopped:
				t.Error("StopProvider returned before the action had said how it ended")
			default:
			}
		}
	}
	<-stopped
	if completed == nil {
		t.Fatal("the action has not completed")
	}
	expectError(t, completed.Diagnostics, "Stopped pruning after 1 deletion")
}

// TestServer_InterruptedQueryEndsInAnError, not in an incomplete list.
func TestServer_InterruptedQueryEndsInAnError(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	p.server.LimitWaits(never)
	stopped := make(chan struct{})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: interruptedBy(func() {
		go func() {
			defer close(stopped)
			_, _ = p.server.StopProvider(context.WithoutCancel(t.Context()), &tfprotov6.StopProviderRequest{})
		}()
	})})
	schema := p.schemas.ListResourceSchemas[expiryType]
	stream, err := p.server.ListResource(t.Context(), &tfprotov6.ListResourceRequest{TypeName: expiryType, Config: p.dynamic(p.object(schema, nil)), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var diags []*tfprotov6.Diagnostic
	for result := range stream.Results {
		diags = append(diags, result.Diagnostics...)
		select {
		case <-stopped:
			t.Error("StopProvider returned before the query had said how it ended")
		default:
		}
	}
	<-stopped
	expectError(t, diags, "interrupted")
}

func TestServer_StopProviderGivesUpOnAnActionThatHangs(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	p.server.LimitWaits(time.Millisecond)
	// Nobody reads the stream, so the action cannot end.
	if _, err := p.server.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{
		ActionType: pruneAction, Config: p.action(pruneAction, map[string]any{"id_prefix": "old-"}),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.server.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}
}

// TestServer_ActionEndsWhenNobodyListens: the SDK stops reading when the
// connection is gone, and the invocation would hang in its next report.
func TestServer_ActionEndsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	stream, err := p.server.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{
		ActionType: pruneAction, Config: p.action(pruneAction, map[string]any{"id_prefix": "old-"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range stream.Events {
		break
	}
	if left := f.sessionIDs(); !slices.Equal(left, []string{"new-1", "new-2"}) {
		t.Errorf("left: %q", left)
	}
}
