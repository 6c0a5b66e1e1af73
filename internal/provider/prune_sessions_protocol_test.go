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

func TestPruneSessions_DeletesWhatAllFiltersSelect(t *testing.T) {
	t.Parallel()
	all := []string{"old-1", "old-2", "old-3", "new-1", "new-2"}
	for name, test := range map[string]struct {
		arguments map[string]any
		left      []string
	}{
		"prefix":            {map[string]any{"id_prefix": "old-"}, []string{"new-1", "new-2"}},
		"created before":    {map[string]any{"created_before": sinceStart(2 * time.Hour)}, []string{"old-3", "new-1", "new-2"}},
		"created after":     {map[string]any{"created_after": sinceStart(2 * time.Hour)}, []string{"old-1", "old-2", "old-3"}},
		"expires before":    {map[string]any{"expires_before": sinceStart(25*time.Hour + time.Minute)}, []string{"old-3", "new-1", "new-2"}},
		"together":          {map[string]any{"id_prefix": "new-", "created_before": sinceStart(4 * time.Hour)}, []string{"old-1", "old-2", "old-3", "new-2"}},
		"selects none":      {map[string]any{"id_prefix": "none-"}, all},
		"excluded are kept": {map[string]any{"id_prefix": "old-", "exclude_ids": []string{"old-2", "elsewhere"}}, []string{"old-2", "new-1", "new-2"}},
		"the oldest":        {map[string]any{"id_prefix": "old-", "max_deletions": 2, "allow_partial": true}, []string{"old-3", "new-1", "new-2"}},
		"excluded do not count": {
			map[string]any{"id_prefix": "old-", "exclude_ids": []string{"old-1"}, "max_deletions": 1, "allow_partial": true},
			[]string{"old-1", "old-3", "new-1", "new-2"},
		},
		"as many as allowed": {map[string]any{"id_prefix": "old-", "max_deletions": 3}, []string{"new-1", "new-2"}},
		"before all time":    {map[string]any{"created_before": "0001-01-01T00:00:00Z"}, all},
		"dry run":            {map[string]any{"id_prefix": "old-", "dry_run": true}, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			_, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, test.arguments)
			expectNone(t, diags)
			if left := f.sessionIDs(); !slices.Equal(left, test.left) {
				t.Errorf("left: %q, want %q", left, test.left)
			}
		})
	}
}

// TestPruneSessions_RefusesMoreThanMaxDeletions before anything is deleted.
func TestPruneSessions_RefusesMoreThanMaxDeletions(t *testing.T) {
	t.Parallel()
	for _, partial := range []any{nil, false} {
		f := newPruneFixture(t)
		progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-", "max_deletions": 2, "allow_partial": partial})
		expectError(t, diags, "More sessions selected than max_deletions", "3 sessions match", "Nothing was deleted", "allow_partial = true")
		f.expectWrites(t)
		expectProgress(t, progress, `3 of 5 sessions match id_prefix "old-"`)
	}
}

// TestPruneSessions_DeletesTheOldestFirst, whatever order the API lists them in.
func TestPruneSessions_DeletesTheOldestFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, id := range []string{"a-ageless", "a-young", "a-old"} {
		f.putSession(id, time.Hour)
	}
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"data":[
		{"id":"a-ageless"}, {"id":"a-young","created_at":"2031-03-14T09:00:00Z"}, {"id":"a-old","created_at":"2031-03-01T09:00:00Z"}]}`)})
	_, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "a-"})
	expectNone(t, diags)
	f.expectWrites(t, "DELETE /sessions/a-old", "DELETE /sessions/a-young", "DELETE /sessions/a-ageless")
}

func TestPruneSessions_ReportsWhatItSelectsKeepsAndDeletes(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	reported := make(chan struct{})
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-3",
		Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			select { // The second deletion waits for the report of the first.
			case <-reported:
				api.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		},
	})
	arguments := map[string]any{"id_prefix": "old-", "created_before": sinceStart(24 * time.Hour), "exclude_ids": []string{"old-2"}}
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, arguments, func(message string) {
		if strings.HasPrefix(message, "Deleted session old-1") {
			close(reported)
		}
	})
	expectNone(t, diags)
	expectProgress(t, progress,
		`3 of 5 sessions match id_prefix "old-" and created_before `+sinceStart(24*time.Hour),
		"Keeping session old-2: exclude_ids names it",
		"Deleting 2 sessions, oldest first: old-1, old-3",
		"Deleted session old-1 (1 of 2)", "Deleted session old-3 (2 of 2)",
		"Deleted 2 of 2 sessions selected, 0 failed")
}

func TestPruneSessions_DryRunReportsOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments map[string]any
		want      []string
	}{
		"all": {map[string]any{"id_prefix": "new-"}, []string{
			"Dry run: would delete session new-1, created " + sinceStart(3*time.Hour) + ", expires " + sinceStart(27*time.Hour),
			"Dry run: would delete session new-2, created " + sinceStart(4*time.Hour) + ", expires " + sinceStart(28*time.Hour),
			"Dry run: 2 sessions would be deleted, nothing was",
		}},
		"partial": {map[string]any{"id_prefix": "new-", "max_deletions": 1, "allow_partial": true}, []string{
			"Dry run: would delete session new-1, created " + sinceStart(3*time.Hour) + ", expires " + sinceStart(27*time.Hour),
			"Dry run: would keep, because of max_deletions, session new-2, created " + sinceStart(4*time.Hour) + ", expires " + sinceStart(28*time.Hour),
			"Dry run: 1 of 2 sessions would be deleted, nothing was",
		}},
		"refused": {map[string]any{"id_prefix": "new-", "max_deletions": 1}, []string{
			"Dry run: selected session new-1, created " + sinceStart(3*time.Hour) + ", expires " + sinceStart(27*time.Hour),
			"Dry run: selected session new-2, created " + sinceStart(4*time.Hour) + ", expires " + sinceStart(28*time.Hour),
			"Dry run: max_deletions is 1 and 2 sessions match, so nothing would be deleted without allow_partial = true",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPruneFixture(t)
			test.arguments["dry_run"] = true
			progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, test.arguments)
			expectNone(t, diags)
			expectProgress(t, progress, append([]string{`2 of 5 sessions match id_prefix "new-"`}, test.want...)...)
			f.expectWrites(t)
		})
	}
}

// TestPruneSessions_KeepsWhatTheRunHasMade: a prune at the end of a run must not
// undo the run.
func TestPruneSessions_KeepsWhatTheRunHasMade(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession("extended", time.Hour)
	f.putSession("forgotten", time.Hour)
	p := newProtocol(t, f)
	expectNone(t, p.open(t.Context(), nil).Diagnostics)
	_, diags := p.invoke(t.Context(), "palabra_extend_session", map[string]any{"session_id": "extended", "ttl_seconds": 60})
	expectNone(t, diags)
	progress, diags := p.invoke(t.Context(), pruneAction, map[string]any{"created_before": sinceStart(time.Hour)})
	expectNone(t, diags)
	if left := f.sessionIDs(); len(left) != 2 || slices.Contains(left, "forgotten") {
		t.Errorf("left: %q", left)
	}
	if !slices.Contains(progress, "Keeping session extended: this run created or extended it") {
		t.Errorf("progress: %q", progress)
	}
}

func expectProgress(t *testing.T, progress []string, want ...string) {
	t.Helper()
	if !slices.Equal(progress, want) {
		t.Errorf("progress:\n%s\nwant:\n%s", strings.Join(progress, "\n"), strings.Join(want, "\n"))
	}
}

func TestPruneSessions_MissingSessionIsNotAnError(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-1", Count: 1,
		Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			f.Remove("old-1")
			api.ServeHTTP(w, r)
		},
	})
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-", "max_deletions": 1, "allow_partial": true})
	expectNone(t, diags)
	expectProgress(t, progress,
		`3 of 5 sessions match id_prefix "old-"`, "Deleting 1 of 3 sessions, oldest first: old-1",
		"Session old-1 was already gone", "Deleted session old-2 (1 of 1)", "Deleted 1 of 3 sessions selected, 0 failed")
}

func TestPruneSessions_RefusedCredentialsStopIt(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		f := newPruneFixture(t)
		f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Skip: 1, Effect: sandbox.RefuseCredentials(status)})
		progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
		expectError(t, diags, "Stopped pruning after 1 deletion", "refused the credentials", "Not tried: old-3")
		if last := progress[len(progress)-1]; last != "Deleted 1 of 3 sessions selected, 1 failed" {
			t.Errorf("summary: %q", last)
		}
		f.expectWrites(t, "DELETE /sessions/old-1", "DELETE /sessions/old-2")
	}
}

func TestPruneSessions_GoesOnAfterADeletionThatFails(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-2", Effect: sandbox.HTMLError(http.StatusInternalServerError)})
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
	expectError(t, diags, "Unable to delete 1 session", "old-2", "500")
	if left := f.sessionIDs(); !slices.Equal(left, []string{"old-2", "new-1", "new-2"}) {
		t.Errorf("left: %q", left)
	}
	if last := progress[len(progress)-1]; last != "Deleted 2 of 3 sessions selected, 1 failed" {
		t.Errorf("summary: %q", last)
	}
}

// TestPruneSessions_DeadAPIStopsIt after three failures in a row, and the advice
// is given once.
func TestPruneSessions_DeadAPIStopsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect sandbox.Effect
		tried  int
	}{
		"503":              {sandbox.HTMLError(http.StatusServiceUnavailable), 3},
		"429":              {sandbox.RateLimited(""), 3},
		"cut off":          {sandbox.CutBefore(), 3},
		"one by one (409)": {sandbox.Respond(http.StatusConflict, "application/json", `{"error":"in use"}`), 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for i := range 30 {
				f.putSession(fmt.Sprintf("old-%02d", i), time.Hour)
			}
			f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Effect: test.effect})
			_, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
			if tried := len(f.writes()); tried != test.tried {
				t.Errorf("%d deletions were tried, want %d", tried, test.tried)
			}
			text := diagnosticText(diags)
			if len(diags) != 1 || len(text) > 4000 {
				t.Errorf("%d diagnostics of %d characters: %s", len(diags), len(text), text)
			}
			if test.tried == 3 {
				expectError(t, diags, "Stopped pruning after 0 deletions", "Not tried: old-03, ", "… and 7 more")
			}
		})
	}
}

func TestPruneSessions_IncompleteListDeletesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 150 {
		f.putSession(fmt.Sprintf("old-%03d", i), time.Hour)
	}
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, map[string]any{"id_prefix": "old-"})
	expectError(t, diags, "Unable to prune sessions", "502")
	f.expectWrites(t)
	if len(progress) > 0 {
		t.Errorf("progress: %q, want none", progress)
	}
}

func TestPruneSessions_InterruptNamesWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Inject(sandbox.Fault{
		Operation: sandbox.OperationDelete, SessionID: "old-2",
		Effect: interruptedBy(cancel),
	})
	progress, diags := newProtocol(t, f).invoke(ctx, pruneAction, map[string]any{"id_prefix": "old-"})
	if last := progress[len(progress)-1]; last != "Deleted session old-1 (1 of 3)" {
		t.Errorf("progress after the interrupt, of which an engine would read no more: %q", last)
	}
	expectError(t, diags, "Stopped pruning after 1 deletion", "interrupted", "1 of 3 sessions selected are deleted",
		`The deletion of session "old-2" was under way`, "Not tried: old-3")
	if text := diagnosticText(diags); strings.Contains(text, "nothing has to be repaired") {
		t.Errorf("sessions are gone: %s", text)
	}
	if left := f.sessionIDs(); !slices.Contains(left, "old-3") {
		t.Errorf("left: %q, want old-3 among them", left)
	}
}

// TestPruneSessions_WithoutAFilterIsRefused also for a filter that turns out as none
// after validation has met it as unknown.
func TestPruneSessions_WithoutAFilterIsRefused(t *testing.T) {
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
			p := newProtocol(t, f)
			if diags := p.validateAction(pruneAction, arguments); len(diags) == 0 {
				t.Error("validation accepts it")
			}
			expectError(t, p.planAction(pruneAction, arguments), "No filter", "id_prefix, created_before, created_after and expires_before")
			_, diags := p.invoke(t.Context(), pruneAction, arguments)
			expectError(t, diags, "No filter")
			if calls := f.calls(); len(calls) > 0 {
				t.Errorf("calls: %q, want none", calls)
			}
		})
	}
}

func TestPruneSessions_UnknownFilterIsAccepted(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newFixture(t))
	for _, filter := range []string{"id_prefix", "created_before", "created_after", "expires_before"} {
		arguments := map[string]any{filter: tftypes.UnknownValue}
		expectNone(t, p.validateAction(pruneAction, arguments))
		expectNone(t, p.planAction(pruneAction, arguments))
	}
}

// TestPruneSessions_NullInExcludeIDsIsRefused: the session that was to be kept
// would be deleted.
func TestPruneSessions_NullInExcludeIDsIsRefused(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	arguments := map[string]any{"id_prefix": "old-", "exclude_ids": []tftypes.Value{tftypes.NewValue(tftypes.String, nil)}}
	expectError(t, p.validateAction(pruneAction, arguments), "null value")
	expectError(t, p.planAction(pruneAction, arguments), "Null in exclude_ids")
	_, diags := p.invoke(t.Context(), pruneAction, arguments)
	expectError(t, diags, "Null in exclude_ids")
	f.expectCalls(t, "")
}
