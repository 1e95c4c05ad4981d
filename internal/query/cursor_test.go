package query

import (
	"math"
	"testing"

	"github.com/freshet/freshet/internal/event"
)

func FuzzDecodeCursor(f *testing.F) {
	for _, p := range []place{{}, {math.MinInt64, 1}, {math.MaxInt64, math.MaxUint64}} {
		f.Add(p.encode(7), uint64(7))
	}
	f.Add("AQ", uint64(0))
	f.Add("not base64!", uint64(0))
	f.Add("\n"+place{}.encode(7), uint64(7))
	f.Fuzz(func(t *testing.T, cursor string, question uint64) {
		p, err := decodeCursor(cursor, question)
		if err != nil {
			if event.KindOf(err) != event.Invalid {
				t.Fatalf("%q: %v", cursor, err)
			}
			return
		}
		if p == nil {
			if cursor != "" {
				t.Fatalf("%q is the beginning", cursor)
			}
			return
		}
		if again := p.encode(question); again != cursor {
			t.Fatalf("%q read and written is %q", cursor, again)
		}
		if _, err := decodeCursor(cursor, question+1); err == nil {
			t.Fatalf("%q is good for another question", cursor)
		}
	})
}
