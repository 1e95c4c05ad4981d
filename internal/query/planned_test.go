package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// spied is a store that notes statements and relations, and with deaf set refuses to run any.
type spied struct {
	store.Reader
	deaf       bool
	statements []query.OutlineStatement
	relations  map[string]string
}

type spiedCut struct {
	store.Cut
	s *spied
}

var errDeaf = errors.New("a statement was run")

func (s *spied) Cut(ctx context.Context, p store.ProjectID) (store.Cut, error) {
	c, err := s.Reader.Cut(ctx, p)
	return &spiedCut{c, s}, err
}

func (c *spiedCut) Events(columns ...string) string {
	sql := c.Cut.Events(columns...)
	c.s.relations[strings.Join(columns, " ")] = sql
	return sql
}

func (c *spiedCut) note(sql string, args []any) error {
	if c.s.deaf {
		return errDeaf
	}
	c.s.statements = append(c.s.statements, query.OutlineStatement{SQL: sql, Parameters: args})
	return nil
}

func (c *spiedCut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	if err := c.note(sql, args); err != nil {
		return func(yield func([]any, error) bool) { yield(nil, err) }
	}
	return c.Cut.Rows(ctx, sql, args...)
}

func (c *spiedCut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	if err := c.note(sql, args); err != nil {
		return func(yield func(*store.Batch, error) bool) { yield(nil, err) }
	}
	return c.Cut.Batches(ctx, sql, args...)
}

func (c *spiedCut) Spread(ctx context.Context, worker func() func(*store.Batch) error, sql string, args ...any) error {
	if err := c.note(sql, args); err != nil {
		return err
	}
	return c.Cut.Spread(ctx, worker, sql, args...)
}

// planned are questions of which no statement is made of another's rows, but for the last two.
var planned = []string{
	`{"series":[{"events":["view","it's"]}]}`,
	`{"series":[{"aggregate":"unique"},{"events":["buy"],"aggregate":"sum","property":"n"}],"formulas":[{"expression":"B / A"}],"rolling":3}`,
	`{"series":[{"aggregate":"sessions","where":{"property":"plan","of":"person","op":"is","value":"pro"}}],"interval":"week"}`,
	`{"series":[{"aggregate":"mau"}],"breakdown":[{"property":"$country"},{"property":"n","edges":[1,5]}]}`,
	`{"kind":"funnel","steps":[{"events":["view"]},{"events":["buy"],"window":"1h"}],"exclusions":[{"events":["push_received"]}],"compare":"previous"}`,
	`{"kind":"funnel","steps":[{"events":["view"]},{"events":["buy"]}],"unit":"session","breakdown":[{"property":"$country"}]}`,
	`{"kind":"retention","start":{"events":["view"]},"return":{"events":["buy"]},"breakdown":[{"property":"$country"}]}`,
	`{"kind":"lifecycle","active":{"events":["view"]},"new_by":"any"}`,
	`{"kind":"stickiness","active":{},"mode":"ratio"}`,
	`{"kind":"paths","from":{"events":["view"]},"unit":"sessions"}`,
	`{"kind":"sessions","breakdown":[{"property":"$country"}]}`,
	`{"kind":"sessions","by":"gap","midnight":"cut","holding":{"events":["buy"]}}`,
	`{"series":[{"aggregate":"p90","property":"n"}],"breakdown":[{"property":"$country"}]}`,
	`{"kind":"retention","breakdown":[{"property":"n","quantiles":3}]}`,
}

var relationName = regexp.MustCompile(`\bevents(_\d+)?\b`)

// plannedFrom is the day from which on the events of storeToPlan are.
var plannedFrom = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// storeToPlan has some events, always the same ones.
func storeToPlan(t *testing.T) store.Reader {
	t.Helper()
	h := rapid.Custom(func(t *rapid.T) *history { return drawHistory(t, plannedFrom, time.UTC) }).Filter(func(h *history) bool {
		return len(h.events) > 20
	}).Example(3)
	s := h.write(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// spying is an engine over a store whose statements are noted.
func spying(t *testing.T, s store.Reader) (*spied, *query.Engine) {
	t.Helper()
	spy := &spied{Reader: s, relations: map[string]string{}}
	// One pass is enough: how many it takes is not planned.
	return spy, engine(t, query.Options{Store: spy, HistoryMemory: 4 << 20, Now: func() time.Time { return plannedFrom.AddDate(0, 0, 6) }})
}

// TestPlanIsWhatRuns compares the statements of a plan with those that asking runs.
func TestPlanIsWhatRuns(t *testing.T) {
	s := storeToPlan(t)
	for i, text := range planned {
		spy, e := spying(t, s)
		asked := read(t, e, text)
		spy.statements, spy.deaf = nil, true
		plan, err := e.Plan(t.Context(), everyday, asked)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(plan.How) == 0 || len(plan.Statements) == 0 || plan.Watermark.Position == 0 {
			t.Errorf("%s: %+v", text, plan)
		}
		if _, err := json.Marshal(plan); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		spy.deaf = false
		if _, err := asked.Ask(t.Context(), e, everyday); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if i >= len(planned)-2 {
			if first := plan.Statements[0]; first.Name != [...]string{"ranking", "quantiles"}[i-len(planned)+2] {
				t.Errorf("%s: the first statement is %q", text, first.Name)
			}
			continue
		}
		if len(plan.Statements) != len(spy.statements) {
			t.Fatalf("%s: %d statements are planned, %d run", text, len(plan.Statements), len(spy.statements))
		}
		for j, p := range plan.Statements {
			run := spy.statements[j]
			meant := relationName.ReplaceAllStringFunc(p.SQL, func(name string) string {
				at := slices.IndexFunc(plan.Relations, func(r query.OutlineRelation) bool { return r.Name == name })
				return spy.relations[strings.Join(plan.Relations[at].Columns, " ")]
			})
			if meant != run.SQL || fmt.Sprint(p.Parameters) != fmt.Sprint(append([]any{}, run.Parameters...)) {
				t.Errorf("%s: planned\n%s %v\nrun\n%s %v", text, meant, p.Parameters, run.SQL, run.Parameters)
			}
		}
	}
}

// TestPlanNamesWhatItShows looks at properties, cohorts and values, which no text of SQL may hold.
func TestPlanNamesWhatItShows(t *testing.T) {
	spy, e := spying(t, storeToPlan(t))
	asked := read(t, e, `{"series":[{"aggregate":"sum","property":"n"}],"where":{"cohort":"buyers","op":"in"}}`)
	spy.deaf = true
	plan, err := e.Plan(t.Context(), everyday, asked)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(plan.Statements); n != 2 || plan.Statements[0].Cohort != "buyers" || plan.Statements[0].Name != "people" ||
		plan.Statements[1].Name != "trend" || plan.Statements[1].Cohort != "" {
		t.Errorf("%+v", plan.Statements)
	}
	if !slices.ContainsFunc(plan.Relations, func(r query.OutlineRelation) bool { return r.Sort == query.RelationPeople }) {
		t.Errorf("%+v", plan.Relations)
	}
	for _, p := range plan.Statements {
		if strings.Contains(p.SQL, "buy") {
			t.Errorf("a value is in %s", p.SQL)
		}
	}
}

// read resolves a question of any kind.
func read(t *testing.T, e *query.Engine, text string) query.Asked {
	t.Helper()
	var head struct{ Kind string }
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		t.Fatal(err)
	}
	asked, err := map[string]func(*query.Engine, string) (query.Asked, error){
		"": resolved((*query.Engine).Resolve), "funnel": resolved((*query.Engine).ResolveFunnel),
		"retention": resolved((*query.Engine).ResolveRetention), "lifecycle": resolved((*query.Engine).ResolveLifecycle),
		"stickiness": resolved((*query.Engine).ResolveStickiness), "paths": resolved((*query.Engine).ResolvePaths),
		"sessions": resolved((*query.Engine).ResolveSessions),
	}[head.Kind](e, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return asked
}

func resolved[Q any, R query.Asked](resolve func(*query.Engine, query.Scope, *Q) (R, error)) func(*query.Engine, string) (query.Asked, error) {
	return func(e *query.Engine, text string) (query.Asked, error) {
		q := new(Q)
		if err := json.Unmarshal([]byte(text), q); err != nil {
			return nil, err
		}
		return resolve(e, everyday, q)
	}
}
