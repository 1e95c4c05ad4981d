package drill

import (
	"fmt"
	"syscall"
)

// mount puts a file system in memory at a folder.
func mount(dir string, size int64) error {
	return syscall.Mount("freshet-drill", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size))
}

// unmount takes it away, also while something of it is open.
func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
