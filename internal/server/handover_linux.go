package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxUnixPath is the longest name a unix socket may have.
const maxUnixPath = 100

// withShortPath calls f with a name for path that fits a unix socket's address, however deep the data folder is.
func withShortPath(path string, f func(short string) error) error {
	if len(path) <= maxUnixPath {
		return f(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// sameUser tells whether the peer is this process's user, or root.
func sameUser(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		ok = err == nil && (int(cred.Uid) == os.Geteuid() || cred.Uid == 0)
	})
	return err == nil && ok
}
