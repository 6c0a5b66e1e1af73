package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	pruneSummary = "Unable to prune sessions"
	// failuresInARow stops a run if the API fails for every call.
	failuresInARow = 3
	// namedAtOnce is the maximum number of sessions that one message names.
	namedAtOnce = 20
)

// pruning is one invocation of the action.
type pruning struct {
	data     *providerData
	client   *palabra.Client
	filter   sessionFilter
	config   pruneSessionsModel
	excluded []string
	report   func(format string, arguments ...any)

	deleted  int
	failures []error
}

func (p *pruning) prune(ctx context.Context) diag.Diagnostics {
	selected, err := p.selectSessions(ctx)
	if err != nil {
		return diag.Diagnostics{p.data.apiError(pruneSummary, err)}
	}
	limit := len(selected)
	if !p.config.MaxDeletions.IsNull() {
		limit = int(min(int64(limit), p.config.MaxDeletions.ValueInt64()))
	}
	refused := limit < len(selected) && !p.config.AllowPartial.ValueBool()
	switch {
	case p.config.DryRun.ValueBool():
		p.dryRun(selected, limit, refused)
		return nil
	case refused:
		return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root("max_deletions"), "More sessions selected than max_deletions",
			fmt.Sprintf("%s match, and max_deletions is %d. Nothing was deleted. Use dry_run to see them. Then narrow the filters, raise max_deletions, "+
				"or set allow_partial = true to delete the oldest %d.", count(len(selected), "session"), limit, limit))}
	case len(selected) > 0:
		p.report("Deleting %s, oldest first: %s", p.portion(selected, limit), names(selected[:limit]))
	}
	diags := p.deleteOldest(ctx, selected, limit)
	p.report("Deleted %d of %s selected, %d failed", p.deleted, count(len(selected), "session"), len(p.failures))
	return diags
}

// selectSessions lists all sessions before any is deleted, because a page token may
// become invalid when its session is deleted. The oldest session comes first.
func (p *pruning) selectSessions(ctx context.Context) ([]palabra.Session, error) {
	var selected []palabra.Session
	listed := 0
	var kept []string
	for session, err := range p.client.Sessions(ctx, palabra.DefaultPageSize) {
		if err != nil {
			return nil, err
		}
		listed++
		switch {
		case !p.filter.matches(session):
		case slices.Contains(p.excluded, session.ID):
			kept = append(kept, "Keeping session "+session.ID+": exclude_ids names it")
		case p.data.guard.hasWritten(session.ID), p.data.sessions.contains(session.ID):
			kept = append(kept, "Keeping session "+session.ID+": a resource of this run created or extended it")
		default:
			selected = append(selected, session)
		}
	}
	p.report("%d of %s match %s", len(selected)+len(kept), count(listed, "session"), p.filter)
	for _, line := range kept {
		p.report("%s", line)
	}
	slices.SortStableFunc(selected, oldestFirst)
	return selected, nil
}

func (p *pruning) dryRun(selected []palabra.Session, limit int, refused bool) {
	for i, session := range selected {
		verdict := "would delete"
		if i >= limit {
			verdict = "would keep, because of max_deletions,"
		}
		if refused {
			verdict = "selected"
		}
		p.report("Dry run: %s session %s, created %s, expires %s", verdict, session.ID, known(session.CreatedAt), known(session.ExpiresAt))
	}
	if refused {
		p.report("Dry run: max_deletions is %d and %s match, so nothing would be deleted without allow_partial = true", limit, count(len(selected), "session"))
		return
	}
	p.report("Dry run: %s would be deleted, nothing was", p.portion(selected, limit))
}

// deleteOldest deletes until limit sessions are deleted.
func (p *pruning) deleteOldest(ctx context.Context, selected []palabra.Session, limit int) diag.Diagnostics {
	inARow := 0
	for i, session := range selected {
		if p.deleted == limit {
			break
		}
		if ctx.Err() != nil {
			return p.interrupted(len(selected), selected[i:], "")
		}
		err := p.client.Delete(ctx, session.ID)
		switch {
		case err == nil, errors.Is(err, palabra.ErrMaybeDeleted):
			p.deleted++
			p.report("Deleted session %s (%d of %d)", session.ID, p.deleted, limit)
		case errors.Is(err, palabra.ErrNotFound):
			p.report("Session %s was already gone", session.ID)
		case ctx.Err() != nil:
			return p.interrupted(len(selected), selected[i+1:], session.ID)
		default:
			p.failures = append(p.failures, err)
			p.report("Unable to delete session %s", session.ID)
		}
		if !hitsEveryCall(err) {
			inARow = 0
		} else if inARow++; inARow == failuresInARow || errors.Is(err, palabra.ErrUnauthorized) {
			return p.failed(fmt.Sprintf("Stopped pruning after %s", count(p.deleted, "deletion")), selected[i+1:])
		}
	}
	if len(p.failures) > 0 {
		return p.failed("Unable to delete "+count(len(p.failures), "session"), nil)
	}
	return nil
}

// hitsEveryCall says whether the next deletion will fail, too: the API is down, or it
// refuses the credentials.
func hitsEveryCall(err error) bool {
	var apiErr *palabra.Error
	if !errors.As(err, &apiErr) {
		return false
	}
	answered := apiErr.StatusCode != 0 && apiErr.StatusCode < http.StatusInternalServerError
	return !answered || errors.Is(err, palabra.ErrUnauthorized) || errors.Is(err, palabra.ErrRateLimited)
}

// failed lists what failed and what was not tried, with one piece of advice.
func (p *pruning) failed(summary string, untried []palabra.Session) diag.Diagnostics {
	var detail strings.Builder
	for i, err := range p.failures {
		if i == namedAtOnce {
			fmt.Fprintf(&detail, "… and %d more.\n", len(p.failures)-i)
			break
		}
		detail.WriteString(sentence(err.Error()) + "\n")
	}
	if len(untried) > 0 {
		fmt.Fprintf(&detail, "Not tried: %s.\n", names(untried))
	}
	last := p.failures[len(p.failures)-1]
	return diag.Diagnostics{diag.NewErrorDiagnostic(summary, detail.String()+"\n"+p.data.advice(last))}
}

func (p *pruning) interrupted(selected int, untried []palabra.Session, underWay string) diag.Diagnostics {
	detail := fmt.Sprintf("The action was interrupted. %d of %s selected are deleted.", p.deleted, count(selected, "session"))
	if underWay != "" {
		detail += fmt.Sprintf(" The deletion of session %q was under way: it may be deleted, too.", underWay)
	}
	if len(untried) > 0 {
		detail += " Not tried: " + names(untried) + "."
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Stopped pruning after "+count(p.deleted, "deletion"), detail+" Invoke the action again to continue.")}
}

func (p *pruning) portion(selected []palabra.Session, limit int) string {
	if limit < len(selected) {
		return fmt.Sprintf("%d of %s", limit, count(len(selected), "session"))
	}
	return count(limit, "session")
}

// names lists at most namedAtOnce ids.
func names(sessions []palabra.Session) string {
	var ids []string
	for i, session := range sessions {
		if i == namedAtOnce {
			ids = append(ids, fmt.Sprintf("… and %d more", len(sessions)-i))
			break
		}
		ids = append(ids, session.ID)
	}
	return strings.Join(ids, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func known(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}
