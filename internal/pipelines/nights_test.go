package pipelines

import (
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestNights_AreGreenOnlyIfTheSessionsLive has more than forty nights, in four rows.
func TestNights_AreGreenOnlyIfTheSessionsLive(t *testing.T) {
	t.Parallel()
	nights := make(chan int, 4)
	t.Run("rows", func(t *testing.T) {
		for name, row := range map[string]func(*kit){
			"ordinary nights":          ordinaryNights,
			"changes without a person": changesWithoutAPerson,
			"failures":                 failures,
			"nobody renews":            nobodyRenews,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newKit(t)
				row(k)
				nights <- k.night
			})
		}
	})
	close(nights)
	sum := 0
	for n := range nights {
		sum += n
	}
	if !t.Failed() && sum < 40 {
		t.Errorf("%d nights, want at least 40", sum)
	}
}

func ordinaryNights(k *kit) {
	for range 3 {
		k.expect(k.isGreen("room.a", "room.b", "room.c"), `kept["hall"]`+"` | lives at least until 2031-")
	}

	k.Connect("room.c")
	k.clock.Advance(10 * time.Minute)
	k.Disconnect("room.c")
	k.hungUp["room.c"] = true
	k.expect(k.isGreen("room.a", "room.b"), `kept["hall"]`+"` | ended before its time")
	delete(k.sessions, "hall")
	k.want()
	if said := k.isGreen("room.a", "room.b"); strings.Contains(said, "ended before its time") {
		k.t.Errorf("the night does not remove the ended session:\n%s", said)
	}

	allow := k.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, SessionID: "room.b", Effect: sandbox.NotOK(http.StatusConflict, "Conflict", "Not today", 1)})
	k.isRed("409", "room.a", "room.b")
	allow()
	k.isGreen("room.a", "room.b")
	k.days(2)
	k.isGreen("room.a", "room.b")

	k.edit("main.tf", "= false\n", "= false\n  renew_triggers = { release = \"2\" }\n")
	k.clock.Advance(-23 * time.Hour)
	k.isGreen("room.a", "room.b")
}

func changesWithoutAPerson(k *kit) {
	all := []string{"room.a", "room.b", "room.c"}
	for i, change := range []struct{ file, old, replacement, why string }{
		{"main.tf", "4 * 24 * 3600", "30 * 24 * 3600", "ttl_seconds from 345600 to 2592000"},
		{"main.tf", "= 3 * 24 * 3600 + 3600", "= 60", "renew_before_seconds from 262800 to 60"},
		{"main.tf", "delete_on_destroy    = false", "delete_on_destroy = true", "delete_on_destroy from false to true"},
		{"sessions.auto.tfvars", "  stage = \"room.b\"\n", "", `remove it although its session lives (session "room.b")`},
		{"sessions.auto.tfvars", "stage", "scene", `create it (session "room.b")`},
		{"sessions.auto.tfvars", "room.b", "room.d", `session_id from "room.b" to "room.d"`},
		{"main.tf", `provider "palabra" {}`, "provider \"palabra\" {\n  renew_only = false\n}\nresource \"palabra_session\" \"own\" {}\n", "create it"},
		{"main.tf", `variable "sessions"`, "resource \"palabra_session_expiry\" \"own\" {\n  session_id = \"room.d\"\n  ttl_seconds = 60\n}\nvariable \"sessions\"", `create it (session "room.d")`},
	} {
		undo := k.edit(change.file, change.old, change.replacement)
		k.expect(k.isRed("More than a renewal"), change.why)
		undo()
		if i%2 == 1 { // No more than two nights in a row may fail.
			k.isGreen(all...)
		}
	}

	k.sessions["annex"] = "room.d"
	k.want()
	k.isRed(`"room.d"`)
	k.apply()
	k.isGreen("room.a", "room.b", "room.c", "room.d")
}

func failures(k *kit) {
	all := []string{"room.a", "room.b", "room.c"}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		for _, receives := range []string{"the group", "the command"} {
			// GitLab's command is a shell of its own, which does not forward signals.
			if receives == "the command" && k.platform().name == "gitlab" {
				k.isGreen(all...)
			}
			k.interrupted(func(n *night) {
				pid := n.Process.Pid
				if receives == "the group" {
					pid = -pid
				}
				_ = syscall.Kill(pid, signal)
			}, func(n *night) {
				k.expect(k.end(n, false), "stopped the run", "lives at least until")
				if lock := k.backend.held(); lock != "" {
					k.t.Fatalf("%s to %s leaves a lock behind: %s", signal, receives, lock)
				}
			})
		}
		k.isGreen(all...)
	}

	k.interrupted((*night).kill, func(n *night) { _ = n.Wait(); k.night++ })
	said := k.isRed("Error acquiring the state lock")
	id, _, _ := strings.Cut(strings.TrimSpace(strings.SplitAfter(said, "ID:")[1]), "\n")
	k.person("", "force-unlock", "-force", id)
	k.isGreen(all...)

	outage := k.Inject(sandbox.Fault{Effect: sandbox.Respond(http.StatusServiceUnavailable, "text/plain", "busy", "Retry-After", "0")})
	k.expect(k.isRed("503"), "lives at least until")
	outage()
	k.isGreen(all...)

	own, ownAccount := k.Sandbox, k.account
	k.Sandbox, k.account = k.serveAccount()
	k.put("room.z")
	for range 2 {
		k.expect(k.isRed("account"), "lives at least until")
	}
	k.Sandbox, k.account = own, append(ownAccount[:1:1], "PALABRA_CLIENT_ID="+sandbox.DefaultClientID, "PALABRA_CLIENT_SECRET="+clientSecret)
	k.isGreen(all...)
	k.account = ownAccount

	k.backend.lose()
	k.isRed("create it")
	k.apply()
	k.isGreen(all...)

	undo := k.edit(".terraform.lock.hcl", version, "0.1.0")
	k.expect(k.isRed("init failed"), "lives at least until")
	undo()
	k.isGreen(all...)
}

// interrupted is a night that something happens to while the API has a renewal.
func (k *kit) interrupted(happens func(*night), ends func(*night)) {
	k.t.Helper()
	// Under nohup, the night would inherit that SIGHUP is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	k.days(1)
	arrived, leave := make(chan bool), make(chan bool)
	remove := k.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Count: 1, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		close(arrived)
		<-leave
		api.ServeHTTP(w, r)
	}})
	defer remove()
	n := k.begin()
	<-arrived
	happens(n)
	close(leave)
	ends(n)
}

func nobodyRenews(k *kit) {
	k.isGreen("room.a", "room.b", "room.c")
	// From now on, the API grants the stage a day.
	k.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, SessionID: "room.b", Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		api.ServeHTTP(w, r)
		session, _ := k.Session("room.b")
		session.ExpiresAt = k.clock.Now().Add(24 * time.Hour)
		k.Put(session)
	}})
	k.isGreen("room.a", "room.b", "room.c")
	for range 2 {
		k.expect(k.isRed("expired", "room.a", "room.c"), `kept["stage"]`+"` | **expired**")
	}
	// A person settles it by removing the line; the night does the rest.
	delete(k.sessions, "stage")
	k.want()
	k.isGreen("room.a", "room.c")

	k.days(6)
	k.expect(k.isRed("expired"), `kept["lobby"]`+"` | **expired**", `kept["hall"]`+"` | **expired**")
	k.put("room.e")
	k.sessions = map[string]string{"lobby": "room.e"}
	k.want()
	k.isRed(`"room.a"`)
	k.apply()
	k.isGreen("room.e")
}
