package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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

func TestPruneSessionsAction_ReportsWhatItKeepsAndDeletes(t *testing.T) {
	t.Parallel()
	dated := func(verdict, id string, age int) string {
		created := time.Duration(age) * time.Hour
		return "Dry run: " + verdict + " session " + id + ", created " + sinceStart(created) + ", expires " + sinceStart(created+24*time.Hour)
	}
	const matched, would = `3 of 5 sessions match id_prefix "old-"`, "would delete"
	type row struct {
		arguments attributes // besides id_prefix = "old-"
		writes    []string
		progress  []string
	}
	eachRow(t, map[string]row{
		"all": {nil, []string{"DELETE old-1", "DELETE old-2", "DELETE old-3"}, []string{
			matched, "Deleting 3 sessions, oldest first: old-1, old-2, old-3",
			"Deleted session old-1 (1 of 3)", "Deleted session old-2 (2 of 3)", "Deleted session old-3 (3 of 3)",
			"Deleted 3 of 3 sessions selected, 0 failed",
		}},
		"none": {attributes{"id_prefix": "none-"}, nil, []string{
			`0 of 5 sessions match id_prefix "none-"`, "Deleted 0 of 0 sessions selected, 0 failed",
		}},
		"excluded": {attributes{"exclude_ids": []string{"old-2", "elsewhere"}, "max_deletions": 2}, []string{"DELETE old-1", "DELETE old-3"}, []string{
			matched, "Keeping session old-2: exclude_ids names it", "Deleting 2 sessions, oldest first: old-1, old-3",
			"Deleted session old-1 (1 of 2)", "Deleted session old-3 (2 of 2)", "Deleted 2 of 2 sessions selected, 0 failed",
		}},
		"the oldest": {attributes{"max_deletions": 1, "allow_partial": true}, []string{"DELETE old-1"}, []string{
			matched, "Deleting 1 of 3 sessions, oldest first: old-1",
			"Deleted session old-1 (1 of 1)", "Deleted 1 of 3 sessions selected, 0 failed",
		}},
		"dry run": {attributes{"max_deletions": 3, "dry_run": true}, nil, []string{
			matched, dated(would, "old-1", 0), dated(would, "old-2", 1), dated(would, "old-3", 2), "Dry run: 3 sessions would be deleted, nothing was",
		}},
		"dry run of the oldest": {attributes{"max_deletions": 2, "allow_partial": true, "dry_run": true}, nil, []string{
			matched, dated(would, "old-1", 0), dated(would, "old-2", 1), dated("would keep, because of max_deletions,", "old-3", 2),
			"Dry run: 2 of 3 sessions would be deleted, nothing was",
		}},
		"dry run of more than allowed": {attributes{"max_deletions": 2, "dry_run": true}, nil, []string{
			matched, dated("selected", "old-1", 0), dated("selected", "old-2", 1), dated("selected", "old-3", 2),
			"Dry run: max_deletions is 2 and 3 sessions match, so nothing would be deleted without allow_partial = true",
		}},
	}, func(t *testing.T, test row) {
		f := newPruneFixture(t)
		arguments := attributes{"id_prefix": "old-"}
		maps.Copy(arguments, test.arguments)
		progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, arguments)
		expectNone(t, diags)
		expectProgress(t, progress, test.progress...)
		f.expectWrites(t, test.writes...)
	})
}

func TestPruneSessionsAction_RefusesMoreThanMaxDeletions(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	for _, partial := range []any{nil, false} {
		progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "old-", "max_deletions": 2, "allow_partial": partial})
		expectError(t, diags, "More sessions selected than max_deletions", "3 sessions match", "Nothing was deleted", "allow_partial = true")
		f.expectWrites(t)
		expectProgress(t, progress, `3 of 5 sessions match id_prefix "old-"`)
	}
}

// TestPruneSessionsAction_DeletesTheOldestFirst, whatever order the API lists
// them in. Sessions of unknown age come last.
func TestPruneSessionsAction_DeletesTheOldestFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, id := range []string{"a-ageless", "a-young", "a-old"} {
		f.putSession(id, time.Hour)
	}
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"data":[
		{"id":"a-young","created_at":"2031-03-14T09:00:00Z"}, {"id":"a-ageless"}, {"id":"a-old","created_at":"2031-03-01T09:00:00Z"}]}`)})
	_, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "a-"})
	expectNone(t, diags)
	f.expectWrites(t, "DELETE a-old", "DELETE a-young", "DELETE a-ageless")
}

// TestPruneSessionsAction_KeepsWhatTheRunHasMade, also if its answer was lost: a prune at
// the end of a run must not undo the run. What an action has extended is no such thing.
func TestPruneSessionsAction_KeepsWhatTheRunHasMade(t *testing.T) {
	t.Parallel()
	renewed := room("renewed")
	s := newAppliedStory(t, configuration{renewed: lasts("renewed")}, "renewed", "lost", "forgotten")
	p := newProtocolWith(t, s.provider)
	s.server = p.server
	expectNone(t, p.open(t.Context(), nil).Diagnostics)
	s.change(configuration{renewed: lasts("renewed", triggers("2")), sessionAt("it"): {}})
	heal := s.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.CutAfter()})
	s.config[room("it")] = lasts("lost")
	s.applyFails(command{}, "Unable to set session expiry")
	heal()
	_, diags := p.invoke(t.Context(), extendAction, attributes{"session_id": "forgotten", "ttl_seconds": 7200})
	expectNone(t, diags)
	s.writes()
	progress, diags := p.invoke(t.Context(), pruneAction, attributes{"created_before": sinceStart(time.Hour)})
	expectNone(t, diags)
	s.expectWrites("DELETE forgotten")
	for _, want := range []string{"5 of 5 sessions match created_before " + sinceStart(time.Hour), "Keeping session renewed: a resource of this run created or extended it", "Keeping session lost: a resource of this run created or extended it"} {
		if !slices.Contains(progress, want) {
			t.Errorf("progress: %q, want %q", progress, want)
		}
	}
}

// TestPruneSessionsAction_MissingSessionIsNotAnError, and does not count as
// deleted.
func TestPruneSessionsAction_MissingSessionIsNotAnError(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: "old-1", Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		f.Remove("old-1")
		api.ServeHTTP(w, r)
	}})
	progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "old-", "max_deletions": 1, "allow_partial": true})
	expectNone(t, diags)
	expectProgress(t, progress,
		`3 of 5 sessions match id_prefix "old-"`, "Deleting 1 of 3 sessions, oldest first: old-1",
		"Session old-1 was already gone", "Deleted session old-2 (1 of 1)", "Deleted 1 of 3 sessions selected, 0 failed")
}

// TestPruneSessionsAction_InvalidFiltersAreRefusedInEachPhase: a value that
// validation has met as unknown can turn out to be null or empty.
func TestPruneSessionsAction_InvalidFiltersAreRefusedInEachPhase(t *testing.T) {
	t.Parallel()
	const noFilter = "No filter: Set at least one of id_prefix, created_before, created_after and expires_before"
	null := []tftypes.Value{tftypes.NewValue(tftypes.String, nil)}
	type row struct {
		arguments attributes
		want      string
	}
	eachRow(t, map[string]row{
		"nothing":             {attributes{}, noFilter},
		"only an exclude":     {attributes{"exclude_ids": []string{"old-1"}}, noFilter},
		"an empty prefix":     {attributes{"id_prefix": "", "max_deletions": 1}, noFilter},
		"null in exclude_ids": {attributes{"id_prefix": "old-", "exclude_ids": null}, "Null in exclude_ids"},
	}, func(t *testing.T, test row) {
		f := newPruneFixture(t)
		p := newProtocol(t, f)
		expectError(t, p.validateAction(pruneAction, test.arguments))
		expectError(t, p.planAction(pruneAction, test.arguments), test.want)
		_, diags := p.invoke(t.Context(), pruneAction, test.arguments)
		if expectError(t, diags, test.want); len(diags) != 1 {
			t.Errorf("%d diagnostics, want 1: %s", len(diags), diagnosticText(diags))
		}
		f.expectCalls(t, "")
	})
}

// TestPruneSessionsAction_StopsWhenEveryCallFails, and gives advice once. It goes
// on after a session that cannot be deleted.
func TestPruneSessionsAction_StopsWhenEveryCallFails(t *testing.T) {
	t.Parallel()
	const sessions = 30
	dead := []string{"Stopped pruning after 0 deletions", "Not tried: old-03, ", "… and 7 more"}
	unauthorized := []string{"Stopped pruning after 1 deletion", "refused the credentials", "Not tried: old-02, "}
	broken := sandbox.HTMLError(http.StatusInternalServerError)
	type row struct {
		effect        sandbox.Effect
		only          []string // sessions
		skip          int
		tried, failed int
		want          []string
	}
	eachRow(t, map[string]row{
		"500":          {broken, []string{""}, 0, 3, 3, dead},
		"429":          {sandbox.RateLimited(""), []string{""}, 0, 3, 3, dead},
		"cut off":      {sandbox.CutBefore(), []string{""}, 0, 3, 3, dead},
		"401":          {sandbox.RefuseCredentials(http.StatusUnauthorized), []string{""}, 1, 2, 1, unauthorized},
		"one session":  {broken, []string{"old-02"}, 0, sessions, 1, []string{"Unable to delete 1 session", "old-02", "500"}},
		"not in a row": {broken, []string{"old-02", "old-04", "old-06"}, 0, sessions, 3, []string{"Unable to delete 3 sessions"}},
		"each in use": {
			sandbox.Respond(http.StatusConflict, "application/json", `{"error":"in use"}`), []string{""}, 0, sessions, sessions,
			[]string{"Unable to delete 30 sessions", "in use", "… and 10 more"},
		},
	}, func(t *testing.T, test row) {
		f := newFixture(t)
		for i := range sessions {
			f.putSession(fmt.Sprintf("old-%02d", i), time.Hour)
		}
		for _, id := range test.only {
			f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, SessionID: id, Skip: test.skip, Effect: test.effect})
		}
		progress, diags := newProtocol(t, f).invoke(t.Context(), pruneAction, attributes{"id_prefix": "old-"})
		if tried := len(f.writes()); tried != test.tried {
			t.Errorf("%d deletions were tried, want %d", tried, test.tried)
		}
		said := strings.Join(progress, "\n")
		summary := fmt.Sprintf("\nDeleted %d of %d sessions selected, %d failed", test.tried-test.failed, sessions, test.failed)
		if !strings.HasSuffix(said, summary) || strings.Count(said, "\nUnable to delete session old-") != test.failed {
			t.Errorf("progress: %s\nwant %d failures and %s", said, test.failed, summary)
		}
		expectError(t, diags, test.want...)
		if text := diagnosticText(diags); len(diags) != 1 || len(text) > 4000 || strings.Contains(text, "Not tried") != (test.tried < sessions) {
			t.Errorf("%d diagnostics of %d characters: %s", len(diags), len(text), text)
		}
	})
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
	for i, want := range []string{
		`1 of 3 sessions selected are deleted. The deletion of session "old-2" was under way: it may be deleted, too. Not tried: old-3. Invoke`,
		`2 of 3 sessions selected are deleted. The deletion of session "old-3" was under way: it may be deleted, too. Invoke`,
	} {
		f := newPruneFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := i + 1
		f.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Skip: done, Effect: interruptedBy(cancel)})
		progress, diags := newProtocol(t, f).invoke(ctx, pruneAction, attributes{"id_prefix": "old-"})
		if last := progress[len(progress)-1]; !strings.HasSuffix(last, fmt.Sprintf("(%d of 3)", done)) {
			t.Errorf("progress comes late, or after the interrupt, when an engine does not read it: %q", last)
		}
		expectError(t, diags, fmt.Sprintf("Stopped pruning after %d deletion", done), want)
		f.wait()
		f.expectWrites(t, []string{"DELETE old-1", "DELETE old-2", "DELETE old-3"}[:done+1]...)
	}
}

// TestPruneSessionsAction_UnknownArgumentDeletesNothing: it is accepted until the
// action is invoked.
func TestPruneSessionsAction_UnknownArgumentDeletesNothing(t *testing.T) {
	t.Parallel()
	f := newPruneFixture(t)
	p := newProtocol(t, f)
	for _, attribute := range providerSchemas().ActionSchemas[pruneAction].Schema.Block.Attributes {
		arguments := attributes{"created_before": sinceStart(time.Hour), attribute.Name: tftypes.UnknownValue}
		expectNone(t, p.validateAction(pruneAction, arguments))
		expectNone(t, p.planAction(pruneAction, arguments))
		_, diags := p.invoke(t.Context(), pruneAction, arguments)
		expectError(t, diags, "still unknown", "Nothing was deleted")
	}
	only := attributes{"id_prefix": tftypes.UnknownValue}
	expectNone(t, p.validateAction(pruneAction, only))
	expectNone(t, p.planAction(pruneAction, only))
	f.expectCalls(t, "")
}
