//go:build crash

package crash_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// outerBytes and innerBytes are the sizes of the two file systems, of which only what is written takes space.
	outerBytes = 6 << 30
	innerBytes = 256 << 20
	// memoryNeeded is how much must be free for the images to be made in memory.
	memoryNeeded = 3 << 30
)

// images is an XFS file system, which copies a file within a moment by sharing its blocks. In it are images of ext4 file
// systems: the one that a server works on, and what it was at the moments when power was taken away.
type images struct {
	dir string
}

// newImages makes the outer file system. What it needs and does not find ends the test: a laboratory that passes
// without having looked would be worse than none.
func newImages(t testing.TB) *images {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("the power-loss test mounts file systems: run it as root")
	}
	for _, tool := range []string{"mkfs.xfs", "mkfs.ext4"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the power-loss test needs %s (Debian: xfsprogs, e2fsprogs)", tool)
		}
	}
	work, err := os.MkdirTemp(roomiest(), "freshet-power-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(work) })
	path := filepath.Join(work, "outer.xfs")
	sparse(t, path, outerBytes)
	run(t, "mkfs.xfs", "-q", "-m", "reflink=1", path)
	m := &images{dir: filepath.Join(work, "outer")}
	mount(t, path, m.dir, "xfs")
	return m
}

// roomiest is memory when there is enough of it, so that the laboratory does not wear out a disk; or else the folder for
// temporary files.
func roomiest() string {
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= memoryNeeded && memoryFree() >= memoryNeeded {
		return "/dev/shm"
	}
	return os.TempDir()
}

// memoryFree is how much memory can be had without swapping.
func memoryFree() (n uint64) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var total, free, available uint64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB\nMemFree: %d kB\nMemAvailable: %d kB", &total, &free, &available); err != nil {
		return 0
	}
	return available << 10
}

func sparse(t testing.TB, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// mount mounts an image until the test ends, on a folder that it makes.
func mount(t testing.TB, image, dir, kind string) {
	t.Helper()
	umount, err := attach(image, dir, kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := umount(); err != nil {
			t.Error(err)
		}
	})
}

// attach mounts an image through a loop device, which goes away with the mount.
func attach(image, dir, kind string) (umount func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	loop, err := loopDevice(image)
	if err != nil {
		return nil, fmt.Errorf("a loop device for %s: %w", image, err)
	}
	defer loop.Close()
	if err := unix.Mount(loop.Name(), dir, kind, 0, ""); err != nil {
		return nil, fmt.Errorf("mount %s: %w", image, err)
	}
	return func() error { return detach(dir) }, nil
}

// detach unmounts a folder. A process that is just being started elsewhere holds, until it has become another program, every
// file that was open when it began: then the folder is in use for a moment.
func detach(dir string) error {
	end := time.After(soon)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := unix.Unmount(dir, 0)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
}

// loopDevice attaches a file to a loop device that is free. Somebody else may take the same one first.
func loopDevice(image string) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		if err = unix.IoctlLoopConfigure(int(loop.Fd()), &config); err == nil {
			return loop, nil
		}
		_ = loop.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, err
		}
	}
	return nil, unix.EBUSY
}

// format makes a new ext4 image.
func (m *images) format(t testing.TB, name string) (path string) {
	t.Helper()
	path = filepath.Join(m.dir, name)
	sparse(t, path, innerBytes)
	run(t, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", path)
	return path
}

// cut copies an image as it is at this moment, for the server on it the moment at which power is lost: of what it has
// written only what the kernel has brought to the disk is in the copy.
func (m *images) cut(image, name string) (path string, err error) {
	from, err := os.Open(image)
	if err != nil {
		return "", err
	}
	defer from.Close()
	path = filepath.Join(m.dir, name)
	to, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer to.Close()
	if err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd())); err != nil {
		return "", fmt.Errorf("copy %s: %w", image, err)
	}
	return path, nil
}
