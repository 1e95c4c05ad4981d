package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
	d := c.Dialect()
	wide := "SELECT e.seq, e.person, e.time, e.event, e.day, e.user_id, e.country, " + a.Integers + ", n / 7, " + d.Cast("n % 2 = 0", store.Boolean) + "," +
		" CASE WHEN n % 3 = 0 THEN 'a long text, number ' || " + d.Cast("n", store.Text) + " WHEN n % 3 = 1 THEN 'twelve bytes' END" +
		" FROM " + c.Events("seq", "person", "time", "event", "day", "user_id", "country") + " e, " + a.Numbers(20) + " i ORDER BY seq, n"
	compareBatches(t, c, wide)
	bound := d.Parameter(1, "bound") + ", " + d.Parameter(2, 2.5) + ", " + d.Cast("NULL", store.Int)
	compareBatches(t, c, "SELECT "+bound+", seq FROM "+c.Events("seq")+" ORDER BY seq", "bound", 2.5)
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
	compareSpread(t, c, "SELECT "+bound+", seq, n FROM "+c.Events("seq")+" e, "+a.Numbers(1000)+" i", "bound", 2.5)
	values(t, c)
	spreadErrors(t, a, s)
	brokenOff(t, a, c)
}

// long is what takes a long time to read.
func long(a Adapter) string {
	return a.Numbers(1_000_000) + " a, " + a.Numbers(1_000_000) + " b WHERE a.n * b.n % 7 = 3"
}

// values: what is bound comes back as it was, and is compared as it is.
func values(t *testing.T, c store.Cut) {
	t.Helper()
	d := c.Dialect()
	texts := []string{"", "'", "\\", "\\'", "\t\n\r\x00\b", "\\n", "it's \"so\"; --", "ü€😀", "$1", "{p1:String}", "%s", "\\\\0", "[']"}
	numbers := []float64{0, -1.5, 1e300, 5e-324, 0.1, 12345678901234567}
	for i, text := range texts {
		sql := "SELECT " + d.Parameter(1, text) + ", " + d.Parameter(2, 0.5) + ", " + d.Cast(d.Among(d.Parameter(1, text), d.Parameter(3, texts)), store.Boolean) + ", " +
			d.Cast(d.Place(d.Parameter(3, texts), d.Parameter(1, text)), store.Int)
		for row, err := range c.Rows(context.Background(), sql, text, numbers[i%len(numbers)], texts) {
			if err != nil {
				t.Fatal(err)
			}
			if want := []any{text, numbers[i%len(numbers)], true, int64(i + 1)}; !reflect.DeepEqual(row, want) {
				t.Fatalf("%q is %q, want %q", text, row, want)
			}
		}
	}
	for number, want := range map[float64]string{
		0: "0.0", 2.5: "2.5", -3: "-3.0", 1234567890123456: "1234567890123456.0", 1e16: "1e+16", 1.2345678901234567e19: "1.2345678901234567e+19",
		1e21: "1e+21", -1.25e300: "-1.25e+300", 1e-4: "0.0001", 1.234e-5: "1.234e-05", -1e-6: "-1e-06", 1.2e-7: "1.2e-07", 5e-324: "5e-324",
	} {
		for row, err := range c.Rows(context.Background(), "SELECT "+d.NumberText(d.Parameter(1, number)), number) {
			if err != nil || row[0] != want {
				t.Fatalf("%v is %v, want %s: %v", number, row, want, err)
			}
		}
	}
	for row, err := range c.Rows(context.Background(), "SELECT "+d.Cast(d.Among(d.Parameter(1, 0.1), d.Parameter(2, numbers)), store.Boolean)+", "+
		d.Parameter(3, true), 0.1, numbers, true) {
		if err != nil || row[0] != true || row[1] != true {
			t.Fatal(row, err)
		}
	}
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
func spreadErrors(t *testing.T, a Adapter, s Store) {
	t.Helper()
	mine := errors.New("enough")
	ignore := func() func(*store.Batch) error { return func(*store.Batch) error { return nil } }
	refuse := func() func(*store.Batch) error { return func(*store.Batch) error { return mine } }
	for _, x := range []struct {
		sql    string
		worker func() func(*store.Batch) error
		want   error
	}{
		{"SELECT n FROM " + a.Numbers(1_000_000) + " i", refuse, mine},
		{"SELECT [n] FROM " + a.Numbers(10) + " i", ignore, nil},
		{"SELECT nothing FROM " + a.Numbers(10) + " i", ignore, nil},
		{"SELECT 1 FROM " + long(a), ignore, context.DeadlineExceeded},
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
func brokenOff(t *testing.T, a Adapter, c store.Cut) {
	t.Helper()
	many := "SELECT n FROM " + a.Numbers(1_000_000) + " i"
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
	for b, err := range c.Batches(ctx, "SELECT count(*) FROM "+long(a)) {
		if err == nil {
			t.Fatalf("%d rows for a context that has ended", b.Rows)
		}
	}
}
