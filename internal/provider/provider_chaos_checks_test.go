//go:build unix

package provider_test

import (
	"strings"
	"time"
)

// state is the state by session id.
func (c *chaos) state() map[string]stateInstance {
	c.t.Helper()
	sessions := make(map[string]stateInstance)
	for _, instances := range c.instances() {
		for _, instance := range instances {
			sessions[instance.id()] = instance
		}
	}
	return sessions
}

// expectAgreement expects the same sessions and expiries in the state and the API.
func (c *chaos) expectAgreement(ttl time.Duration) {
	c.t.Helper()
	state := c.state()
	if len(state) != c.n {
		c.t.Errorf("the state holds %d sessions, want %d", len(state), c.n)
	}
	want := testStart.Add(ttl)
	for id, held := range state {
		session, ok := c.api.Session(id)
		if !ok || !session.ExpiresAt.Equal(want) || held.Attributes["expires_at"] != want.Format(time.RFC3339) || held.Status == "tainted" {
			c.t.Errorf("session %s: state %+v, API %+v (exists: %t), want both to expire at %s", id, held, session, ok, want)
		}
	}
}

// orphans deletes the created sessions that are not in the state, as the errors
// advise, and counts them.
func (c *chaos) orphans() (n int) {
	c.t.Helper()
	state := c.state()
	for _, session := range c.api.Sessions() {
		if _, managed := state[session.ID]; !managed && strings.HasPrefix(session.ID, "sandbox-user.") {
			n++
			c.api.Remove(session.ID)
		}
	}
	return n
}

// expectBystandersUntouched expects the bystanders, and no other session.
func (c *chaos) expectBystandersUntouched() {
	c.t.Helper()
	want := make(map[string]bool)
	for i := c.n / 2; i < c.n; i++ {
		want[numberedID(i)] = true
	}
	for _, session := range c.api.Sessions() {
		if !want[session.ID] || !session.ExpiresAt.Equal(testStart.Add(30*24*time.Hour)) {
			c.t.Errorf("after everything was destroyed, the API holds %+v", session)
		}
		delete(want, session.ID)
	}
	if len(want) > 0 {
		c.t.Errorf("bystanders are gone: %v", want)
	}
}
