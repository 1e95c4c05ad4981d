package query

import (
	"context"
	"testing"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// halfway is a cut whose statement is half done and hands over two rows.
type halfway struct{ store.Cut }

func (halfway) Watch(context.Context) error { return nil }
func (halfway) Fraction() (float64, bool)   { return 0.5, true }

func (halfway) Spread(_ context.Context, worker func() func(*store.Batch) error, _ string, _ ...any) error {
	return worker()(&store.Batch{Rows: 2})
}

func TestMeterFollowsAQuestion(t *testing.T) {
	m := &Meter{Fractions: true}
	ctx := WithMeter(t.Context(), m)
	expect := func(phase string, statements, rows int64, fraction float64) {
		t.Helper()
		p := m.Progress()
		got := -1.0
		if p.Fraction != nil {
			got = *p.Fraction
		}
		if p.Phase != phase || p.Statements != statements || p.Rows != rows || got != fraction {
			t.Errorf("%+v with fraction %v", p, got)
		}
	}
	expect(PhaseWaiting, 0, 0, -1)
	cut, err := meterOf(ctx).watch(ctx, halfway{})
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(1); i <= 2; i++ {
		err = cut.Spread(ctx, func() func(*store.Batch) error {
			return func(*store.Batch) error { expect(PhaseReading, i, 2*i, 0.5); return nil }
		}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := history.New(history.Options{Workers: 1}).Each(ctx, func() func(*history.Actor) { return nil }); err != nil {
			t.Fatal(err)
		}
		expect(PhaseGrouping, i, 2*i, 1)
	}
}
