package event

import (
	"math"
	"math/bits"
	"strings"

	"github.com/zeebo/xxh3"
)

// Claim is what an event says of itself to whoever remembers ids: an id of a project, and what stands behind it.
type Claim struct {
	Project uint32
	Key     Key
	// Content is that of Event.Content, 0 when it is not known.
	Content uint16
}

// Content is a hash of what the event says, never 0: its kind, name and ids, properties and traits. The order of properties does
// not matter, nor does that of members within a nested value, because an SDK that was restarted may write them in another one.
// Times, context and session are left out: SDKs work some of them out anew at each try.
func (e *Event) Content() uint16 {
	h := uint64(e.Kind)
	for _, s := range [...]string{e.Name, e.UserID, e.AnonymousID, e.PreviousID, e.GroupID} {
		h = xxh3.HashStringSeed(s, h)
	}
	h += contentOf(e.Properties, 1) + contentOf(e.Traits, 2)
	h ^= h >> 32
	h ^= h >> 16
	return max(uint16(h), 1)
}

// contentOf is a sum over properties, so that their order does not matter.
func contentOf(properties []Property, seed uint64) (sum uint64) {
	for i := range properties {
		p := &properties[i]
		h := xxh3.HashStringSeed(p.Key, seed|uint64(p.Type)<<8|uint64(p.Op)<<16)
		switch p.Type {
		case Null:
		case Bool, Number:
			h ^= bits.RotateLeft64(math.Float64bits(p.Num), 31)
		case String:
			h ^= bits.RotateLeft64(xxh3.HashString(p.Str), 31)
		case JSON:
			h ^= bits.RotateLeft64(pieces(p.Str), 31)
		}
		h *= 0xff51afd7ed558ccd
		h ^= h >> 32
		sum += h * 0xc4ceb9fe1a85ec53
	}
	return sum
}

// pieces is a sum over what stands between the brackets and commas of a JSON text, whether these are in a string or not.
func pieces(s string) (sum uint64) {
	for s != "" {
		piece := s
		if i := strings.IndexAny(s, "{}[],"); i >= 0 {
			piece, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if piece != "" {
			sum += xxh3.HashString(piece)
		}
	}
	return sum
}
