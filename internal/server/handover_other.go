//go:build !linux

package server

import "net"

func withShortPath(path string, f func(short string) error) error { return f(path) }

// sameUser relies on the permissions of the socket, which only this user may open.
func sameUser(*net.UnixConn) bool { return true }
