package rest

import (
	"strconv"
	"strings"
)

// What is changed by several people has a number that grows with each change. It is given as ETag, and a change may ask
// for it by If-Match, so that nobody overwrites what he has not seen.

// versionTag is the ETag of a version.
func versionTag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// versionOf is the version that If-Match asks for, 0 for any; ok is false for a tag that no version has.
func versionOf(ifMatch string) (version uint64, ok bool) {
	if ifMatch == "" || ifMatch == "*" {
		return 0, true
	}
	n, err := strconv.ParseUint(strings.Trim(ifMatch, `"`), 10, 64)
	return n, err == nil && n != 0 && ifMatch == versionTag(n)
}
