package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// peopleRelation: a relation of people has just the numbers it was made of, few or many, beside others and in a project
// without events.
func peopleRelation(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	h := newHistory(7)
	h.grow(300)
	h.give(t, s, 0, 200)
	a.Settle(t, s)
	h.give(t, s, 200, 300)
	for _, project := range []store.ProjectID{1, 1_000} {
		c := cut(t, s, project)
		var relations []string
		var want [][]uint64
		for _, n := range []int{0, 1, 2, 1_000, 100_000} {
			numbers := make([]uint64, n)
			for i := range numbers {
				numbers[i] = uint64(i+1) * 0x9e3779b97f4a7c15
			}
			slices.Sort(numbers)
			relations, want = append(relations, c.People(numbers)), append(want, numbers)
		}
		for i, r := range relations {
			got := []uint64{}
			for b, err := range c.Batches(context.Background(), "SELECT person FROM "+r+" ORDER BY person") {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b.Columns[0].Uint64...)
			}
			if !slices.Equal(got, want[i]) {
				t.Errorf("project %d: %d numbers came back as %d others", project, len(want[i]), len(got))
			}
		}
		c.Close()
	}
}

// resolves holds a cut to what persons have become before its position.
func (h *history) resolves(c store.Cut, project store.ProjectID, at eventlog.Position) error {
	var all, want []uint64
	for id, person := range h.persons(project, at) {
		all, want = append(all, id), append(want, person)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	got, err := c.Resolve(context.Background(), all)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("at %d the persons have become %v, want %v", at, got, want)
	}
	return err
}

// linked holds the links of a cut to those before its position.
func (h *history) linked(c store.Cut, project store.ProjectID, at eventlog.Position) error {
	want := map[uint64]store.Link{}
	for _, l := range h.links(at) {
		if l.Project == project {
			want[l.From] = l
		}
	}
	maps.DeleteFunc(want, func(_ uint64, l store.Link) bool { return l.From == l.To })
	for i := range people {
		person := personNumber(i)
		list, err := c.Links(context.Background(), []uint64{person})
		if err != nil {
			return err
		}
		next := map[uint64]store.Link{}
		for _, l := range list {
			next[l.From] = l
		}
		if len(next) != len(list) {
			return fmt.Errorf("a link twice among %v", list)
		}
		for l, ok := want[person]; ok; l, ok = want[person] {
			if next[person] != l {
				return fmt.Errorf("at %d the link of %d is %v, want %v", at, person, next[person], l)
			}
			delete(next, person)
			person = l.To
		}
		if len(next) > 0 {
			return fmt.Errorf("at %d there are links too many: %v", at, next)
		}
	}
	return nil
}

// eventsOfSome holds the events of some persons to those among all rows: of one, of two, and of one who has none.
func eventsOfSome(c store.Cut, rows map[uint64]row) error {
	for _, persons := range [][]uint64{{personNumber(0)}, {personNumber(3), personNumber(5)}, {personNumber(people)}, nil} {
		n := 0
		for v, err := range c.Rows(context.Background(), "SELECT person, seq, device FROM "+c.EventsOf(persons, "person", "seq", "device")) {
			if err != nil {
				return err
			}
			person, seq := v[0].(uint64), v[1].(uint64)
			if r, ok := rows[seq]; !ok || r.person != person || !slices.Contains(persons, person) {
				return fmt.Errorf("event %d of %d is among those of %v", seq, person, persons)
			}
			n++
		}
		for _, r := range rows {
			if slices.Contains(persons, r.person) {
				n--
			}
		}
		if n != 0 {
			return fmt.Errorf("%d events too many of %v", n, persons)
		}
	}
	return nil
}
