package provider

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestPruneSessionsAction_StopsWhenEveryCallFails, and gives advice once. It goes
// on after a session that cannot be deleted.
func TestPruneSessionsAction_StopsWhenEveryCallFails(t *testing.T) {
	t.Parallel()
	const sessions = 30
	dead := []string{"Stopped pruning after 0 deletions", "Not tried: old-03, ", "… and 7 more"}
	unauthorized := []string{"Stopped pruning after 1 deletion", "refused the credentials", "Not tried: old-02, "}
	for name, test := range map[string]struct {
		effect        sandbox.Effect
		only          []string // sessions; none means all
		skip          int
		tried, failed int
		want          []string
	}{
		"500":         {effect: sandbox.HTMLError(http.StatusInternalServerError), tried: 3, failed: 3, want: dead},
		"429":         {effect: sandbox.RateLimited(""), tried: 3, failed: 3, want: dead},
		"cut off":     {effect: sandbox.CutBefore(), tried: 3, failed: 3, want: dead},
		"401":         {effect: sandbox.RefuseCredentials(http.StatusUnauthorized), skip: 1, tried: 2, failed: 1, want: unauthorized},
		"403":         {effect: sandbox.RefuseCredentials(http.StatusForbidden), skip: 1, tried: 2, failed: 1, want: unauthorized},
		"one session": {effect: sandbox.HTMLError(http.StatusInternalServerError), only: []string{"old-02"}, tried: sessions, failed: 1, want: []string{"Unable to delete 1 session", "old-02", "500"}},
		"three that are not in a row": {
			effect: sandbox.HTMLError(http.StatusInternalServerError), only: []string{"old-02", "old-04", "old-06"}, tried: sessions, failed: 3, want: []string{"Unable to delete 3 sessions"},
		},
		"each in use": {
			effect: sandbox.Respond(http.StatusConflict, "application/json", `{"error":"in use"}`), tried: sessions, failed: sessions, want: []string{"Unable to delete 30 sessions", "in use", "… and 10 more"},
		},
		"ok is false": {
			effect: sandbox.Respond(http.StatusOK, "application/json", `{"ok":false,"errors":[{"detail":"not done"}]}`), tried: sessions, failed: sessions, want: []string{"Unable to delete 30 sessions", "not done"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for i := range sessions {
				f.putSession(fmt.Sprintf("old-%02d", i), time.Hour)
			}
			if test.only == nil {
				test.only = []string{""}
			}
			for _, id := range test.only {
				f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: id, Skip: test.skip, Effect: test.effect})
			}
			progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "old-"})
			if tried := len(f.writes()); tried != test.tried {
				t.Errorf("%d deletions were tried, want %d", tried, test.tried)
			}
			summary := fmt.Sprintf("Deleted %d of %d sessions selected, %d failed", test.tried-test.failed, sessions, test.failed)
			if last := progress[len(progress)-1]; last != summary {
				t.Errorf("summary: %q, want %q", last, summary)
			}
			failed := slices.DeleteFunc(progress, func(message string) bool { return !strings.HasPrefix(message, "Unable to delete session old-") })
			if len(failed) != test.failed {
				t.Errorf("%d failures were reported, want %d", len(failed), test.failed)
			}
			expectError(t, diags, test.want...)
			if text := diagnosticText(diags); len(diags) != 1 || len(text) > 4000 || strings.Contains(text, "Not tried") != (test.tried < sessions) {
				t.Errorf("%d diagnostics of %d characters: %s", len(diags), len(text), text)
			}
		})
	}
}

func TestPruneSessionsAction_IncompleteListDeletesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putMany(150)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "test-"})
	expectError(t, diags, "Unable to prune sessions", "502")
	f.expectWrites(t)
	expectProgress(t, progress)
}

func TestPruneSessionsAction_InterruptNamesWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		during string
		done   string
		tried  []string
		want   string // after the number of deletions
	}{
		"during a deletion": {"old-2", "1", []string{"old-1", "old-2"}, `The deletion of session "old-2" was under way: it may be deleted, too. Not tried: old-3. Invoke`},
		"during the last":   {"old-3", "2", []string{"old-1", "old-2", "old-3"}, `The deletion of session "old-3" was under way: it may be deleted, too. Invoke`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: test.during, Effect: interruptedBy(cancel)})
			progress, diags := newProtocol(t, f).invoke(ctx, pruneAction, attributes{"id_prefix": "old-"})
			if last := progress[len(progress)-1]; !strings.HasSuffix(last, "("+test.done+" of 3)") {
				t.Errorf("progress after the interrupt, which an engine does not read: %q", last)
			}
			expectError(t, diags, "Stopped pruning after "+test.done+" deletion", test.done+" of 3 sessions selected are deleted. "+test.want)
			f.wait()
			f.expectWrites(t, deletions(test.tried...)...)
		})
	}
}

// TestPruneSessionsAction_UnknownArgumentDeletesNothing: it is accepted until the
// action is invoked.
func TestPruneSessionsAction_UnknownArgumentDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]attributes{
		"id_prefix":      {},
		"created_before": {},
		"created_after":  {},
		"expires_before": {},
		"exclude_ids":    {"id_prefix": "old-"},
		"max_deletions":  {"id_prefix": "old-"},
		"allow_partial":  {"id_prefix": "old-"},
		"dry_run":        {"id_prefix": "old-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			p := newProtocol(t, f)
			arguments[name] = tftypes.UnknownValue
			expectNone(t, p.validateAction(pruneAction, arguments))
			expectNone(t, p.planAction(pruneAction, arguments))
			_, diags := p.invoke(t.Context(), pruneAction, arguments)
			expectError(t, diags, "still unknown", "Nothing was deleted")
			f.expectCalls(t, "")
		})
	}
}
