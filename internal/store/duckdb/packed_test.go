package duckdb

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// drawn is a value of a column, nil for none.
func drawn(t *rapid.T, typ store.Type, variety int) []byte {
	n := rapid.IntRange(-1, variety).Draw(t, "value")
	switch {
	case n < 0:
		return nil
	case typ == store.Boolean:
		return []byte{byte(n & 1)}
	case typ == store.UUID:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{}, uint64(n)), ^uint64(n))
	case isText(typ):
		uuid := fmt.Sprintf("%08x-0000-4000-8000-00000000000a", n)
		return []byte([]string{"", fmt.Sprint("t", n), uuid, strings.ToUpper(uuid)}[n%4])
	default:
		return binary.LittleEndian.AppendUint64([]byte{}, uint64(n))
	}
}

func (c *column) set(r int, v []byte) {
	switch {
	case v == nil:
	case isText(c.typ):
		c.bytes(r, v)
	case c.typ == store.Boolean:
		c.boolean(r, v[0] == 1)
	case c.typ == store.UUID:
		c.uuid(r, [16]byte(v))
	default:
		c.word(r, word(v, 0))
	}
}

// value is that of a row, nil for none.
func (c *column) value(r int) []byte {
	switch w := c.width(); {
	case !c.has(r):
		return nil
	case isText(c.typ):
		return append([]byte{}, c.data[c.offset(r):c.offset(r+1)]...)
	case c.typ == store.Boolean:
		return []byte{c.words[r>>3] >> (r & 7) & 1}
	default:
		return c.words[w*r : w*r+w]
	}
}

func gatheredLike(t interface{ Fatalf(string, ...any) }, c packed, want [][]byte) {
	keys := make([]key, len(want))
	for i := range keys {
		keys[i].row = int32(len(want) - 1 - i)
	}
	for _, keys := range [][]key{keys, keys[:len(keys)/2]} {
		var out column
		var places []int32
		c.gather(&out, keys, &places)
		for i, k := range keys {
			if got := out.value(i); !slices.Equal(got, want[k.row]) || (got == nil) != (want[k.row] == nil) {
				t.Fatalf("row %d of %d is %q, not %q", k.row, len(want), got, want[k.row])
			}
		}
	}
}

// TestPackedIsWhatWasAppended also in views that were taken before more was appended, and when memory is used again.
func TestPackedIsWhatWasAppended(t *testing.T) {
	type view struct {
		packed
		rows int
	}
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]store.Type{store.Text, store.Number64, store.Boolean, store.UUID, store.Float}).Draw(t, "type")
		c := packed{name: "c", typ: typ}
		for range 2 {
			var all [][]byte
			var views []view
			for range rapid.IntRange(1, 6).Draw(t, "batches") {
				batch, n := column{typ: typ}, rapid.IntRange(1, 150).Draw(t, "rows")
				variety := rapid.SampledFrom([]int{-1, 0, 3, 1000}).Draw(t, "variety")
				before := len(all)
				for r := range n {
					v := []byte(nil)
					if variety >= 0 {
						v = drawn(t, typ, variety)
					}
					if rapid.Bool().Draw(t, "always") && v == nil && variety >= 0 {
						v = drawn(t, typ, 0)
					}
					batch.set(r, v)
					all = append(all, v)
				}
				c.extend(before, &batch)
				v := view{c, len(all)}
				v.settle()
				views = append(views, v)
			}
			for _, v := range views {
				gatheredLike(t, v.packed, all[:v.rows])
			}
			if isText(typ) {
				splitLike(t, c, all)
			}
			c.reset()
		}
	})
}

// splitLike checks that each id is in the column of its spelling and in no other.
func splitLike(t *rapid.T, c packed, all [][]byte) {
	want := map[string][][]byte{"c": nil, "c" + lowerEnding: nil, "c" + capitalsEnding: nil}
	for name := range want {
		want[name] = make([][]byte, len(all))
	}
	for r, v := range all {
		if v == nil {
			continue
		}
		switch k, capitals, ok := event.UUIDOf(v); {
		case !ok:
			want["c"][r] = v
		case capitals:
			want["c"+capitalsEnding][r] = k[:]
		default:
			want["c"+lowerEnding][r] = k[:]
		}
	}
	for _, s := range c.splitUUIDs() {
		gatheredLike(t, s, want[s.name])
		delete(want, s.name)
	}
	for name, rows := range want {
		for r, v := range rows {
			if v != nil {
				t.Fatalf("row %d of %s is missing", r, name)
			}
		}
	}
}

// TestManyTexts has so many that numbers take more bytes, whether they come again or not.
func TestManyTexts(t *testing.T) {
	for name, some := range map[string]struct{ each, of int }{"a byte": {1, 100}, "two": {1, 3000}, "four": {3, 70_000}, "all different": {1, 200_000}} {
		t.Run(name, func(t *testing.T) {
			const rows, batch = 200_000, 10_000
			c := packed{typ: store.Text}
			var all [][]byte
			var views []packed
			for at := 0; at < rows; at += batch {
				b := column{typ: store.Text}
				for r := range batch {
					v := fmt.Appendf([]byte{}, "text %d", (at+r)/some.each%some.of)
					b.bytes(r, v)
					all = append(all, v)
				}
				c.extend(at, &b)
				views = append(views, c)
			}
			for i, v := range views {
				gatheredLike(t, v, all[:(i+1)*batch])
			}
			if different := some.of == rows; c.plain != different {
				t.Errorf("texts of %d kinds are plain: %v", some.of, c.plain)
			}
		})
	}
}

// Rows that are read while others are appended share no byte with them. Without that the race detector tells.
func TestViewIsNotWritten(t *testing.T) {
	for _, typ := range []store.Type{store.Boolean, store.Text, store.Float} {
		rows := func(n int) *column {
			c := &column{typ: typ}
			for r := 0; r < n; r += 2 {
				c.set(r, slices.Repeat([]byte{byte(n)}, 8))
			}
			return c
		}
		c := packed{typ: typ}
		c.extend(0, rows(3))
		view := c
		view.settle()
		var writer sync.WaitGroup
		writer.Go(func() {
			for n := range 600 {
				c.extend(3+n, rows(1))
			}
		})
		var want [][]byte
		for r := range 3 {
			want = append(want, rows(3).value(r))
		}
		gatheredLike(t, view, want)
		writer.Wait()
		if c.has(1) || !c.has(3) || !c.has(602) {
			t.Error("what was appended is not there")
		}
	}
}
