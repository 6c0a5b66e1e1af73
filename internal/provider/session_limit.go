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
	// limitListTimeout bounds the look at what takes the places of an account:
	// somebody waits for the error.
	limitListTimeout = 10 * time.Second
	// oldestNamed is how many sessions the error names.
	oldestNamed = 5
)

// createError is apiError for a create. At the session limit it also says which
// sessions there are, once for each run.
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

// oldestSessions says how many sessions there are and names the oldest of them,
// with shortened ids, because an id may be a token. It is empty where they cannot
// be listed.
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
	slices.SortStableFunc(sessions, func(a, b palabra.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
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
