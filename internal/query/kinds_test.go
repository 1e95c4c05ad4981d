package query_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// batchListener notes the statements whose rows come column by column, too.
type batchListener struct{ *listener }

type batchListeningCut struct{ *listeningCut }

func (l batchListener) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	c, err := l.Reader.Cut(ctx, p)
	return batchListeningCut{&listeningCut{c, l.listener}}, err
}

func (c batchListeningCut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	c.l.mu.Lock()
	c.l.sql = append(c.l.sql, sql)
	c.l.mu.Unlock()
	return c.Cut.Batches(ctx, sql, args...)
}

func (c batchListeningCut) Spread(ctx context.Context, worker func() func(*store.Batch) error, sql string, args ...any) error {
	c.l.mu.Lock()
	c.l.sql = append(c.l.sql, sql)
	c.l.mu.Unlock()
	return c.Cut.Spread(ctx, worker, sql, args...)
}

// TestNoTextOfBehaviouralQuestionsInSQL asks with a marker in every place that takes text.
func TestNoTextOfBehaviouralQuestionsInSQL(t *testing.T) {
	const marker = "ZQX'\"--"
	base := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	h := rapid.Custom(func(t *rapid.T) *history { return drawHistory(t, base, time.UTC) }).Filter(func(h *history) bool {
		return len(h.events) > 10
	}).Example(7)
	h.events[0].Properties = []event.Property{{Key: marker, Type: event.String, Str: marker}, {Key: marker + "2", Type: event.Number, Num: 1}}
	h.events[1].Properties = []event.Property{{Key: marker, Type: event.Number, Num: 3}}
	s := h.write(t, t.TempDir())
	defer s.Close()
	l := &listener{Reader: s}
	e := engine(t, query.Options{Store: batchListener{l}, Now: func() time.Time { return base.AddDate(0, 0, 6) }})
	ref := query.PropertyRef{Property: marker}
	f := &query.Filter{PropertyRef: ref, Op: "is", Value: marker}
	sel := query.Selector{Events: []string{marker, marker + "3"}, Where: f}
	by := []query.Breakdown{{PropertyRef: ref}, {PropertyRef: ref, Quantiles: 3}}
	for _, resolve := range []func() (query.Asked, error){
		func() (query.Asked, error) {
			return e.ResolveRetention(everyday, &query.Retention{Start: sel, Return: &query.Selector{Events: []string{marker}}, Where: f, Breakdown: by})
		},
		func() (query.Asked, error) {
			return e.ResolveLifecycle(everyday, &query.Lifecycle{Active: sel, Where: f})
		},
		func() (query.Asked, error) {
			return e.ResolveStickiness(everyday, &query.Stickiness{Active: sel, Where: f})
		},
		func() (query.Asked, error) {
			return e.ResolvePaths(everyday, &query.Paths{Steps: &sel, Through: &query.Selector{Where: f}, Where: f, Node: &ref})
		},
		func() (query.Asked, error) {
			steps := []query.FunnelStep{{Selector: sel, Label: marker}, {Selector: query.Selector{Where: f}}}
			return e.ResolvePaths(everyday, &query.Paths{Where: f, Funnel: &query.PathsFunnel{Question: query.Funnel{
				Steps: steps, Where: f, Order: "strict", Ignore: []string{marker, marker + "4"},
			}}})
		},
		func() (query.Asked, error) {
			return e.ResolveSessions(everyday, &query.Sessions{Holding: &sel, Where: f, Breakdown: by})
		},
	} {
		r, err := resolve()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Ask(context.Background(), e, everyday); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.sql) < 5 {
		t.Fatalf("%d statements", len(l.sql))
	}
	for _, sql := range l.sql {
		if strings.Contains(sql, "ZQX") {
			t.Fatalf("a text of the question stands in\n%s", sql)
		}
	}
}

// TestBehaviourIsBounded: answers that would be too large are refused before anything is read.
func TestBehaviourIsBounded(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	// Late in the evening six days and the present one have more minutes than a question may have.
	noon := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return noon }})
	by := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$os"}}}
	for name, resolve := range map[string]func() (query.Asked, error){
		"retention": func() (query.Asked, error) {
			return e.ResolveRetention(everyday, &query.Retention{Range: query.Range{From: "-300d"}, Periods: 366, Breakdown: by})
		},
		"paths": func() (query.Asked, error) {
			return e.ResolvePaths(everyday, &query.Paths{Nodes: 100, Breakdown: by, BreakdownLimit: 1000})
		},
		"sessions": func() (query.Asked, error) {
			return e.ResolveSessions(everyday, &query.Sessions{Range: query.Range{From: "-6d"}, Interval: "minute", Breakdown: by, BreakdownLimit: 1000})
		},
	} {
		_, err := resolve()
		var refused *event.Error
		if !errors.As(err, &refused) || refused.Kind != event.TooLarge || refused.Code != "answer_too_large" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := e.ResolveSessions(everyday, &query.Sessions{Range: query.Range{From: "-6d"}, Interval: "minute", Breakdown: by}); err != nil {
		t.Errorf("as many minutes as a question may have, by few values: %v", err)
	}
}

// TestSessionsStayWithinTheMemory: what is kept beside the rows of events has a bound, too.
func TestSessionsStayWithinTheMemory(t *testing.T) {
	day := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	h := &history{zone: time.UTC}
	for i := range 3000 {
		e := event.Event{Name: "a"}
		number := uint64(i+1) * 0x9e3779b97f4a7c15
		e.Derived = event.Derived{Position: uint64(i), Time: day.UnixMicro(), ReceivedAt: day.UnixMicro(), Person: number, Device: number}
		h.events = append(h.events, e)
	}
	s := h.write(t, t.TempDir())
	defer s.Close()
	for _, c := range []struct {
		memory         int64
		measures       []query.SessionMeasure
		answer, people string
	}{
		{64 << 10, nil, "too_many_sessions", "too_many_people"},
		{128 << 10, nil, "", "too_many_people"},
		{256 << 10, []query.SessionMeasure{{}}, "too_many_sessions", "too_many_people"},
		{1 << 20, []query.SessionMeasure{{}}, "", ""},
		{1 << 20, nil, "", ""},
	} {
		e := engine(t, query.Options{Store: s, HistoryMemory: c.memory, Now: func() time.Time { return day.AddDate(0, 0, 1) }})
		r, err := e.ResolveSessions(everyday, &query.Sessions{Range: query.Range{From: "-2d"}, Measures: c.measures})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Sessions(context.Background(), everyday, r)
		if code := codeOf(err); code != c.answer || err == nil && a.Groups[0].Total.Sessions != 3000 {
			t.Errorf("with %d bytes: %v", c.memory, err)
		}
		people, _, err := e.People(context.Background(), everyday, r, nil)
		if code := codeOf(err); code != c.people || err == nil && len(people) != 3000 {
			t.Errorf("people with %d bytes: %d, %v", c.memory, len(people), err)
		}
	}
}

// fieldOf is the field of a question that an error points at.
func fieldOf(err error) string {
	var refused *event.Error
	if errors.As(err, &refused) {
		return refused.Field
	}
	return ""
}

// codeOf is the code of an error that a client may see.
func codeOf(err error) string {
	var refused *event.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestEmptyProjectHasAnswers of every kind.
func TestEmptyProjectHasAnswers(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s})
	ask := func(r query.Asked, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Ask(context.Background(), e, everyday)
		if err != nil {
			t.Fatal(err)
		}
		return asJSON(a)
	}
	week := query.Range{From: "-2d"}
	by := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$os"}}}
	retained, err := e.ResolveRetention(everyday, &query.Retention{Range: week})
	if got := ask(retained, err); strings.Count(got, `"size":0,"cells"`) != 3 {
		t.Error(got)
	}
	split, err := e.ResolveRetention(everyday, &query.Retention{Range: week, Breakdown: by})
	if got := ask(split, err); !strings.Contains(got, `"tables":[]`) {
		t.Error(got)
	}
	lived, err := e.ResolveLifecycle(everyday, &query.Lifecycle{Range: week})
	if got := ask(lived, err); strings.Count(got, `"dormant":0`) != 2 || strings.Count(got, `"dormant":null`) != 1 {
		t.Error(got)
	}
	stuck, err := e.ResolveStickiness(everyday, &query.Stickiness{Range: week})
	if got := ask(stuck, err); !strings.Contains(got, `"counts":[0,0,0]`) {
		t.Error(got)
	}
	walked, err := e.ResolvePaths(everyday, &query.Paths{Range: week})
	if got := ask(walked, err); !strings.Contains(got, `"paths":0,"layers":[{"step":0,"nodes":[]}`) || !strings.Contains(got, `"links":[]`) {
		t.Error(got)
	}
	visited, err := e.ResolveSessions(everyday, &query.Sessions{Range: week})
	if got := ask(visited, err); !strings.Contains(got, `"total":{"sessions":0,"bounces":0,"bounce_rate":null`) {
		t.Error(got)
	}
}
