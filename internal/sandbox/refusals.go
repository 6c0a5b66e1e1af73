package sandbox

import "net/http"

// Respond answers with a status and body, without doing what was asked for.
// Headers are given as name, value, ….
func Respond(status int, contentType, body string, headers ...string) Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// HTMLError answers with a web page, as a gateway does.
func HTMLError(status int) Effect {
	return Respond(status, "text/html; charset=utf-8", "<html><head><title>"+http.StatusText(status)+"</title></head><body><h1>nginx</h1></body></html>")
}

// RateLimited answers 429; retryAfter is seconds or an HTTP date, empty for none.
func RateLimited(retryAfter string) Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		writeProblem(w, r, http.StatusTooManyRequests, "Too many requests", "The rate limit is exceeded.", 100429)
	}
}

// Redirect sends the client elsewhere.
func Redirect(location string) Effect {
	return Respond(http.StatusTemporaryRedirect, "text/plain", "", "Location", location)
}

// RefuseCredentials answers as if the credentials were wrong.
func RefuseCredentials(status int) Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		refuseCredentials(w, r, status)
	}
}

// NotOK answers {"ok": false, …} with a problem list; the status may be 200.
func NotOK(status int, title, detail string, code int) Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		writeProblem(w, r, status, title, detail, code)
	}
}

// InsufficientBalance refuses a create as production does without a balance.
func InsufficientBalance() Effect {
	return NotOK(http.StatusForbidden, "Forbidden resource", "Insufficient balance", 100050)
}

// SessionLimitReached refuses a create as over the limit, with any status: that of
// the API is not known.
func SessionLimitReached(status int) Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		refuseOverLimit(w, r, status)
	}
}

func refuseOverLimit(w http.ResponseWriter, r *http.Request, status int) {
	writeProblem(w, r, status, "Forbidden resource", "The limit of active sessions is reached.", 100051)
}

func refuseCredentials(w http.ResponseWriter, r *http.Request, status int) {
	title, detail := "Unauthorized", "Unauthorized access is denied due to invalid credentials."
	if status == http.StatusNotFound {
		title, detail = "Not found", "User not found."
	}
	writeProblem(w, r, status, title, detail, 100000+status)
}
