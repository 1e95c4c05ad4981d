//go:build !fault

package fault

// Hit tells that a step is reached. The error is one that the step must take for its own.
func Hit(Step) error { return nil }

// Planted tells whether the bug is to be there.
func Planted(Bug) bool { return false }

// Small tells whether what happens for many rows only is to happen for few.
func Small() bool { return false }
