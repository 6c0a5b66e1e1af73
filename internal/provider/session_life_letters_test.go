package provider

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// letter is one thing that can happen in a life. do says what happened; empty for
// nothing.
type letter struct {
	name   string
	weight int
	do     func(l *life, d draw) string
}

// alphabet is what the model knows of the world.
var alphabet = []letter{
	// What happens to sessions.
	{"time passes", 8, func(l *life, d draw) string {
		by := among(d, time.Minute, 30*time.Second, 7*time.Minute, 25*time.Minute, time.Hour, 100*time.Minute, 3*time.Hour, 30*time.Hour)
		l.happens(func() { l.clock.Advance(by) })
		return by.String()
	}},
	{"a client connects", 4, toSession(func(l *life, d draw, id string) { l.Connect(id) })},
	{"a client hangs up", 4, toSession(func(l *life, d draw, id string) { l.Disconnect(id); l.clock.Advance(2 * time.Minute) })},
	{"another tool extends", 3, toSession(func(l *life, d draw, id string) { l.moveExpiry(id, among(d, 24*time.Hour, 3*time.Hour)) })},
	{"another tool shortens", 2, toSession(func(l *life, d draw, id string) {
		l.moveExpiry(id, among(d, 5*time.Minute, 30*time.Second, 40*time.Minute))
	})},
	{"another tool deletes", 3, toSession(func(l *life, d draw, id string) { l.Remove(id) })},
	{"another tool creates", 5, (*life).putMissing},

	// What the user writes.
	{"add an instance", 4, (*life).add},
	{"remove an instance", 4, onBlock(func(l *life, d draw, at address, b *block) { l.remove(at) })},
	{"rename without moved", 4, func(l *life, d draw) string { return l.rename(d, false, false) }},
	{"rename with moved", 2, func(l *life, d draw) string { return l.rename(d, true, false) }},
	{"move to the other type", 4, func(l *life, d draw) string { return l.rename(d, true, true) }},
	{"shift a list", 2, func(l *life, d draw) string { return l.shift(d, false) }},
	{"rotate a list", 1, func(l *life, d draw) string { return l.shift(d, true) }},
	{"another lifetime", 4, onBlock(func(l *life, d draw, at address, b *block) { l.drawLifetime(d, b) })},
	{"another trigger", 2, argument("renew_triggers", trigger(0), trigger(1), trigger(2))},
	{"another delete_on_destroy", 3, argument("delete_on_destroy", false, true, nil)},
	{"recreate_when_ended", 2, argument("recreate_when_ended", false, true, nil)},
	{"another session", 3, onBlock(func(l *life, d draw, at address, b *block) { l.drawSession(d, at, b) })},
	{"an id known after apply", 3, onBlock(func(l *life, d draw, at address, b *block) { b.Later = laterID(at) })},
	{"all ids known after apply", 3, func(l *life, d draw) string {
		for at, b := range l.config {
			b.Later = laterID(at)
			l.config[at] = b
		}
		return "all"
	}},
	{"an argument known after apply", 1, onBlock(func(l *life, d draw, at address, b *block) {
		if name := among(d, "ttl_seconds", "renew_before_seconds", "renew_triggers"); b.Arguments[name] != nil {
			b.Later = []string{name}
		}
	})},
	{"create_before_destroy", 3, onBlock(func(l *life, d draw, at address, b *block) { b.CreateBeforeDestroy = !b.CreateBeforeDestroy })},
	{"ignore_changes", 1, onBlock(func(l *life, d draw, at address, b *block) {
		b.IgnoreChanges = among(d, []string{"ttl_seconds"}, []string{"renew_triggers"}, nil)
	})},
	{"a removed block that keeps", 1, onBlock(func(l *life, d draw, at address, b *block) {
		if l.remove(at); l.id(at) != "" {
			l.released[l.id(at)] = true
			l.config[at] = block{Forget: true}
		}
	})},
	{"import", 3, onBlock(func(l *life, d draw, at address, b *block) {
		if l.id(at) == "" {
			b.Import = among(d, existingIDs...)
		}
		if at.Type == sessionExpiryType {
			b.Import = sessionIDOf(*b)
		}
	})},
	{"an import list", 2, (*life).importListed},
	{"a failing provisioner", 1, onBlock(func(l *life, d draw, at address, b *block) { b.ProvisionerFails = true })},
	{"a failing dependent", 1, onBlock(func(l *life, d draw, at address, b *block) { b.DependentFails = true })},

	// Commands on the state.
	{"taint", 2, onState(func(l *life, at address) { l.taint(at) })},
	{"state rm", 1, onState(func(l *life, at address) {
		l.released[l.id(at)] = true
		delete(l.State.Current, at)
		l.remove(at)
	})},
	{"a state of an older version", 3, onState(func(l *life, at address) {
		l.loseNote(at)
		l.memory[at] = memory{key: "nobody", end: endOf(l.State.Current[at])}
		if l.Pick(3) == 1 {
			l.next.key = "another account"
		}
	})},

	// How the next run runs.
	{"-refresh=false", 1, flags(func(how *command, _ address) { how.NoRefresh, how.RefreshOnly = true, false })},
	{"-refresh-only", 1, flags(func(how *command, _ address) { *how = command{RefreshOnly: true} })},
	{"-minimal-refresh", 1, flags(func(how *command, _ address) { how.MinimalRefresh, how.RefreshOnly = true, false })},
	{"an engine that plans orphans first", 2, flags(func(how *command, _ address) { how.OrphansFirst = true })},
	{"an engine that reads what it forgets", 1, flags(func(how *command, _ address) { how.ReadForgotten = true })},
	{"-replace", 3, flags(func(how *command, at address) {
		how.Replace, how.Destroy, how.RefreshOnly = append(how.Replace, at), false, false
	})},
	{"-target", 1, flags(func(how *command, at address) { how.Target, how.Exclude, how.RefreshOnly = &at, nil, false })},
	{"-exclude", 1, flags(func(how *command, at address) { how.Exclude, how.Target, how.RefreshOnly = &at, nil, false })},
	{"destroy", 1, flags(func(how *command, _ address) { how.Destroy, how.RefreshOnly, how.Replace = true, false, nil })},
	{"later", 3, nextRun(func(l *life, d draw) { l.next.later = true })},

	// With what, and what goes wrong.
	{"credentials of another account", 2, nextRun(func(l *life, d draw) { l.next.key = "another account" })},
	{"another endpoint", 1, nextRun(func(l *life, d draw) { l.next.key = "another endpoint" })},
	{"a rotated key", 2, nextRun(func(l *life, d draw) { l.next.key = "a rotated key" })},
	{"renew_only", 4, nextRun(func(l *life, d draw) { l.next.applyGate, l.next.planGate = true, d.n(2) == 1 })},
	{"a fault", 9, (*life).drawFault},
	{"another run at once", 3, func(l *life, d draw) string {
		id := among(d, existingIDs...)
		do := among(d, func() { l.moveExpiry(id, 3*time.Hour) }, func() { l.moveExpiry(id, 5*time.Minute) }, func() { l.Remove(id) }, func() { l.putMissing(d) })
		l.next.unrest = true
		return l.during(d, id, func(address) { do() })
	}},
	{"an action that extends", 3, func(l *life, d draw) string {
		return l.during(d, "a session", func(at address) {
			if id := l.id(at); id != "" {
				l.extended[id] = true
				invokeAction(l.Ctx, l.t, l.server, extendAction, attributes{"session_id": id, "ttl_seconds": 7200})
			}
		})
	}},
	{"an interrupt", 1, nextRun(func(l *life, d draw) {
		l.next.faults = append(l.next.faults, sandbox.Fault{Name: "an interrupt", Through: true, Effect: l.interruptAfter(d.n(3))})
	})},
}

// toSession is something that happens to a session, most often to one of the state.
func toSession(do func(l *life, d draw, id string)) func(*life, draw) string {
	return func(l *life, d draw) string {
		id := among(d, existingIDs...)
		if at, ok := one(d, simulated.Sorted(l.State.Current)); ok && d.n(4) > 0 {
			id = l.id(at)
		}
		l.happens(func() { do(l, d, id) })
		return id
	}
}

// during makes something happen in the next apply, before one of its steps.
func (l *life) during(d draw, what string, do func(at address)) string {
	step := d.n(len(l.next.during))
	l.next.during[step] = append(l.next.during[step], do)
	return fmt.Sprintf("%s, before step %d", what, step+1)
}

// putMissing creates a session that does not live, if possible one that has ended.
func (l *life) putMissing(d draw) string {
	id := among(d, existingIDs...)
	for _, at := range simulated.Sorted(l.State.Current) {
		if !isActive(l.State.Current[at]) && slices.Contains(existingIDs, l.id(at)) {
			id = l.id(at)
		}
	}
	l.happens(func() {
		if _, lives := l.observe("").lives[id]; !lives { // Two accounts have no session in common.
			l.put(id)
		}
	})
	return id
}

func (l *life) moveExpiry(id string, to time.Duration) {
	if session, lives := l.Session(id); lives {
		session.ExpiresAt = l.clock.Now().Add(to)
		l.Put(session)
	}
}

// onBlock is an edit of the block of an instance.
func onBlock(edit func(l *life, d draw, at address, b *block)) func(*life, draw) string {
	return func(l *life, d draw) string {
		at, ok := one(d, l.configured(""))
		if !ok {
			return ""
		}
		before, b := l.config[at], l.config[at]
		b.Arguments = maps.Clone(b.Arguments)
		edit(l, d, at, &b)
		if still, ok := l.config[at]; ok && !still.Forget {
			l.config[at] = b
		}
		if fmt.Sprint(before) == fmt.Sprint(l.config[at]) {
			return ""
		}
		return at.String()
	}
}

// argument is an edit of an argument, of blocks that may have it.
func argument(name string, values ...any) func(*life, draw) string {
	return onBlock(func(l *life, d draw, at address, b *block) {
		_, exists := resourceType(at.Type).AttributeTypes[name]
		if exists && (name != "renew_triggers" || b.Arguments["ttl_seconds"] != nil) {
			b.Arguments[name] = among(d, values...)
		}
	})
}

func trigger(n int) map[string]string {
	return map[string]string{"release": fmt.Sprintf("secret-trigger-%d", n)}
}

// laterID makes the id of the session known after apply. That of a palabra_session is
// no argument.
func laterID(at address) []string {
	if at.Type == sessionExpiryType {
		return []string{"session_id"}
	}
	return nil
}

// onState is a command on an instance in the state.
func onState(do func(l *life, at address)) func(*life, draw) string {
	return func(l *life, d draw) string {
		at, ok := one(d, simulated.Sorted(l.State.Current))
		if !ok {
			return ""
		}
		do(l, at)
		l.Serial++
		return at.String()
	}
}

func nextRun(set func(l *life, d draw)) func(*life, draw) string {
	return func(l *life, d draw) string { set(l, d); return "in the next run" }
}

func flags(set func(how *command, at address)) func(*life, draw) string {
	return nextRun(func(l *life, d draw) {
		if at, ok := one(d, l.configured("")); ok {
			set(&l.next.how, at)
		}
	})
}

// configured are the addresses of one type in the configuration, or all of them.
func (l *life) configured(kind string) []address {
	return slices.DeleteFunc(simulated.Sorted(l.config), func(at address) bool {
		return kind != "" && at.Type != kind || l.config[at].Forget
	})
}

func drawAddress(d draw, managed bool) address {
	if managed {
		return sessionAt(among(d, "m", "n"))
	}
	return room(among(d, "it[0]", "it[1]", "it[2]", "it[3]"))
}

func (l *life) add(d draw) string {
	at := drawAddress(d, d.n(2) == 1)
	if _, exists := l.config[at]; exists || l.movesAway(at) {
		return ""
	}
	b := block{Arguments: make(attributes), CreateBeforeDestroy: d.n(4) == 1}
	l.drawLifetime(d, &b)
	if l.drawSession(d, at, &b); at.Type == managedSessionType {
		if d.n(4) == 1 {
			b.Arguments = make(attributes)
		}
		if d.n(3) == 1 {
			b.Arguments["recreate_when_ended"] = false
		}
	}
	if d.n(6) == 1 {
		b.Arguments["delete_on_destroy"] = false
	}
	l.config[at] = b
	return at.String()
}

func (l *life) drawLifetime(d draw, b *block) {
	ttl := among(d, 3600, 600, 7200, 200)
	b.Arguments["ttl_seconds"] = ttl
	if lead, ok := b.Arguments["renew_before_seconds"].(int); d.n(2) == 1 && (!ok || lead < ttl) {
		return
	}
	delete(b.Arguments, "renew_before_seconds")
	if lead := among(d, 0, ttl/2, ttl/4, ttl-1); lead > 0 {
		b.Arguments["renew_before_seconds"] = lead
	}
}

// drawSession gives a palabra_session_expiry one of the existing sessions, or that of a
// palabra_session.
func (l *life) drawSession(d draw, at address, b *block) {
	if at.Type == managedSessionType {
		return
	}
	b.Later, b.Arguments["session_id"] = nil, among(d, existingIDs...)
	if managed, ok := one(d, l.configured(managedSessionType)); ok && d.n(3) > 0 {
		b.Arguments["session_id"] = idOf(managed.Name)
		if id := l.id(managed); id != "" && d.n(2) == 1 {
			b.Arguments["session_id"] = id
		}
	}
}

// importListed imports each session of a list that no instance has, where an address
// is free, with the lifetime that the list says.
func (l *life) importListed(d draw) (said string) {
	l.use("")
	server, _ := l.start().(*Server)
	managed := d.n(2) == 1
	for listed := range listOf(l.Ctx, server, sessionExpiryType, 0, true, nil) {
		at, id := drawAddress(d, managed), listed.DisplayName
		ttl := member(unwire(resourceType(sessionExpiryType), listed.Resource), "ttl_seconds")
		has := func(at address) bool { return sessionIDOf(l.config[at]) == id || l.config[at].Import == id }
		if _, taken := l.config[at]; taken || ttl.IsNull() || holds(l.State, id) || l.id(at) != "" || l.movesAway(at) || slices.ContainsFunc(l.configured(""), has) {
			continue
		}
		b := block{Arguments: attributes{"session_id": id, "ttl_seconds": int(secondsOf(ttl))}, Import: id}
		if managed {
			delete(b.Arguments, "session_id")
		}
		l.config[at], said = b, fmt.Sprint(said, at, " ")
	}
	return said
}

// remove removes an instance, and those that refer to it.
func (l *life) remove(at address) {
	delete(l.config, at)
	for _, other := range simulated.Sorted(l.config) {
		if needed, ok := neededBy(l.config[other]); ok && needed == at {
			l.remove(other)
		}
	}
}

// rename gives an instance another address, or makes it one of the other type.
func (l *life) rename(d draw, moved, other bool) string {
	from, ok := one(d, l.configured(""))
	to := drawAddress(d, (from.Type == managedSessionType) != other)
	id := l.id(from)
	if _, taken := l.config[to]; !ok || taken || l.movesAway(to) || moved && l.id(to) != "" || other && id == "" {
		return ""
	}
	b := l.config[from]
	if other {
		b = block{Arguments: attributes{"ttl_seconds": 3600}}
		if to.Type == sessionExpiryType {
			b.Arguments["session_id"] = id
		}
		l.released[id] = true
	}
	if moved {
		b.MovedFrom = from
	}
	l.remove(from)
	l.config[to] = b
	return fmt.Sprintf("%s to %s", from, to)
}

// shift removes an element from a list that count goes through: each later one
// moves up. Or it rotates the list.
func (l *life) shift(d draw, rotate bool) string {
	rooms := l.configured(sessionExpiryType)
	if len(rooms) < 2 {
		return ""
	}
	rooms = rooms[d.n(len(rooms)-1):]
	first := l.config[rooms[0]]
	for i := range rooms[1:] {
		l.config[rooms[i]] = l.config[rooms[i+1]]
	}
	if rotate {
		l.config[rooms[len(rooms)-1]] = first
	} else {
		delete(l.config, rooms[len(rooms)-1])
	}
	return fmt.Sprint(rooms)
}

// faults are what an API or a gateway answers instead.
var faults = []sandbox.Fault{
	{Name: "502 of a gateway", Effect: sandbox.HTMLError(http.StatusBadGateway)},
	{Name: "404 of a gateway", Effect: sandbox.HTMLError(http.StatusNotFound)},
	{Name: "404 with {}", Effect: sandbox.Respond(http.StatusNotFound, "application/json", "{}")},
	{Name: "404 with a message", Effect: sandbox.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found"}`)},
	{Name: "404 like the API's", Effect: sandbox.NotOK(http.StatusNotFound, "Not found", "Session not found.", 100404)},
	{Name: "401", Effect: sandbox.RefuseCredentials(http.StatusUnauthorized)},
	{Name: "a cut connection", Effect: sandbox.CutBefore()},
	{Name: "an answer that is lost", Effect: sandbox.CutAfter()},
	{Name: "a body that is cut", Effect: sandbox.CutBody()},
	{Name: "no expires_at", Effect: withoutExpiry},
	{Name: "lagging", Operation: sandbox.OperationList},
	{Name: "a list without sessions", Operation: sandbox.OperationList, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"ok":true,"data":{"sessions":[]}}`)},
}

func (l *life) drawFault(d draw) string {
	fault := among(d, faults...)
	if fault.Operation == "" {
		fault.Operation = among(d, sandbox.OperationGet, sandbox.OperationDelete, sandbox.OperationExpiry, sandbox.OperationCreate, sandbox.OperationList)
	}
	if fault.Name == "lagging" {
		fault.Effect, fault.Through = l.LaggingList(2*time.Minute), true
	}
	if fault.Name == "no expires_at" {
		fault.Operation = among(d, sandbox.OperationGet, sandbox.OperationList)
	}
	if d.n(2) == 0 {
		fault.Count, fault.Skip = 1, d.n(3)
	}
	l.next.faults = append(l.next.faults, fault)
	l.next.planning = l.next.planning || d.n(2) == 0
	return fmt.Sprintf("%s answers %s", fault.Operation, fault.Name)
}

// withoutExpiry answers without expires_at.
func withoutExpiry(w http.ResponseWriter, r *http.Request, api http.Handler) {
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	answer.Body = bytes.NewBuffer(bytes.ReplaceAll(answer.Body.Bytes(), []byte(`"expires_at"`), []byte(`"expiry"`)))
	send(w, answer)
}

func send(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// interruptAfter stops the provider when the API has done the first change after skip
// others. Only the answer to a create is still waited for.
func (l *life) interruptAfter(skip int) sandbox.Effect {
	var changes atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if r.Method == http.MethodGet || changes.Add(1) != int64(skip)+1 {
			api.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		l.stopped.Store(true)
		_, _ = l.server.StopProvider(context.WithoutCancel(r.Context()), &tfprotov6.StopProviderRequest{})
		if strings.HasSuffix(r.URL.Path, "/session") {
			send(w, answer)
			return
		}
		<-r.Context().Done()
	}
}
