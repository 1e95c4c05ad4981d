//go:build !linux

package doctor

import "errors"

func space(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }

func memoryInfo() (available, total int64, err error) { return 0, 0, errors.ErrUnsupported }

func clockSynchronized() (synchronized, known bool) { return false, false }

func openFiles() Check { return Check{Name: "open files", Status: OK, Found: "unknown on this system"} }
