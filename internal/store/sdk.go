package store

import (
	"cmp"
	"slices"
	"strings"
)

// SDK is what sent an event, by its own account.
type SDK struct {
	// Name and Version are empty where the sender did not say them; at most MaxSDKText bytes of each are kept.
	Name, Version string
}

const (
	// MaxSDKs is how many are told apart in an hour of a project: those that came first. Further ones are OtherSDKs.
	MaxSDKs = 50
	// MaxSDKText bounds the name and the version of an SDK, in bytes.
	MaxSDKText = 128
)

// Stand-ins for SDKs that are not told apart.
var (
	// OtherSDKs are those that were too many in their hour.
	OtherSDKs = SDK{Name: "$other"}
	// UntoldSDKs are those of duplicates that were counted before SDKs were told apart.
	UntoldSDKs = SDK{Name: "$untold"}
)

// Duplicates are how many duplicates an SDK sent in an hour of receipt.
type Duplicates struct {
	// Hour is its start in Unix seconds.
	Hour int64
	SDK
	Count int64
}

// SDKCount is how many duplicates an SDK sent.
type SDKCount struct {
	SDK
	Count int64
}

// SDKCounts are those of one project and hour, in the order in which they first came, at most MaxSDKs and OtherSDKs.
// However they are put together, adding up in the order of the log keeps the first ones.
type SDKCounts []SDKCount

// Add counts n more. The texts may belong to the caller.
func (c SDKCounts) Add(sdk SDK, n int64) SDKCounts {
	sdk.Name, sdk.Version = cutText(sdk.Name), cutText(sdk.Version)
	others := 0
	for i := range c {
		if c[i].SDK == sdk {
			c[i].Count += n
			return c
		}
		if c[i].SDK == OtherSDKs {
			others = 1
		}
	}
	if sdk != OtherSDKs && len(c)-others >= MaxSDKs {
		return c.Add(OtherSDKs, n)
	}
	return append(c, SDKCount{SDK{Name: strings.Clone(sdk.Name), Version: strings.Clone(sdk.Version)}, n})
}

// Plus adds up two of them, of which the other came later.
func (c SDKCounts) Plus(other SDKCounts) SDKCounts {
	for _, x := range other {
		c = c.Add(x.SDK, x.Count)
	}
	return c
}

// DuplicatesOf are the duplicates of some hours of a project, by hour, name and version, out of the counts of each.
func DuplicatesOf(hours []LedgerHour, of func(hour int64) SDKCounts) []Duplicates {
	var out []Duplicates
	for _, h := range hours {
		rest := h.Duplicate
		for _, c := range of(h.Hour) {
			out = append(out, Duplicates{Hour: h.Hour, SDK: c.SDK, Count: c.Count})
			rest -= c.Count
		}
		if rest != 0 {
			out = append(out, Duplicates{Hour: h.Hour, SDK: UntoldSDKs, Count: rest})
		}
	}
	slices.SortFunc(out, func(a, b Duplicates) int {
		return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// cutText is the beginning of a text, up to whole characters.
func cutText(s string) string {
	if len(s) <= MaxSDKText {
		return s
	}
	return strings.ToValidUTF8(s[:MaxSDKText], "")
}
