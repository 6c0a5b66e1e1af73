package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// event is something that happens to a session, or to all of them.
type event struct {
	kind eventKind
	// session is an id, or the address of the instance that manages it.
	session string
	after   time.Duration
}

type eventKind string

const (
	timePasses    eventKind = "time passes"
	clientJoins   eventKind = "client connects"
	clientLeaves  eventKind = "client hangs up"
	expiryMoved   eventKind = "another tool moves the expiry"
	deletedByTool eventKind = "another tool deletes"
	comesBack     eventKind = "session comes back"
)

// happen makes it happen; idOf finds the session of an instance.
func (e event) happen(s *story, idOf func(address string) string) {
	id := e.session
	if strings.HasPrefix(id, sessionType+".") {
		id = idOf(id)
	}
	if _, elsewhere := s.other.Session(id); elsewhere {
		return
	}
	switch e.kind {
	case timePasses:
		s.clock.Advance(e.after)
	case clientJoins:
		s.Connect(id)
	case clientLeaves:
		s.Disconnect(id)
		s.clock.Advance(2 * time.Minute)
	case expiryMoved:
		if session, ok := s.Session(id); ok {
			session.ExpiresAt = s.clock.Now().Add(e.after)
			s.Put(session)
		}
	case deletedByTool:
		s.Remove(id)
	case comesBack:
		s.put(id)
	}
}

// happen draws something that is not the user's doing.
func (l *life) happen() {
	e := event{kind: rapid.SampledFrom([]eventKind{
		timePasses, timePasses, timePasses, timePasses, clientJoins, clientJoins, clientLeaves, clientLeaves,
		expiryMoved, expiryMoved, deletedByTool, deletedByTool, comesBack,
	}).Draw(l.rt, "event")}
	if e.kind == timePasses || e.kind == expiryMoved {
		e.after = time.Duration(rapid.OneOf(rapid.IntRange(1, 90), rapid.IntRange(1, 3*3600)).Draw(l.rt, "seconds")) * time.Second
	}
	if e.kind != timePasses {
		known := slices.Clone(existingIDs)
		for _, at := range sorted(l.state.current) {
			if at.kind == sessionType {
				known = append(known, at.String())
			}
		}
		e.session = known[rapid.IntRange(0, len(known)-1).Draw(l.rt, "session")]
	}
	l.tell("%s: %s %s", e.kind, e.session, e.after)
	l.next.events = append(l.next.events, e)
	e.happen(l.story, func(at string) string { return l.id(sessionAt(strings.TrimPrefix(at, sessionType+"."))) })
}

// edit edits the configuration, or the state by a command.
func (l *life) edit() {
	l.oneOfThese("edit",
		choice{weight: 3, do: l.add},
		choice{weight: 2, do: l.onOne(l.configured(""), l.remove)},
		choice{weight: 2, do: l.onOne(l.configured(expiryType), l.rename)},
		choice{weight: 2, do: l.shift},
		choice{weight: 5, do: l.rewrite("", l.drawArguments)},
		choice{weight: 1, do: l.rewrite(expiryType, l.drawSession)},
		choice{weight: 2, do: l.rewrite(expiryType, l.drawLater)},
		choice{weight: 1, do: l.onOne(sorted(l.state.current), func(at address) {
			l.taint(at)
			l.onState("taint", at)
		})},
		choice{weight: 1, do: l.onOne(sorted(l.state.current), func(at address) {
			l.released[l.id(at)] = true
			delete(l.state.current, at)
			delete(l.unsent, at)
			l.serial++
			l.onState("state rm", at)
			l.remove(at)
		})},
	)
}

func (l *life) drawRoom() address {
	return room(rapid.SampledFrom([]string{"it[0]", "it[1]", "it[2]", "it[3]"}).Draw(l.rt, "name"))
}

func (l *life) add() {
	var at address
	if rapid.IntRange(0, 3).Draw(l.rt, "managed") == 0 {
		at = sessionAt(rapid.SampledFrom([]string{"m", "n"}).Draw(l.rt, "name"))
	} else {
		at = l.drawRoom()
	}
	if _, exists := l.config[at]; exists {
		return
	}
	b := block{arguments: make(attributes)}
	l.drawArguments(at.kind, &b)
	if at.kind == expiryType {
		l.drawSession(at.kind, &b)
	}
	l.config[at] = b
	l.tell("add %s: %s", at, b)
}

// rewrite changes the block of an instance.
func (l *life) rewrite(kind string, change func(kind string, b *block)) func() {
	return l.onOne(l.configured(kind), func(at address) {
		b := l.config[at]
		b.arguments = maps.Clone(b.arguments)
		change(at.kind, &b)
		l.config[at] = b
		l.tell("change %s: %s", at, b)
	})
}

// drawSession gives a block one of the existing sessions, or a managed one.
func (l *life) drawSession(_ string, b *block) {
	delete(b.arguments, "session_id")
	b.needs, b.later = "", nil
	if managed, ok := l.draw(l.configured(sessionType)); ok && rapid.IntRange(0, 3).Draw(l.rt, "by reference") == 0 {
		b.needs = managed.name
		return
	}
	b.arguments["session_id"] = rapid.SampledFrom(existingIDs).Draw(l.rt, "session_id")
}

func (l *life) drawArguments(kind string, b *block) {
	ttl := rapid.SampledFrom([]int{600, 3600, 7200}).Draw(l.rt, "ttl_seconds")
	for _, name := range []string{"ttl_seconds", "renew_before_seconds", "renew_triggers"} {
		delete(b.arguments, name)
	}
	b.later = nil
	if kind == expiryType || rapid.IntRange(0, 3).Draw(l.rt, "with a ttl") > 0 {
		b.arguments["ttl_seconds"] = ttl
		if lead := rapid.SampledFrom([]int{0, 0, ttl / 4, ttl / 2, ttl - 1}).Draw(l.rt, "renew_before_seconds"); lead > 0 {
			b.arguments["renew_before_seconds"] = lead
		}
		if release := rapid.IntRange(0, 2).Draw(l.rt, "release"); release > 0 {
			maps.Copy(b.arguments, triggers(fmt.Sprintf("secret-trigger-%d", release)))
		}
	}
	b.arguments["delete_on_destroy"] = rapid.IntRange(0, 4).Draw(l.rt, "forget on destroy") > 0
	b.createBeforeDestroy = rapid.IntRange(0, 5).Draw(l.rt, "create first") == 0
}

// drawLater makes an argument known after apply.
func (l *life) drawLater(_ string, b *block) {
	name := rapid.SampledFrom([]string{"session_id", "ttl_seconds", "renew_before_seconds", "renew_triggers"}).Draw(l.rt, "argument")
	if _, configured := b.arguments[name]; configured || !l.replayable && name != "session_id" {
		b.later = []string{name}
	}
}

// remove removes an instance, and those that refer to it.
func (l *life) remove(at address) {
	delete(l.config, at)
	l.tell("remove %s", at)
	for _, other := range sorted(l.config) {
		if sessionAt(l.config[other].needs) == at {
			l.remove(other)
		}
	}
}

// rename renames an instance, with a moved block or without.
func (l *life) rename(from address) {
	to := l.drawRoom()
	if _, taken := l.config[to]; taken {
		return
	}
	l.config[to] = l.config[from]
	delete(l.config, from)
	_, exists := l.state.current[from]
	_, taken := l.state.current[to]
	l.tell("rename %s to %s", from, to)
	if rapid.Bool().Draw(l.rt, "moved") && exists && !taken {
		// A moved block acts in the next run that stores a state, and stays, so the
		// state can be moved here.
		l.move(from, to)
		l.unsent[to] = l.unsent[from]
		delete(l.unsent, from)
		l.onState("state mv", from, to)
	}
}

// shift removes an element from a list that count goes through: each later one
// moves up. Or it rotates the list.
func (l *life) shift() {
	rooms := l.configured(expiryType)
	if len(rooms) < 2 {
		return
	}
	rooms = rooms[rapid.IntRange(0, len(rooms)-2).Draw(l.rt, "removed"):]
	for i := range rooms[1:] {
		l.config[rooms[i]] = l.config[rooms[i+1]]
	}
	if rapid.Bool().Draw(l.rt, "rotate") {
		l.tell("rotate %v", rooms)
		return
	}
	delete(l.config, rooms[len(rooms)-1])
	l.tell("shift %v", rooms)
}

// onState notes a command on the state.
func (l *life) onState(command string, on ...address) {
	args := strings.Fields(command)
	for _, at := range on {
		args = append(args, hclAddress(at))
	}
	l.tell("%s", strings.Join(args, " "))
	l.next.state = append(l.next.state, args)
}

func (b block) String() string {
	text := brief(b.arguments)
	if b.needs != "" {
		text += ", session_id of " + b.needs
	}
	if b.createBeforeDestroy {
		text += ", create_before_destroy"
	}
	if len(b.later) > 0 {
		text += fmt.Sprintf(", known after apply: %q", b.later)
	}
	return text
}

// brief lists attributes without what no rule looks at.
func brief[V any](values map[string]V) string {
	var parts []string
	for _, name := range []string{"id", "session_id", "ttl_seconds", "renew_before_seconds", "renew_triggers", "delete_on_destroy", "expires_at", "renew_at", "active"} {
		if value, ok := values[name]; ok {
			parts = append(parts, name+" = "+hclValue(value))
		}
	}
	return strings.Join(parts, ", ")
}
