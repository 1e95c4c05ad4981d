package app

import (
	"strings"
	"testing"
)

// TestNewerSnapshot: a backup of a later format is refused with words, also when its members have become others.
func TestNewerSnapshot(t *testing.T) {
	t.Parallel()
	_, err := readSnapshot([]byte(`{"format":2,"files":"elsewhere"}`), "b1")
	if err == nil || !strings.Contains(err.Error(), "take a newer freshet") {
		t.Errorf("%v", err)
	}
}
