package sqlite_test

import (
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
	"github.com/freshet/freshet/internal/project/sqlite"
	"github.com/freshet/freshet/internal/project/statement"
)

func TestMove(t *testing.T) {
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	projecttest.Moves(t, open(), open(), open(), func(from, to project.Store) (bool, error) {
		return statement.Move(t.Context(), from.(*sqlite.Store).Store, to.(*sqlite.Store).Store)
	})
}
