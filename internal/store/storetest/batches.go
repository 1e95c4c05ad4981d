package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/store"
)

// batched: the rows of Batches are those of Rows, of every type, over many batches; a loop may be broken off, and a
// context ends it.
func batched(t *testing.T, a Adapter) {
	s := a.Open(t, t.TempDir())
	defer closed(t, s)
	h := newHistory(5)
	h.grow(400)
	h.give(t, s, 0, 200)
	a.Settle(t, s)
	h.give(t, s, 200, 400)
	c := cut(t, s, 1)
	defer c.Close()
	wide := "SELECT e.seq, e.person, e.time, e.event, e.day, e.user_id, e.country, range::TINYINT, (range * 9)::UTINYINT, (range - 3)::SMALLINT," +
		" range::USMALLINT, -range::INTEGER, range::UINTEGER, range / 7, range % 2 = 0," +
		" CASE WHEN range % 3 = 0 THEN 'a long text, number ' || range WHEN range % 3 = 1 THEN 'twelve bytes' END" +
		" FROM " + c.Events("seq", "person", "time", "event", "day", "user_id", "country") + " e, range(20) ORDER BY seq, range"
	compareBatches(t, c, wide)
	compareBatches(t, c, "SELECT $1::VARCHAR, $2::DOUBLE, NULL::BIGINT, seq FROM "+c.Events("seq")+" ORDER BY seq", "bound", 2.5)
	compareBatches(t, c, "SELECT seq FROM "+c.Events("seq")+" WHERE false")
	for b, err := range c.Batches(context.Background(), "SELECT [seq] FROM "+c.Events("seq")) {
		if err == nil {
			t.Fatalf("a list is delivered: %v", b)
		}
	}
	for b, err := range c.Batches(context.Background(), "SELECT nothing FROM "+c.Events("seq")) {
		if err == nil {
			t.Fatalf("a statement that is wrong is answered: %v", b)
		}
	}
	for _, sql := range []string{wide, "WITH e AS (SELECT seq FROM " + c.Events("seq") + ") SELECT seq, seq FROM e", "SELECT seq FROM " + c.Events("seq") + " WHERE false"} {
		compareSpread(t, c, sql)
	}
	compareSpread(t, c, "SELECT $1::VARCHAR, seq, NULL::BIGINT, range FROM "+c.Events("seq")+", range(1000)", "bound")
	spreadErrors(t, s)
	brokenOff(t, c)
}

// compareSpread: all rows are handed over, each to one worker.
func compareSpread(t *testing.T, c store.Cut, sql string, args ...any) {
	t.Helper()
	var want, got []string
	for b, err := range c.Batches(context.Background(), sql, args...) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, texts(b)...)
	}
	var found []*[]string
	err := c.Spread(context.Background(), func() func(*store.Batch) error {
		mine := new([]string)
		found = append(found, mine)
		return func(b *store.Batch) error {
			*mine = append(*mine, texts(b)...)
			return nil
		}
	}, sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		got = append(got, *f...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%d rows are handed over, want %d", len(got), len(want))
	}
}

func texts(b *store.Batch) []string {
	out := make([]string, b.Rows)
	for i := range out {
		for j := range b.Columns {
			out[i] += fmt.Sprint(valueAt(&b.Columns[j], i), " ")
		}
	}
	return out
}

// spreadErrors: an error of a worker comes back, as do those of a statement and of a context.
func spreadErrors(t *testing.T, s Store) {
	t.Helper()
	mine := errors.New("enough")
	ignore := func() func(*store.Batch) error { return func(*store.Batch) error { return nil } }
	refuse := func() func(*store.Batch) error { return func(*store.Batch) error { return mine } }
	for _, x := range []struct {
		sql    string
		worker func() func(*store.Batch) error
		want   error
	}{
		{"SELECT range FROM range(1000000)", refuse, mine},
		{"SELECT [range] FROM range(10)", ignore, nil},
		{"SELECT nothing FROM range(10)", ignore, nil},
		{"SELECT 1 FROM range(100000) a, range(100000) b WHERE a.range * b.range % 7 = 3", ignore, context.DeadlineExceeded},
	} {
		c := cut(t, s, 1)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if err := c.Spread(ctx, x.worker, x.sql); err == nil || x.want != nil && !errors.Is(err, x.want) {
			t.Fatalf("%s: %v", x.sql, err)
		}
		cancel()
		c.Close()
	}
	c := cut(t, s, 1)
	defer c.Close()
	compareSpread(t, c, "SELECT seq FROM "+c.Events("seq"))
}

func compareBatches(t *testing.T, c store.Cut, sql string, args ...any) {
	t.Helper()
	var want []string
	for row, err := range c.Rows(context.Background(), sql, args...) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(row...))
	}
	at := 0
	for b, err := range c.Batches(context.Background(), sql, args...) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			row := make([]any, len(b.Columns))
			for j := range b.Columns {
				row[j] = valueAt(&b.Columns[j], i)
				if us, ok := row[j].(int64); ok && strings.HasPrefix(sql, "SELECT e.seq") && j == 2 {
					row[j] = time.UnixMicro(us).UTC()
				}
			}
			if got := fmt.Sprint(row...); at >= len(want) || got != want[at] {
				t.Fatalf("row %d of %d is %s, want %s", at, len(want), got, want[min(at, len(want)-1)])
			}
			at++
		}
	}
	if at != len(want) {
		t.Fatalf("%d rows, want %d", at, len(want))
	}
}

func valueAt(v *store.Vector, i int) any {
	switch {
	case v.IsNull(i):
		return nil
	case v.Int64 != nil:
		return v.Int64[i]
	case v.Uint64 != nil:
		return v.Uint64[i]
	case v.Float64 != nil:
		return v.Float64[i]
	case v.Bool != nil:
		return v.Bool[i]
	}
	return v.Text[i]
}

// brokenOff leaves loops early, by itself and by its context.
func brokenOff(t *testing.T, c store.Cut) {
	t.Helper()
	many := "SELECT range FROM range(1000000)"
	for range 20 {
		for b, err := range c.Batches(context.Background(), many) {
			if err != nil || b.Rows == 0 {
				t.Fatal(b, err)
			}
			break
		}
	}
	compareBatches(t, c, "SELECT seq FROM "+c.Events("seq")+" ORDER BY seq")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for b, err := range c.Batches(ctx, many) {
		if err == nil {
			t.Fatalf("%d rows for a context that has ended", b.Rows)
		}
	}
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for b, err := range c.Batches(ctx, "SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range * b.range % 7 = 3") {
		if err == nil {
			t.Fatalf("%d rows for a context that has ended", b.Rows)
		}
	}
}
