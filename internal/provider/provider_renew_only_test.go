package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// renewOnly is a run, and whether it only renews.
func (s *story) renewOnly(is bool) { s.provider["renew_only"] = is }

func TestRenewOnly_RefusesEverythingElse(t *testing.T) {
	t.Parallel()
	it, own := room("it"), sessionAt("own")
	keeping := attributes{"delete_on_destroy": false}
	of := func(at address, b block) configuration { return configuration{at: b} }
	type row struct {
		before, after configuration
		happens       func(*story)
		how           command
		want          string
	}
	eachRow(t, map[string]row{
		"create":                        {configuration{}, of(it, lasts("s1")), nil, command{}, `create it (session "s1")`},
		"create a session":              {configuration{}, of(own, creates()), nil, command{}, "create it"},
		"replace":                       {of(it, lasts("s1")), of(it, lasts("s1")), nil, command{Replace: []address{it}}, `replace it (session "s1")`},
		"replace a session":             {of(own, creates()), of(own, creates()), nil, command{Replace: []address{own}}, "replace it"},
		"another session":               {of(it, lasts("s1")), of(it, lasts("s2")), nil, command{}, `session_id from "s1" to "s2"`},
		"a session that is not known":   {of(it, lasts("s1")), of(it, unknown(lasts("s1"), "session_id")), nil, command{}, `session_id from "s1" to a value known after apply`},
		"a shorter lifetime":            {of(it, lasts("s1")), of(it, lasts("s1", attributes{"ttl_seconds": 60})), nil, command{}, "ttl_seconds from 3600 to 60"},
		"a shorter lifetime of one":     {of(own, creates()), of(own, creates(attributes{"ttl_seconds": 60})), nil, command{}, "ttl_seconds from 3600 to 60"},
		"a lead time":                   {of(it, lasts("s1")), of(it, lasts("s1", lead(time.Minute))), nil, command{}, "renew_before_seconds from null to 60"},
		"deletion on destroy":           {of(it, lasts("s1", keeping)), of(it, lasts("s1")), nil, command{}, "delete_on_destroy from false to true"},
		"an intent":                     {of(own, creates(attributes{"intent": "a"})), of(own, creates(attributes{"intent": "b"})), nil, command{}, `intent from "a" to "b"`},
		"a subscriber":                  {of(own, creates()), of(own, creates(attributes{"subscriber_count": 2})), nil, command{}, "subscriber_count from null to 2"},
		"removal":                       {of(it, lasts("s1")), configuration{}, nil, command{}, `remove it although its session lives (session "s1")`},
		"removal without a deletion":    {of(it, lasts("s1", keeping)), configuration{}, nil, command{}, "remove it although its session lives"},
		"removal of a session":          {of(own, creates()), configuration{}, nil, command{}, "remove it although its session lives"},
		"destroy":                       {of(it, lasts("s1")), configuration{}, nil, command{Destroy: true}, "remove it although its session lives"},
		"destroy without a refresh":     {of(it, lasts("s1")), configuration{}, nil, command{Destroy: true, NoRefresh: true}, "remove it although its session lives"},
		"a lifetime of an ended one":    {of(it, lasts("s1")), of(it, lasts("s1", attributes{"ttl_seconds": 60})), func(s *story) { s.Remove("s1") }, command{}, "ttl_seconds from 3600 to 60"},
		"a change and a due renewal":    {of(it, lasts("s1", lead(time.Minute))), of(it, lasts("s1", lead(time.Minute), attributes{"ttl_seconds": 120})), after(3599 * time.Second), command{}, "ttl_seconds from 3600 to 120"},
		"a trigger that comes with one": {of(it, lasts("s1")), of(it, lasts("s1", triggers("2"), attributes{"ttl_seconds": 60})), nil, command{}, "ttl_seconds from 3600 to 60"},
		"deletion by others that find it": {
			of(it, lasts("s1")), configuration{}, func(s *story) { s.Remove("s1"); s.run(); s.useOther() }, command{NoRefresh: true},
			`delete its session, which other credentials found last (session "s1")`,
		},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, test.before, "s1", "s2")
		if test.happens != nil {
			test.happens(s)
		}
		s.config = test.after
		s.renewOnly(true)
		s.refused(test.how, "More than a renewal", test.want, "PALABRA_RENEW_ONLY")

		// A plan of a process that may do more.
		s.renewOnly(false)
		p := s.Plan(s.config, test.how)
		if p.Failed() {
			t.Fatal(problemText(p.Problems))
		}
		s.renewOnly(true)
		before := len(s.State.Current)
		s.expectErrors(s.Apply(p).Problems, "More than a renewal")
		if after := len(s.State.Current); after != before {
			t.Errorf("the state holds %d instances, and %d before", after, before)
		}
		s.expectWrites()
	})
}

func TestRenewOnly_AllowsRenewals(t *testing.T) {
	t.Parallel()
	it, own := room("it"), sessionAt("own")
	due := lead(30 * time.Minute)
	gone := func(s *story) { s.Remove("s1"); s.run() }
	type row struct {
		before, after configuration
		happens       func(*story)
		how           command
		writes        []string
	}
	eachRow(t, map[string]row{
		"nothing":                        {configuration{it: lasts("s1")}, configuration{it: lasts("s1")}, nil, command{}, nil},
		"a due renewal":                  {configuration{it: lasts("s1", due)}, configuration{it: lasts("s1", due)}, after(40 * time.Minute), command{}, []string{"POST s1"}},
		"a trigger":                      {configuration{it: lasts("s1")}, configuration{it: lasts("s1", triggers("2"))}, nil, command{}, []string{"POST s1"}},
		"a trigger that is not known":    {configuration{it: lasts("s1")}, configuration{it: unknown(lasts("s1", triggers("2")), "renew_triggers")}, nil, command{}, []string{"POST s1"}},
		"the same lifetime, not known":   {configuration{it: lasts("s1")}, configuration{it: unknown(lasts("s1"), "ttl_seconds")}, nil, command{}, nil},
		"removal of an ended instance":   {configuration{it: lasts("s1")}, configuration{}, gone, command{}, nil},
		"destroy of an ended instance":   {configuration{it: lasts("s1")}, configuration{}, gone, command{Destroy: true}, nil},
		"refresh only":                   {configuration{it: lasts("s1", due)}, configuration{it: lasts("s1", attributes{"ttl_seconds": 60})}, after(40 * time.Minute), command{RefreshOnly: true}, nil},
		"a lifetime that stays as it is": {configuration{own: creates()}, configuration{own: {Arguments: attributes{}}}, nil, command{}, nil},
		"a move":                         {configuration{it: lasts("s1")}, configuration{room("new"): comesFrom(it, lasts("s1"))}, nil, command{}, nil},
		"an import": {configuration{}, configuration{it: lasts("s3")}, func(s *story) {
			s.Put(sandbox.Session{ID: "s3", CreatedAt: testStart, ExpiresAt: testStart.Add(time.Hour)})
			s.Import(it, &tfprotov6.ImportResourceStateRequest{ID: "s3"})
		}, command{}, nil},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, test.before, "s1")
		if test.happens != nil {
			test.happens(s)
		}
		s.renewOnly(true)
		s.change(test.after, test.how)
		s.expectWrites(test.writes...)
	})
}

// TestRenewOnly_RefusesAnUnknownValueOnceItIsKnown: the plan cannot judge it.
func TestRenewOnly_RefusesAnUnknownValueOnceItIsKnown(t *testing.T) {
	t.Parallel()
	it := room("it")
	for argument, value := range map[string]any{"ttl_seconds": 60, "renew_before_seconds": 1, "delete_on_destroy": false} {
		s := newAppliedStory(t, configuration{it: lasts("s1")}, "s1")
		s.renewOnly(true)
		s.config = configuration{it: unknown(lasts("s1", attributes{argument: value}), argument)}
		s.applyFails(command{}, "More than a renewal", argument+" from ")
		s.expectWrites()
	}
}

func TestRenewOnly_RefusesActionsAndEphemeralSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	arguments := pairOf(f.url, testClientID)
	arguments["renew_only"] = true
	p := newProtocolWith(t, arguments)
	for name, selected := range everyAction() {
		expectError(t, p.planAction(name, selected), "The plan would invoke an action")
		_, diags := p.invoke(t.Context(), name, selected)
		expectError(t, diags, "The plan would invoke an action")
	}
	expectError(t, p.open(t.Context(), attributes{}).Diagnostics, "The plan would open an ephemeral session")
	f.expectCalls(t, "")
}

// TestRenewOnly_RefusesWhatItDidNotPlan: not every engine plans again in the apply.
func TestRenewOnly_RefusesWhatItDidNotPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	arguments := pairOf(f.url, testClientID)
	arguments["renew_only"] = true
	p := newProtocolWith(t, arguments)
	for name, arguments := range map[string]attributes{sessionExpiryType: {"session_id": "s1", "ttl_seconds": 60}, managedSessionType: {}} {
		schema := providerSchemas().ResourceSchemas[name]
		nothing, it := wire(tftypes.NewValue(schema.ValueType(), nil)), wire(newObject(schema, arguments))
		create := &tfprotov6.ApplyResourceChangeRequest{TypeName: name, PriorState: nothing, PlannedState: it, Config: it}
		expectError(t, must(p.server.ApplyResourceChange(t.Context(), create)).Diagnostics, "The plan would create it")
		destroy := &tfprotov6.ApplyResourceChangeRequest{TypeName: name, PriorState: it, PlannedState: nothing, Config: nothing}
		expectError(t, must(p.server.ApplyResourceChange(t.Context(), destroy)).Diagnostics, "The plan would remove it")
	}
	f.expectCalls(t, "")
}

// TestRenewOnly_VariableHoldsOnAnEngine, whatever the configuration says.
func TestRenewOnly_VariableHoldsOnAnEngine(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newProcessCLI(t, "PALABRA_RENEW_ONLY=true")
	f.putSession(testSessionID, 24*time.Hour)
	c.write(strings.Replace(f.config(expiryConfig(3600, "")), `provider "palabra" {`, "provider \"palabra\" {\n  renew_only = false", 1))
	if said := c.fail("apply", "-auto-approve"); !strings.Contains(said, "More than a renewal") || !strings.Contains(said, expiryAddress) {
		t.Error(said)
	}
	f.expectWrites(t)
	c.Env = append(c.Env, "PALABRA_RENEW_ONLY=yes please")
	if said := c.fail("plan"); !strings.Contains(said, "PALABRA_RENEW_ONLY must be true or false") {
		t.Error(said)
	}
}
