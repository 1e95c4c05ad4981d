package archive

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the kernel drop what it holds of a file in memory, as far as it is on the disk.
func forget(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
