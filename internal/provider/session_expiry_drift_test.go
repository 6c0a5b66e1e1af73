package provider

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const earlierWarning = "Session expires earlier than it was given"

// withoutExpiry answers a read of session s1 without the optional fields.
func withoutExpiry(*story) sandbox.Fault {
	return sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Replace(http.StatusOK, "application/json", `{"data":{"id":"s1"}}`)}
}

func TestSessionExpiry_OnlyAnEarlierExpiryIsDrift(t *testing.T) {
	t.Parallel()
	connect := func(s *story) { s.Connect("s1") }
	earlier := earlierWarning + " … was given a lifetime until " + sinceStart(2*time.Hour) + ", and now expires at " + sinceStart(time.Hour)
	runScenarios(t, map[string]scenario{
		// Without the later expiry, the renewal would be due.
		"later": {turns: []turn{
			given(lead(time.Hour)),
			{happens: all(after(90*time.Minute), expiring(5*time.Hour))},
		}},
		"an hour earlier": {turns: []turn{
			given(lead(10 * time.Minute)),
			{happens: expiring(time.Hour), warns: []string{earlier}, expiresAt: time.Hour},
		}},
		"earlier than the lead time": {turns: []turn{
			given(lead(time.Hour)),
			{happens: expiring(30 * time.Minute), warns: []string{earlierWarning}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 2 * time.Hour},
		}},
		// The expiry is a minute ahead, and moves every minute.
		"connected": {turns: []turn{
			given(nil),
			{happens: connect, warns: []string{earlierWarning}, expiresAt: time.Minute},
			{happens: after(7 * time.Minute)},
		}},
		"connected, with the expiry reset to the present": {
			options: func(o *sandbox.Options) { o.ConnectResetsToNow = true },
			turns: []turn{
				given(nil),
				{happens: all(after(time.Minute), connect), warns: []string{earlierWarning}, expiresAt: time.Minute},
				{happens: all(func(s *story) { s.Disconnect("s1") }, after(5*time.Minute)), warns: []string{"Session has ended"}, ended: true},
			},
		},
		"no expiry in the answers": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(30 * time.Minute), fault: withoutExpiry},
			{happens: after(time.Hour), fault: withoutExpiry, plans: "renew", writes: []string{"POST s1"}, expiresAt: 90*time.Minute + 2*time.Hour},
		}},
	})
}

// A list may lag behind the API: these pages show the lifetime that each session
// had before it was set, for which every renewal would be due.
func TestSessionExpiry_LaggingListPlansNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	config := make(configuration)
	for i := range 20 {
		id := fmt.Sprintf("s%d", i)
		s.Put(sandbox.Session{ID: id, CreatedAt: testStart, ExpiresAt: testStart.Add(10 * time.Minute)})
		config[room(id)] = lasts(id, lead(50*time.Minute))
	}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: s.LaggingList(time.Hour)})
	s.change(config)
	s.clock.Advance(time.Minute)
	s.ResetRequests()
	s.expectEmptyPlan()
	pages := 0
	for _, request := range s.Requests() {
		if request.SessionID == "" {
			pages++
		}
	}
	if pages == 0 {
		t.Error("the plans have read no page")
	}
}
