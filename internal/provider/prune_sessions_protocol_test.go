package provider_test

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

const pruneAction = "palabra_prune_sessions"

// newPruneFixture has sessions old-1, old-2, old-3 and new-1, new-2, an hour
// apart, which all live for a day.
func newPruneFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	for _, id := range []string{"old-1", "old-2", "old-3", "new-1", "new-2"} {
		f.putSession(id, 24*time.Hour)
		f.clock.Advance(time.Hour)
	}
	return f
}

func TestPruneDeletesWhatAllFiltersSelect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments map[string]any
		left      []string
	}{
		"prefix":             {map[string]any{"id_prefix": "old-"}, []string{"new-1", "new-2"}},
		"created before":     {map[string]any{"created_before": sinceStart(2 * time.Hour)}, []string{"old-3", "new-1", "new-2"}},
		"expires before":     {map[string]any{"expires_before": sinceStart(25*time.Hour + time.Minute)}, []string{"old-3", "new-1", "new-2"}},
		"together":           {map[string]any{"id_prefix": "new-", "created_before": sinceStart(4 * time.Hour)}, []string{"old-1", "old-2", "old-3", "new-2"}},
		"selects none":       {map[string]any{"id_prefix": "none-"}, []string{"old-1", "old-2", "old-3", "new-1", "new-2"}},
		"excluded are kept":  {map[string]any{"id_prefix": "old-", "exclude_ids": []string{"old-2", "elsewhere"}}, []string{"old-2", "new-1", "new-2"}},
		"not more than told": {map[string]any{"id_prefix": "old-", "max_deletions": 2}, []string{"old-3", "new-1", "new-2"}},
		"excluded do not count": {
			map[string]any{"id_prefix": "old-", "exclude_ids": []string{"old-1"}, "max_deletions": 1},
			[]string{"old-1", "old-3", "new-1", "new-2"},
		},
		"before all time": {map[string]any{"created_before": "0001-01-01T00:00:00Z"}, []string{"old-1", "old-2", "old-3", "new-1", "new-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, test.arguments)
			expectNone(t, diags)
			if left := f.sessionIDs(); !slices.Equal(left, test.left) {
				t.Errorf("left: %q, want %q", left, test.left)
			}
			if deletions := 5 - len(test.left); len(progress) != deletions+1 {
				t.Errorf("progress: %q, want %d deletions and a summary", progress, deletions)
			}
		})
	}
}

func TestPruneReportsEachDeletionWhileItGoesOn(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	reported := make(chan struct{})
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-2",
		Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			select { // The second deletion waits for the report of the first.
			case <-reported:
				api.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		},
	})
	progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"}, func(message string) {
		if strings.Contains(message, "old-1") {
			close(reported)
		}
	})
	expectNone(t, diags)
	want := []string{
		"Deleted session old-1 (1 of 3)", "Deleted session old-2 (2 of 3)", "Deleted session old-3 (3 of 3)",
		"3 sessions deleted, 3 selected, 0 failed",
	}
	if !slices.Equal(progress, want) {
		t.Errorf("progress: %q, want %q", progress, want)
	}
}

func TestPruneTakesASessionThatIsGoneMeanwhileForDone(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-1", Count: 1,
		Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			f.Remove("old-1")
			api.ServeHTTP(w, r)
		},
	})
	progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-", "max_deletions": 1})
	expectNone(t, diags)
	want := []string{"Session old-1 was already gone", "Deleted session old-2 (1 of 1)", "1 sessions deleted, 3 selected, 0 failed"}
	if !slices.Equal(progress, want) {
		t.Errorf("progress: %q, want %q", progress, want)
	}
}

func TestPruneStopsAtTheFirstRefusalOfCredentials(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		f := newPruneFixture(t)
		f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Skip: 1, Effect: sandbox.RefuseCredentials(status)})
		progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
		expectError(t, diags, "Stopped pruning after 1 deletions", "refused the credentials")
		if !slices.Equal(progress, []string{"Deleted session old-1 (1 of 3)"}) {
			t.Errorf("progress: %q, want the first deletion", progress)
		}
		f.expectWrites(t, "DELETE /sessions/old-1", "DELETE /sessions/old-2")
	}
}

func TestPruneGoesOnAfterADeletionThatFails(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: sandbox.HTMLError(http.StatusInternalServerError)})
	progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
	expectError(t, diags, "Unable to delete session", "old-2")
	if left := f.sessionIDs(); !slices.Equal(left, []string{"old-2", "new-1", "new-2"}) {
		t.Errorf("left: %q", left)
	}
	if last := progress[len(progress)-1]; last != "2 sessions deleted, 3 selected, 1 failed" {
		t.Errorf("summary: %q", last)
	}
}

func TestPruneDeletesNothingWhenTheListIsIncomplete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 150 {
		f.putSession(fmt.Sprintf("old-%03d", i), time.Hour)
	}
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	progress, diags := newDirect(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
	expectError(t, diags, "Unable to prune sessions", "502")
	f.expectWrites(t)
	if len(progress) > 0 {
		t.Errorf("progress: %q, want none", progress)
	}
}

func TestPruneStopsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-2",
		Effect: interruptedBy(cancel),
	})
	_, diags := newDirect(t, f).invoke(ctx, pruneAction, map[string]any{"id_prefix": "old-"})
	expectError(t, diags, "Stopped pruning after 1 deletions", "interrupted")
	if left := f.sessionIDs(); !slices.Contains(left, "old-3") {
		t.Errorf("left: %q, want old-3 among them", left)
	}
}

// TestPruneWithoutAFilterIsRefused also for a filter that turns out as none
// after validation has met it as unknown.
func TestPruneWithoutAFilterIsRefused(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]map[string]any{
		"nothing":          {},
		"only an exclude":  {"exclude_ids": []string{"old-1"}},
		"only a maximum":   {"max_deletions": 3},
		"an empty prefix":  {"id_prefix": ""},
		"empty and capped": {"id_prefix": "", "max_deletions": 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			p := newDirect(t, f)
			if diags := p.validateAction(pruneAction, arguments); len(diags) == 0 {
				t.Error("validation accepts it")
			}
			expectError(t, p.planAction(pruneAction, arguments), "No filter", "id_prefix, created_before and expires_before")
			_, diags := p.invoke(t.Context(), pruneAction, arguments)
			expectError(t, diags, "No filter")
			if calls := f.calls(); len(calls) > 0 {
				t.Errorf("calls: %q, want none", calls)
			}
		})
	}
}

func TestPruneFilterThatIsNotKnownYetIsAccepted(t *testing.T) {
	t.Parallel()
	p := newDirect(t, newFixture(t))
	for _, filter := range []string{"id_prefix", "created_before", "expires_before"} {
		arguments := map[string]any{filter: tftypes.UnknownValue}
		expectNone(t, p.validateAction(pruneAction, arguments))
		expectNone(t, p.planAction(pruneAction, arguments))
	}
}
