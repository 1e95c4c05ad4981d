//go:build crash

package crash_test

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
)

// sheet is the balance sheet of a run of the laboratory. It is the only thing that its tests share.
var sheet struct {
	mu    sync.Mutex
	lines []string
}

// balance adds a line to the sheet.
func balance(t testing.TB, what string, times, wrong int, more string) {
	t.Helper()
	sheet.mu.Lock()
	defer sheet.mu.Unlock()
	sheet.lines = append(sheet.lines, fmt.Sprintf("%-24s %6d %6d   %s", what, times, wrong, more))
}

// printBalance prints the sheet.
func printBalance(w io.Writer) {
	sheet.mu.Lock()
	defer sheet.mu.Unlock()
	slices.Sort(sheet.lines)
	fmt.Fprintf(w, "\n%-24s %6s %6s\n", "balance", "times", "wrong")
	for _, line := range sheet.lines {
		fmt.Fprintln(w, line)
	}
}
