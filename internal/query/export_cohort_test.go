package query_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// buyers is the one living cohort: who bought within a week.
type buyers struct{}

func (buyers) Cohort(context.Context, store.ProjectID, string) (query.Cohort, bool, error) {
	return query.Cohort{ID: 1, Name: "buyers", Definition: json.RawMessage(`{"did":{"events":["buy"],"range":{"from":"-7d"}}}`)}, true, nil
}

func (buyers) Frozen(context.Context, store.ProjectID, uint64) ([]uint64, error) { return nil, nil }

// TestExportOfLivingCohort: who comes into a cohort while its events are exported is not in the file by half.
func TestExportOfLivingCohort(t *testing.T) {
	s := openThreads(t, t.TempDir(), 1)
	defer s.Close()
	start := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	n := 0
	commit := func(name, user string, day int) {
		e := event.Event{Name: name, ID: fmt.Sprint(n), UserID: user}
		at := start.AddDate(0, 0, day).UnixMicro()
		e.Derived = event.Derived{Position: uint64(n), Time: at, ReceivedAt: at, Person: event.IDNumber(event.SpaceUser, user)}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		n++
		s.Add(1, time.UTC, "native", &e)
		if err := s.Commit(context.Background(), eventlog.Position(n)); err != nil {
			t.Fatal(err)
		}
	}
	for day := range 3 {
		commit("open", "ann", day)
		commit("open", "bob", day)
	}
	commit("buy", "ann", 2)
	// The clock goes on between two chunks, as it does.
	now := start.AddDate(0, 0, 3)
	e := engine(t, query.Options{Store: s, Cohorts: buyers{}, Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	scope := query.Scope{Project: 1, Zone: time.UTC}
	export := func(each func()) string {
		var out []string
		err := e.Export(context.Background(), scope, query.EventFilter{Where: &query.Filter{Cohort: "1", Op: "in"}}, func(e *query.Event) error {
			out = append(out, e.UserID+" "+e.Event)
			each()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(out, ", ")
	}
	if got, want := export(func() { commit("buy", "bob", 2) }), "ann open, ann open, ann open, ann buy"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := export(func() {}); !strings.Contains(got, "bob open") {
		t.Errorf("an export after that has %s", got)
	}
}
