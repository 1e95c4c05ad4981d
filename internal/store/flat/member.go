package flat

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
			b = AppendMember(b, p)
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
				list = AppendMember(list, p)
			}
		}
		if list != nil {
			byOp = AppendMember(byOp, &event.Property{Key: op.String(), Type: event.JSON, Str: string(append(list, '}'))})
		}
	}
	b = AppendMember(b, &event.Property{Key: store.TraitOps, Type: event.JSON, Str: string(append(byOp, '}'))})
	return append(b, '}')
}

// isApart tells whether a trait is not a member of its own.
func isApart(p *event.Property) bool { return p.Op != event.Set || p.Key == store.TraitOps }

// extra gathers what has no column of its own into one JSON object, so that nothing an SDK sent is dropped.
func extra(b []byte, e *event.Event) []byte {
	c := &e.Context
	text := func(key, s string) {
		if s != "" {
			b = AppendMember(b, &event.Property{Key: key, Type: event.String, Str: s})
		}
	}
	number := func(key string, v float64) {
		if v != 0 {
			b = AppendMember(b, &event.Property{Key: key, Type: event.Number, Num: v})
		}
	}
	text("previous_id", e.PreviousID)
	text("page_search", c.PageSearch)
	text("campaign_term", c.CampaignTerm)
	text("campaign_content", c.CampaignContent)
	number("screen_width", float64(c.ScreenWidth))
	number("screen_height", float64(c.ScreenHeight))
	number("screen_density", c.ScreenDensity)
	if c.Extra != "" {
		b = AppendMember(b, &event.Property{Key: "context", Type: event.JSON, Str: c.Extra})
	}
	if len(b) > 0 {
		b = append(b, '}')
	}
	return b
}

// AppendMember appends one member of a JSON object and opens the object before the first.
func AppendMember(b []byte, p *event.Property) []byte {
	if len(b) == 0 {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	b = event.AppendJSONString(b, p.Key)
	b = append(b, ':')
	return event.AppendValue(b, p)
}
