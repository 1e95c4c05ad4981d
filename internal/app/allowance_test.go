package app

import "testing"

func TestHistoryMemory(t *testing.T) {
	for _, c := range []struct {
		name      string
		allowed   uint64
		questions int
		want      int64
	}{
		{"a small container", 512 << 20, 2, 64 << 20},
		{"never less than is of use", 256 << 20, 4, 64 << 20},
		{"a small machine", 4 << 30, 2, 512 << 20},
		{"two cores with much", 24 << 30, 2, 3 << 30},
		{"many cores share", 64 << 30, 16, 1 << 30},
	} {
		if got := historyMemory(c.allowed, c.questions); got != c.want {
			t.Errorf("%s: %d MiB, want %d", c.name, got>>20, c.want>>20)
		}
	}
	if n := memoryAllowance(); n < 64<<20 {
		t.Errorf("this machine is said to have %d bytes", n)
	}
}
