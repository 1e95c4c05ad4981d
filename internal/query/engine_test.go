package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// listener is a store that notes every statement, and may hold it up.
type listener struct {
	store.Reader
	hold func(ctx context.Context) error
	mu   sync.Mutex
	sql  []string
}

type listeningCut struct {
	store.Cut
	l *listener
}

func (l *listener) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	c, err := l.Reader.Cut(ctx, p)
	return &listeningCut{c, l}, err
}

func (c *listeningCut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	c.l.mu.Lock()
	c.l.sql = append(c.l.sql, sql)
	c.l.mu.Unlock()
	if c.l.hold != nil {
		if err := c.l.hold(ctx); err != nil {
			return func(yield func([]any, error) bool) { yield(nil, err) }
		}
	}
	return c.Cut.Rows(ctx, sql, args...)
}

var everyday = query.Scope{Project: 1, Zone: time.UTC, WeekStart: time.Monday, SessionGap: 30 * time.Minute}

// TestNoTextOfQuestionsInSQL asks with a marker in every place that takes text.
func TestNoTextOfQuestionsInSQL(t *testing.T) {
	const marker = "ZQX'\"--"
	base := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	h := rapid.Custom(func(t *rapid.T) *history { return drawHistory(t, base, time.UTC) }).Filter(func(h *history) bool {
		return len(h.events) > 10
	}).Example(7)
	p := []event.Property{{Key: marker, Type: event.String, Str: marker}, {Key: marker + "2", Type: event.Number, Num: 1}}
	h.events[0].Properties, h.events[1].Properties = p, []event.Property{{Key: marker, Type: event.Number, Num: 3}}
	h.events[2].Kind, h.events[2].Name, h.events[2].Traits = event.Identify, event.NameIdentify, p
	s := h.write(t, t.TempDir())
	defer s.Close()
	l := &listener{Reader: s}
	e := engine(t, query.Options{Store: l, Now: func() time.Time { return base.AddDate(0, 0, 6) }})
	many := make([]any, 60)
	for i := range many {
		many[i] = fmt.Sprint(marker, i)
	}
	questions := 0
	for _, op := range query.Operators() {
		for _, ref := range []query.PropertyRef{{Property: marker}, {Property: marker, Of: "person"}, {Property: marker, Of: "person", At: "event"}, {Property: "$os"}} {
			f := &query.Filter{PropertyRef: ref, Op: op, Value: marker}
			switch op {
			case "is_set", "is_not_set":
				f.Value = nil
			case "in", "not_in":
				f.Value = many
			case "between":
				f.Value = []any{marker, marker}
			case "before", "after":
				f.Value = "-7d"
			}
			aggregates := query.Aggregates()
			one := query.Series{ID: "A", Label: marker, Events: []string{marker}, Aggregate: aggregates[questions%len(aggregates)], Where: f}
			if measures(one.Aggregate) {
				one.Property = marker
			}
			q := &query.Trends{
				Series: []query.Series{one}, Where: f, Compare: "previous",
				Breakdown:      []query.Breakdown{{PropertyRef: ref}, {PropertyRef: query.PropertyRef{Property: marker}, Quantiles: 3}},
				BreakdownLimit: 1, Formulas: []query.Formula{{Expression: "A/A", Label: marker}},
			}
			r, err := e.Resolve(everyday, q)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Trends(context.Background(), everyday, r); err != nil {
				t.Fatal(err)
			}
			questions++
		}
	}
	if len(l.sql) < questions {
		t.Fatalf("%d statements for %d questions", len(l.sql), questions)
	}
	for _, sql := range l.sql {
		if strings.Contains(sql, "ZQX") {
			t.Fatalf("a text of the question stands in\n%s", sql)
		}
	}
}

func ask(ctx context.Context, e *query.Engine) error {
	r, err := e.Resolve(everyday, &query.Trends{Series: []query.Series{{}}})
	if err != nil {
		return err
	}
	_, err = e.Trends(ctx, everyday, r)
	return err
}

func TestTooManyQuestions(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	entered, leave := make(chan struct{}), make(chan struct{})
	l := &listener{Reader: s, hold: func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}}
	registry := prometheus.NewRegistry()
	e := engine(t, query.Options{Store: l, MaxConcurrent: 1, MaxWaiting: 1, Registerer: registry})
	done := make(chan error, 2)
	go func() { done <- ask(context.Background(), e) }()
	<-entered
	waiting, cancel := context.WithCancel(context.Background())
	go func() { done <- ask(waiting, e) }()
	// The second question takes the only waiting place; from then on others are refused.
	var refused *event.Error
	for !errors.As(ask(timeoutAtOnce(), e), &refused) || refused.Kind != event.Overloaded {
	}
	if refused.Code != "too_many_queries" || refused.Wait <= 0 {
		t.Fatalf("refused with %#v", refused)
	}
	cancel()
	if err := <-done; event.KindOf(err) != event.Timeout {
		t.Fatalf("the question that waited ended with %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			switch f.GetName() {
			case "freshet_query_running", "freshet_query_waiting":
				if m.GetGauge().GetValue() != 0 {
					t.Errorf("%s is %v at the end", f.GetName(), m.GetGauge().GetValue())
				}
			case "freshet_query_questions_total":
				outcomes[m.Label[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if outcomes["ok"] != 1 || outcomes["timeout"] < 1 || outcomes["overloaded"] < 1 {
		t.Errorf("outcomes %v", outcomes)
	}
}

// timeoutAtOnce is a context that is over.
func timeoutAtOnce() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestDeadline(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	l := &listener{Reader: s, hold: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("INTERRUPT Error: Interrupted!")
	}}
	e := engine(t, query.Options{Store: l})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	var got *event.Error
	if err := ask(ctx, e); !errors.As(err, &got) || got.Kind != event.Timeout || got.Code != "query_timeout" {
		t.Fatalf("the deadline ended in %v", err)
	}
}

// TestCanceledStatementEnds makes the store count for hours, and stops it.
func TestCanceledStatementEnds(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	cut, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	hours := "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE (a.range * b.range) % 7 = 3"
	if onClickHouse {
		hours = "SELECT count(*) FROM numbers(1000000000) a, numbers(1000000000) b WHERE (a.number * b.number) % 7 = 3"
	}
	for _, err = range cut.Rows(ctx, hours) {
		if err != nil {
			break
		}
	}
	deadline, _ := ctx.Deadline()
	if late := time.Since(deadline); !errors.Is(err, context.DeadlineExceeded) || late > time.Minute { // a busy machine takes its time
		t.Fatalf("it went on for %v, and ended with %v", late, err)
	}
}

func TestEmptyProject(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s})
	for _, aggregate := range query.Aggregates() {
		q := &query.Trends{Range: query.Range{From: "-1d"}, Series: []query.Series{{Aggregate: aggregate}}}
		if measures(aggregate) {
			continue
		}
		r, err := e.Resolve(everyday, q)
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Trends(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Series) != 1 || len(a.Series[0].Values) != 2 || !a.Buckets[1].Partial || a.Buckets[0].Partial {
			t.Fatalf("%s of nothing is %s", aggregate, asJSON(a))
		}
		if v := a.Series[0].Values[0]; aggregate != "per_user" && (v == nil || *v != 0) {
			t.Fatalf("%s of nothing is %s", aggregate, asJSON(a))
		}
	}
}

// FuzzQuestion decodes questions and resolves them: no input may do harm, and what is accepted means the same again.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{
		`{"range":{"from":"-7d"},"series":[{"events":["a"],"aggregate":"unique"}],"breakdown":[{"property":"$os"}]}`,
		`{"series":[{"id":"A"},{"id":"B"}],"formulas":[{"expression":"A/B"}],"compare":"year","rolling":7}`,
		`{"series":[{}],"where":{"and":[{"or":[{"property":"$country","op":"in","value":["DE",1,true]}]}]},"interval":"month"}`,
		`{"range":{"from":"last_week","to":"today"},"timezone":"Australia/Lord_Howe","series":[{"where":{"property":"$os","op":"before","value":"-3w"}}]}`,
	} {
		f.Add([]byte(s))
	}
	s := openStore(f, f.TempDir())
	defer s.Close()
	now := time.Date(2026, 3, 8, 12, 0, 30, 0, time.UTC)
	e := engine(f, query.Options{Store: s, Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, data []byte) {
		q := &query.Trends{}
		if json.Unmarshal(data, q) != nil {
			return
		}
		r, err := e.Resolve(everyday, q)
		if err != nil {
			var known *event.Error
			if !errors.As(err, &known) {
				t.Fatalf("%s: %v", data, err)
			}
			return
		}
		again := &query.Trends{}
		if err := json.Unmarshal([]byte(asJSON(r.Trends)), again); err != nil {
			t.Fatal(err)
		}
		second, err := e.Resolve(everyday, again)
		if err != nil || second.Key() != r.Key() {
			t.Fatalf("%s resolves to %s, and that to another question: %v", data, asJSON(r.Trends), err)
		}
	})
}

func TestStair(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	cut, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	rapid.Check(t, func(t *rapid.T) {
		edges := []int64{rapid.Int64Range(-50, 50).Draw(t, "first")}
		for range rapid.IntRange(0, 12).Draw(t, "edges") {
			edges = append(edges, edges[len(edges)-1]+rapid.SampledFrom([]int64{0, 1, 3, 3, 3, 7}).Draw(t, "step"))
		}
		end := edges[len(edges)-1] + rapid.Int64Range(1, 10).Draw(t, "rest")
		plus := rapid.Int64Range(-2, 2).Draw(t, "plus")
		var all []string
		for x := edges[0]; x < end; x++ {
			all = append(all, "SELECT "+cut.Dialect().Cast(fmt.Sprint(x), store.Int)+" AS x")
		}
		sql := fmt.Sprintf("SELECT x, %s FROM (%s)", query.Stair(cut.Dialect(), "x", edges, end, plus), strings.Join(all, " UNION ALL "))
		for row, err := range cut.Rows(context.Background(), sql) {
			if err != nil {
				t.Fatal(err)
			}
			want := plus
			for _, e := range edges {
				if e <= row[0].(int64) {
					want++
				}
			}
			if fmt.Sprint(row[1]) != fmt.Sprint(want) {
				t.Fatalf("%v: %v is at step %v, want %d\n%s", edges, row[0], row[1], want, sql)
			}
		}
	})
}
