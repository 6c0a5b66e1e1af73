package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	// limitListTimeout bounds the listing of sessions: a person waits for the error.
	limitListTimeout = 10 * time.Second
	// oldestNamed is the number of sessions that the error names.
	oldestNamed = 5
)

// createError is apiError for a create. At the session limit, the first error of a
// run also names the oldest sessions.
func (d *providerData) createError(ctx context.Context, client *palabra.Client, summary string, err error) diag.Diagnostic {
	if !errors.Is(err, palabra.ErrSessionLimit) {
		return d.apiError(summary, err)
	}
	said := sentence(err.Error())
	if !d.limitTold.CompareAndSwap(false, true) {
		return diag.NewErrorDiagnostic(summary, said)
	}
	return diag.NewErrorDiagnostic(summary, said+"\n\n"+oldestSessions(ctx, client)+d.advice(err))
}

// oldestSessions says how many sessions there are and names the oldest. It shortens
// the ids, because an id may be a token. It is empty if the list fails.
func oldestSessions(ctx context.Context, client *palabra.Client) string {
	ctx, cancel := context.WithTimeout(ctx, limitListTimeout)
	defer cancel()
	var sessions []palabra.Session
	for session, err := range client.SessionsPageSize(ctx, palabra.DefaultPageSize) {
		if err != nil {
			return ""
		}
		if sessions = append(sessions, session); len(sessions) == palabra.DefaultPageSize {
			break
		}
	}
	if len(sessions) == 0 {
		return ""
	}
	slices.SortStableFunc(sessions, oldestFirst)
	var text strings.Builder
	atLeast := ""
	if len(sessions) == palabra.DefaultPageSize {
		atLeast = "at least "
	}
	fmt.Fprintf(&text, "The account has %s%s. The oldest:\n", atLeast, count(len(sessions), "session"))
	for _, session := range sessions[:min(oldestNamed, len(sessions))] {
		fmt.Fprintf(&text, "  %s, created %s, expires %s\n", palabra.ShortenID(session.ID), known(session.CreatedAt), known(session.ExpiresAt))
	}
	return text.String() + "\n"
}

// oldestFirst orders sessions by age, those of unknown age last.
func oldestFirst(a, b palabra.Session) int {
	switch {
	case a.CreatedAt.IsZero() == b.CreatedAt.IsZero():
		return a.CreatedAt.Compare(b.CreatedAt)
	case a.CreatedAt.IsZero():
		return 1
	default:
		return -1
	}
}
