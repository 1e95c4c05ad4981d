package duckdb

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// appendTraits appends a list of traits, which is not empty, as store.TraitOps has it.
func appendTraits(b []byte, ps []event.Property) []byte {
	var apart uint16
	for i := range ps {
		if p := &ps[i]; isApart(p) {
			apart |= 1 << p.Op
		} else {
			b = appendMember(b, p)
		}
	}
	if apart == 0 {
		return append(b, '}')
	}
	var byOp []byte
	for op := event.Set; apart>>op != 0; op++ {
		var list []byte
		for i := range ps {
			if p := &ps[i]; p.Op == op && isApart(p) {
				list = appendMember(list, p)
			}
		}
		if list != nil {
			byOp = appendMember(byOp, &event.Property{Key: op.String(), Type: event.JSON, Str: string(append(list, '}'))})
		}
	}
	b = appendMember(b, &event.Property{Key: store.TraitOps, Type: event.JSON, Str: string(append(byOp, '}'))})
	return append(b, '}')
}

// isApart tells whether a trait is not a member of its own.
func isApart(p *event.Property) bool { return p.Op != event.Set || p.Key == store.TraitOps }
