//go:build cluster

package e2e_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"
)

// check compares every answer about a project with what there was at its position, which the positions of its events tell.
func (w *watch) check(t testing.TB, project int, events []stored) {
	t.Helper()
	slices.SortFunc(events, func(a, b stored) int { return cmp.Compare(a.Position, b.Position) })
	events = slices.CompactFunc(events, func(a, b stored) bool { return a.Position == b.Position }) // were there any twice, answers are not to be
	all, answers := events, w.answers[project]
	// before is how many events there are before a position.
	before := func(position uint64) int64 {
		n, _ := slices.BinarySearchFunc(all, position, func(e stored, p uint64) int { return cmp.Compare(e.Position, p) })
		return int64(n)
	}
	slices.SortStableFunc(answers, func(a, b *observed) int { return cmp.Compare(a.position, b.position) })
	h := newHistory()
	wrong := 0
	for _, o := range answers {
		for len(events) > 0 && events[0].Position < o.position {
			h.add(events[0])
			events = events[1:]
		}
		var want [2]int64
		switch o.kind {
		case "trends":
			want = [2]int64{h.counted, int64(len(h.people))}
		case "funnel":
			want = [2]int64{int64(len(h.entered)), h.converted()}
		case "ledger": // is read after its watermark, and before that of the next answer
			if o.numbers[0] >= h.all && o.numbers[0] <= before(o.next) && o.numbers[1] >= o.numbers[0] {
				continue
			}
			want = [2]int64{h.all, before(o.next)}
		}
		if o.numbers != want {
			if wrong++; wrong <= 10 {
				t.Errorf("%s answers %s of project %d as of position %d with %v, and there were %v", o.by, o.kind, project, o.position, o.numbers, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d answers about project %d are wrong", wrong, len(answers), project)
	}
	t.Logf("project %d: %d answers compared", project, len(answers))
}

// history is what there was at a position. The ids "a5" and "u5" are one person from the event on that has both.
type history struct {
	all, counted int64
	people       map[string]bool
	// known are the numbers of those who are known by both ids.
	known map[string]bool
	// entered has when a person did the first step for the first time, finished when the second for the last time.
	entered, finished map[string]time.Time
}

func newHistory() *history {
	return &history{people: map[string]bool{}, known: map[string]bool{}, entered: map[string]time.Time{}, finished: map[string]time.Time{}}
}

func (h *history) add(e stored) {
	h.all++
	id := cmp.Or(e.UserID, e.AnonymousID)
	if e.UserID != "" && e.AnonymousID != "" {
		h.link(id[1:])
	}
	if !strings.HasPrefix(e.Event, "event ") {
		return
	}
	h.counted++
	who := id
	if h.known[id[1:]] {
		who = id[1:]
	}
	h.people[who] = true
	switch e.Event {
	case "event 2":
		h.enter(who, e.Timestamp)
	case "event 1":
		h.finish(who, e.Timestamp)
	}
}

func (h *history) enter(who string, at time.Time) {
	if was, ok := h.entered[who]; !ok || at.Before(was) {
		h.entered[who] = at
	}
}

func (h *history) finish(who string, at time.Time) {
	if was, ok := h.finished[who]; !ok || at.After(was) {
		h.finished[who] = at
	}
}

// link makes one person of the two ids with a number.
func (h *history) link(number string) {
	if h.known[number] {
		return
	}
	h.known[number] = true
	for _, id := range []string{"a" + number, "u" + number} {
		if h.people[id] {
			h.people[number] = true
		}
		if at, ok := h.entered[id]; ok {
			h.enter(number, at)
		}
		if at, ok := h.finished[id]; ok {
			h.finish(number, at)
		}
		delete(h.people, id)
		delete(h.entered, id)
		delete(h.finished, id)
	}
}

func (h *history) converted() (n int64) {
	for who, began := range h.entered {
		if at, ok := h.finished[who]; ok && !at.Before(began) {
			n++
		}
	}
	return n
}
