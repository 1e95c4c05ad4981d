//go:build linux || darwin

package app

import (
	"testing"

	"golang.org/x/sys/unix"
)

// blocks is what a file takes of its disk.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		t.Fatal(err)
	}
	return s.Blocks * 512
}
