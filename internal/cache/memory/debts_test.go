package memory

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/cachetest"
)

func TestDebts(t *testing.T) {
	cachetest.RunDebts(t, func(_ *testing.T, processes int) (out []cache.Debts) {
		book := NewBook(time.Now)
		for range processes {
			out = append(out, book.Join())
		}
		return out
	})
}
