package query_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has the properties tried 50 times, not 100, when nothing else is said: each is a history with a store of its own and
// many questions, and a gate that takes too long is not run. -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if !said {
		if err := flag.Set("rapid.checks", "50"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
