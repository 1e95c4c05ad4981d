package event_test

import (
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/event"
)

func TestContent(t *testing.T) {
	whole := func() event.Event {
		return event.Event{
			Name: "bought", ID: "1", UserID: "u", AnonymousID: "a", OriginalTime: 5,
			Properties: []event.Property{
				{Key: "price", Type: event.Number, Num: 12},
				{Key: "old", Type: event.Number, Num: 21},
				{Key: "currency", Type: event.String, Str: "EUR"},
				{Key: "items", Type: event.JSON, Str: `[{"sku":"x","n":1},{"n":2,"sku":"y"}]`},
				{Key: "gift", Type: event.Null},
			},
			Traits: []event.Property{{Key: "plan", Type: event.Bool, Num: 1}},
		}
	}
	first := whole()
	want := first.Content()
	for what, change := range map[string]func(e *event.Event){
		"nothing":             func(*event.Event) {},
		"the time":            func(e *event.Event) { e.OriginalTime, e.SentAt, e.SentFresh = 6, 7, true },
		"the context":         func(e *event.Event) { e.Context.IP, e.Context.NetworkType, e.SessionID = "192.0.2.1", "wifi", "s" },
		"the order":           func(e *event.Event) { slices.Reverse(e.Properties) },
		"the order of a list": func(e *event.Event) { e.Properties[3].Str = `[{"n":2,"sku":"y"},{"n":1,"sku":"x"}]` },
	} {
		e := whole()
		if change(&e); e.Content() != want {
			t.Errorf("%s makes another content of it", what)
		}
	}
	for what, change := range map[string]func(e *event.Event){
		"the name":               func(e *event.Event) { e.Name = "sold" },
		"the kind":               func(e *event.Event) { e.Kind = event.Page },
		"the user":               func(e *event.Event) { e.UserID = "v" },
		"who is who":             func(e *event.Event) { e.UserID, e.AnonymousID = e.AnonymousID, e.UserID },
		"a number":               func(e *event.Event) { e.Properties[0].Num = 13 },
		"two numbers":            func(e *event.Event) { e.Properties[0].Num, e.Properties[1].Num = 21, 12 },
		"a type":                 func(e *event.Event) { e.Properties[0].Type = event.Bool },
		"a text":                 func(e *event.Event) { e.Properties[2].Str = "USD" },
		"a nested value":         func(e *event.Event) { e.Properties[3].Str = `[{"sku":"x","n":1},{"n":3,"sku":"y"}]` },
		"one property less":      func(e *event.Event) { e.Properties = e.Properties[:4] },
		"a trait":                func(e *event.Event) { e.Traits[0].Num = 0 },
		"what a trait does":      func(e *event.Event) { e.Traits[0].Op = event.SetOnce },
		"a trait for a property": func(e *event.Event) { e.Properties, e.Traits = e.Traits, e.Properties },
	} {
		e := whole()
		if change(&e); e.Content() == want {
			t.Errorf("%s makes no other content of it", what)
		}
	}
}

func BenchmarkContent(b *testing.B) {
	e := event.Event{Name: "purchase", UserID: "user-1234567", AnonymousID: "5e0f3c52-4f4c-4d3e-9b8e-2f0f5b1d7c11"}
	for _, k := range []string{"amount", "currency", "category", "product_id", "position", "load_ms", "screen"} {
		e.Properties = append(e.Properties, event.Property{Key: k, Type: event.String, Str: "some value"})
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = e.Content()
	}
}
