package query_test

import (
	"os"
	"testing"

	"github.com/freshet/freshet/internal/store/storetest"
)

// TestMain has a property tried 50 times: each is a history with a store of its own and many questions.
func TestMain(m *testing.M) {
	storetest.Checks(50)
	os.Exit(m.Run())
}
