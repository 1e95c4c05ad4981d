//go:build linux || darwin

package app

import "golang.org/x/sys/unix"

// diskSpace is what is free, for others than root, and what there is on the disk of a folder; 0 when it cannot be told.
func diskSpace(folder string) (free, total uint64) {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil {
		return 0, 0
	}
	size := uint64(s.Bsize)
	return s.Bavail * size, s.Blocks * size
}
