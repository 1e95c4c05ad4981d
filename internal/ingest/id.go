package ingest

import (
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// MadeID begins the ids that are made from an event's content when the SDK sent none.
const MadeID = "made-"

// ContentID is an id for an event without one: the same when the event is sent again. It is made of everything in the
// event but the members named, which are those that an SDK changes from try to try.
func ContentID(v *jsontree.Value, but ...string) string {
	h := xxh3.New()
	o, err := v.Object()
	if err != nil {
		return MadeID
	}
	o.Visit(func(k []byte, v *jsontree.Value) {
		if !slices.Contains(but, string(k)) {
			_, _ = h.Write(k)
			_, _ = h.Write(v.MarshalTo(nil))
		}
	})
	return madeOf(h.Sum128())
}

// TextID is ContentID of a text that stands for the event.
func TextID(text []byte) string { return madeOf(xxh3.Hash128(text)) }

func madeOf(sum xxh3.Uint128) string { return fmt.Sprintf("%s%016x%016x", MadeID, sum.Hi, sum.Lo) }

// MomentID is an id for an event that has neither an id nor a time: as often as it comes, it is another one, because a
// second click looks like the first.
func (r *Request) MomentID(v *jsontree.Value, s *Sink) string {
	return TextID(fmt.Appendf(nil, "%s %d %d", ContentID(v), r.ReceivedAt, s.Len()))
}

// maxScoped is the length of the longest id that is kept readable when it is scoped.
const maxScoped = 200

// ScopedID is an id that counts only together with other things, such as the device it comes from. A random UUID is
// unique without them and stays as it is.
func ScopedID(id string, scope ...string) string {
	if random(id) {
		return id
	}
	h := xxh3.New()
	for _, part := range scope {
		_, _ = h.WriteString(part)
		_, _ = h.Write([]byte{0})
	}
	if len(id) > maxScoped {
		_, _ = h.WriteString(id)
		return madeOf(h.Sum128())
	}
	return fmt.Sprintf("%s.%016x", id, h.Sum64())
}

// random tells whether an id is a UUID of version 4 or 7.
func random(id string) bool {
	if len(id) != 36 || (id[14] != '4' && id[14] != '7') {
		return false
	}
	_, ok := event.KeyOf(id)
	return ok
}
