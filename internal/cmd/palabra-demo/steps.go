package main

import (
	"fmt"
	"slices"
	"strings"
)

const managedSession = "/session-storage/sessions/58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"

// step is one command and what the sandbox has to see while it runs.
type step struct {
	title string
	args  []string
	// want is the exact sequence of calls on the managed session.
	want []string
}

var steps = []step{
	{"Set up the working folder", []string{"init"}, nil},
	{"Plan: read one session, list all, plan a lifetime", []string{"plan", "-out=first.tfplan"}, nil},
	{"Apply: set the lifetime", []string{"apply", "first.tfplan"}, []string{"POST " + managedSession, "GET " + managedSession}},
	{"Plan again: nothing to change", []string{"plan", "-detailed-exitcode"}, []string{"GET " + managedSession}},
	{"Plan a longer lifetime", []string{"plan", "-var=ttl_seconds=7200", "-out=second.tfplan"}, []string{"GET " + managedSession}},
	{"Apply: update in place", []string{"apply", "second.tfplan"}, []string{"POST " + managedSession, "GET " + managedSession}},
	{"Plan the destroy", []string{"plan", "-destroy", "-var=ttl_seconds=7200", "-out=destroy.tfplan"}, []string{"GET " + managedSession}},
	{"Destroy: delete the session", []string{"apply", "destroy.tfplan"}, []string{"DELETE " + managedSession}},
}

// check compares what the sandbox saw with what the step promises.
func (s step) check(calls []call) error {
	var got []string
	for _, c := range calls {
		if c.path == managedSession {
			got = append(got, c.method+" "+c.path)
		} else if c.method != "GET" {
			return fmt.Errorf("%s: unexpected write: %s %s", strings.Join(s.args, " "), c.method, c.path)
		}
	}
	if !slices.Equal(got, s.want) {
		return fmt.Errorf("%s: calls on the managed session %q, want %q", strings.Join(s.args, " "), got, s.want)
	}
	return nil
}
