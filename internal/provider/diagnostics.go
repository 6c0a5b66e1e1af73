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

// apiError turns an error of the client into a diagnostic. The summary says what
// could not be done, the detail what the API said and what to do next.
func (d *providerData) apiError(summary string, err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic(summary, d.explain(err))
}

// readError is apiError for the read of a managed resource. The first error about
// refused credentials fails the run. After it, instances that were not requested
// only get a warning, because engines fold warnings with the same summary.
func (d *providerData) readError(sessionID string, err error) diag.Diagnostic {
	if errors.Is(err, palabra.ErrRefusedBefore) && d.readRefused.Load() {
		return diag.NewWarningDiagnostic("Sessions not read, because the API has refused the credentials",
			fmt.Sprintf("Session %q was not read, and its state is kept. Another error of this run says what to do.", sessionID))
	}
	if errors.Is(err, palabra.ErrUnauthorized) {
		d.readRefused.Store(true)
	}
	return d.apiError("Unable to read session", err)
}

// explain returns the detail of a diagnostic. Refused credentials and an API that
// does not answer fail every instance of a plan, so the advice is given only once.
func (d *providerData) explain(err error) string {
	said := sentence(err.Error())
	if errors.Is(err, palabra.ErrUnauthorized) && !d.refusalTold.CompareAndSwap(false, true) {
		return said
	}
	if errors.Is(err, palabra.ErrUnanswered) && !d.silenceTold.CompareAndSwap(false, true) {
		return said
	}
	return said + "\n\n" + d.advice(err)
}

// advice says what to do about an error.
func (d *providerData) advice(err error) string {
	var next string
	switch {
	case errors.Is(err, palabra.ErrMaybeCreated):
		next = "A session may have been created nevertheless; the request was not repeated, so there is at most one. " +
			"To find it, output data \"palabra_sessions\" with " + createdAfter(err) + ". " +
			"To delete it, import its id as a palabra_session_expiry and destroy that, or invoke the palabra_delete_session action. " +
			"Until then, or until it expires, it counts against the session limit."
	case errors.Is(err, context.Canceled):
		next = "The operation was interrupted. Run the command again; nothing has to be repaired first."
	case errors.Is(err, palabra.ErrNotListening):
		next = "The endpoint (" + envEndpoint + ") is an address of this machine, and no server listens there. Is the sandbox running, and on this port? " +
			"Nothing was removed from the state."
	case errors.Is(err, palabra.ErrInsufficientBalance):
		next = "The account has no balance left. Top it up, then run again."
		if sessionOf(err) == "" {
			next += " A new account gets its first balance about a minute after the sign-up."
		} else {
			next += " Until then, the session keeps the expiry that it has."
		}
	case errors.Is(err, palabra.ErrSessionLimit):
		next = "The account has as many sessions as its plan allows. Delete sessions that are no longer used. The guide \"Clean up an account near its limit\" shows how to " +
			"find them with data \"palabra_sessions\" and delete them with the palabra_prune_sessions action (Terraform 1.14). A session counts until it expires or is deleted. " +
			"With create_before_destroy, a replacement needs room for one session more."
	case errors.Is(err, palabra.ErrNoSuchEndpoint):
		next = fmt.Sprintf("The server does not know this path, so the endpoint (%s) is probably not the base URL of the API, which is %s. "+
			"The credentials are not at fault. Nothing was removed from the state.", envEndpoint, palabra.DefaultEndpoint)
	case errors.Is(err, palabra.ErrUnauthorized):
		next = fmt.Sprintf("The API refused the credentials from %s. Check that they are complete and active, that the endpoint is the one they belong to, "+
			"and that they are of the right kind: an API key (api_key) and a key pair (client_id with client_secret) are not interchangeable. "+
			"The API may also answer wrong credentials with 404. Nothing was removed from the state.", d.credentialSource)
	case errors.Is(err, palabra.ErrNotFound):
		next = "The session does not exist: it has expired, or somebody deleted it, or the id is misspelled." + spaceAtAnEnd(sessionOf(err)) +
			" Check the id, or remove it from the configuration."
	case errors.Is(err, palabra.ErrStillListed):
		next = "Something between this machine and the API may answer in its place, or the API is slow to notice a change. Run the command again. Nothing was removed from the state."
	case errors.Is(err, palabra.ErrUnconfirmed):
		next = "Gateways and refused credentials answer with 404, too. So a session counts as gone only if a list of the sessions lacks it, and that list could not be read. " +
			"Run the command again; if the error persists, check the endpoint attribute (" + envEndpoint + ") and the network. Nothing was removed from the state."
	case errors.Is(err, palabra.ErrProxy):
		next = "The proxy answered, not the API, and no request has reached the API. Check HTTPS_PROXY and NO_PROXY, and whether the proxy allows the endpoint. Nothing was removed from the state."
	case errors.Is(err, palabra.ErrRateLimited):
		next = "The API limits the rate of requests. Run again later, with a lower -parallelism, or raise max_retries in the provider configuration."
	default:
		next = transportAdvice(err)
	}
	return next
}

// clockTolerance is how far the clocks of the API and of this machine may be apart.
const clockTolerance = 5 * time.Minute

func clocksDisagree(session palabra.Session) bool {
	return session.ServerTime.Sub(session.LocalTime).Abs() > clockTolerance && !session.LocalTime.IsZero()
}

// clockWarning is shown once, if the clocks of the API and of this machine disagree.
func (d *providerData) clockWarning(session palabra.Session) diag.Diagnostics {
	if !clocksDisagree(session) || !d.clocksTold.CompareAndSwap(false, true) {
		return nil
	}
	return diag.Diagnostics{diag.NewWarningDiagnostic("Clocks disagree",
		fmt.Sprintf("The API's answers are dated %s, and this machine's clock says %s. One of them is wrong. "+
			"Renewals are planned by the clock that leaves a session less time. Set this machine's clock; if it is right, report the difference to Palabra.",
			session.ServerTime.Format(time.RFC3339), session.LocalTime.Format(time.RFC3339)))}
}

// createdAfter is a filter that selects a session which may have been created.
// SentAt may come from this machine's clock, so the filter allows a minute of error.
func createdAfter(err error) string {
	var apiErr *palabra.Error
	if !errors.As(err, &apiErr) || apiErr.SentAt.IsZero() {
		return "created_after set to just before this run"
	}
	return fmt.Sprintf("created_after = %q", apiErr.SentAt.Add(-time.Minute).UTC().Format(time.RFC3339))
}

func transportAdvice(err error) string {
	var apiErr *palabra.Error
	if errors.As(err, &apiErr) && apiErr.StatusCode >= 400 && apiErr.StatusCode < 500 && !errors.Is(err, palabra.ErrNotTheAPI) {
		return "The API refused the request. Its message above gives the reason."
	}
	return "Run the command again. If the error persists, check the endpoint attribute (" + envEndpoint + "), the network, and the status of the Palabra service. " +
		"Nothing was removed from the state."
}

func sessionOf(err error) string {
	var apiErr *palabra.Error
	if !errors.As(err, &apiErr) {
		return ""
	}
	return apiErr.SessionID
}

func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

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
	for session, err := range client.Sessions(ctx, palabra.DefaultPageSize) {
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

// readableDuration leaves out zero units at the end: 41m, 720h.
func readableDuration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
