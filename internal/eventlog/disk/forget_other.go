//go:build !linux

package disk

import "github.com/cockroachdb/pebble/v2/vfs"

// forget does nothing: other systems have no such call.
func forget(vfs.File) {}
