package query_test

import (
	"os"
	"testing"

	"github.com/freshet/freshet/internal/store/storetest"
)

// TestMain has a property tried 20 times: each is a history with a store of its own and many questions. The histories are others
// each time.
func TestMain(m *testing.M) {
	storetest.Checks(20)
	os.Exit(m.Run())
}
