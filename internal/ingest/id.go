package ingest

import (
	"fmt"
	"slices"

	"github.com/valyala/fastjson"
	"github.com/zeebo/xxh3"
)

// MadeID begins the ids that are made from an event's content when the SDK sent none.
const MadeID = "made-"

// ContentID is an id for an event without one: the same when the event is sent again. It is made of everything in the
// event but the members named, which are those that an SDK changes from try to try.
func ContentID(v *fastjson.Value, but ...string) string {
	h := xxh3.New()
	o, err := v.Object()
	if err != nil {
		return MadeID
	}
	o.Visit(func(k []byte, v *fastjson.Value) {
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
