package amplitude

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
)

// lift moves to the context what the browser SDK and autocapture put among the app's properties.
func (f *fields) lift() {
	e := &f.sink.Event
	kept := e.Properties[:0]
	for _, p := range e.Properties {
		if p.Type == event.String && f.column(&p) {
			continue
		}
		kept = append(kept, p)
	}
	e.Properties = kept
}

// column tells whether a property was moved; the name of a screen stays one, under its usual key.
func (f *fields) column(p *event.Property) bool {
	c := &f.sink.Event.Context
	if name, ok := strings.CutPrefix(p.Key, "[Amplitude] "); ok {
		switch name {
		case "Page Location":
			f.sink.Page(p.Str)
		case "Previous Page Location":
			if p.Str == "" {
				return false
			}
			c.PageReferrer = p.Str
		case "Page Path":
			c.PagePath = p.Str
		case "Page Title":
			c.PageTitle = p.Str
		case "Screen Name":
			if f.sink.Event.Kind == event.Screen && !f.has("name") {
				p.Key = "name"
			}
			return false
		default:
			return false
		}
		return true
	}
	switch p.Key {
	case "utm_source":
		c.CampaignSource = p.Str
	case "utm_medium":
		c.CampaignMedium = p.Str
	case "utm_campaign":
		c.CampaignName = p.Str
	case "utm_term":
		c.CampaignTerm = p.Str
	case "utm_content":
		c.CampaignContent = p.Str
	default:
		return false
	}
	return true
}
