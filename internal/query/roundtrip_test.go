package query_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/jsontree"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// oddKeys are names that must not mean anything to SQL or JSON.
var oddKeys = []string{
	"amount", "plan", "select", `"; drop table events_1; --`, "größe", "数", "a.b", "a/b~c", "$event", "seq", "person", "p1", "tab\there",
	"quote\"and\\slash", " ", "😀", "name", "line\nbreak", "$ops",
}

func drawValue(t *rapid.T, key string) event.Property {
	p := event.Property{Key: key}
	switch rapid.IntRange(0, 6).Draw(t, "type") {
	case 0:
		p.Type, p.Num = event.Number, rapid.Float64Range(-1<<52, 1<<52).Draw(t, "number")
	case 1:
		p.Type, p.Num = event.Number, float64(rapid.IntRange(-1000, 1000).Draw(t, "integer"))/100
	case 2:
		p.Type, p.Num = event.Bool, float64(rapid.IntRange(0, 1).Draw(t, "bool"))
	case 3:
		p.Type, p.Str = event.String, rapid.SampledFrom([]string{
			"2026-04-01T12:00:00.000Z", "0001-01-01T00:00:00.001Z", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", "2026-04-01",
		}).Draw(t, "time")
	case 4:
		p.Type, p.Str = event.JSON, rapid.SampledFrom([]string{
			`{"a":[1,2.50,"é\"\\"]}`, `[]`, `{}`, `12345678901234567890`, `1e300`, `[null,true,{"b":"x"}]`, `{"":{"select":1}}`,
		}).Draw(t, "json")
	case 5:
		p.Type = event.Null
	default:
		p.Type, p.Str = event.String, drawText(t)
	}
	return p
}

// drawText draws text that a client may send: anything but NUL.
func drawText(t *rapid.T) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("aé \"\\\n\t\x01\x7f'%;-💧\u00ad\u2028\U000e0001")), 0, 12, -1).Draw(t, "text")
}

func drawList(t *rapid.T) []event.Property {
	var out []event.Property
	for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom(oddKeys), 0, 8, rapid.ID[string]).Draw(t, "keys") {
		out = append(out, drawValue(t, k))
	}
	return out
}

func drawAny(t *rapid.T, i int) event.Event {
	e := event.Event{
		Kind: event.Kind(rapid.IntRange(0, 5).Draw(t, "kind")), ID: fmt.Sprintf("id %d", i), UserID: fmt.Sprintf("u%d", i%3),
		Properties: drawList(t), Traits: drawList(t),
	}
	for _, op := range rapid.SliceOfNDistinct(rapid.SampledFrom([]event.Op{event.SetOnce, event.Add, event.Unset, event.Clear}), 0, 2, rapid.ID).Draw(t, "ops") {
		for _, p := range drawList(t) {
			p.Op = op
			e.Traits = append(e.Traits, p)
		}
	}
	e.Name = []string{
		rapid.SampledFrom([]string{"buy", "$odd", "é \"x\"", "select"}).Draw(t, "name"),
		event.NamePage, event.NameScreen, event.NameIdentify, event.NameGroup, event.NameAlias,
	}[e.Kind]
	if rapid.Bool().Draw(t, "uuid") {
		e.ID = event.Key{1: byte(i), 9: 7}.String()
	}
	for _, s := range []*string{
		&e.AnonymousID, &e.PreviousID, &e.GroupID, &e.SessionID, &e.Context.AppName, &e.Context.AppVersion, &e.Context.AppBuild,
		&e.Context.AppNamespace, &e.Context.DeviceID, &e.Context.DeviceManufacturer, &e.Context.DeviceModel, &e.Context.DeviceType,
		&e.Context.OSName, &e.Context.OSVersion, &e.Context.Locale, &e.Context.Timezone, &e.Context.Carrier, &e.Context.PageURL,
		&e.Context.PagePath, &e.Context.PageReferrer, &e.Context.PageTitle, &e.Context.PageSearch, &e.Context.CampaignSource,
		&e.Context.CampaignMedium, &e.Context.CampaignName, &e.Context.CampaignTerm, &e.Context.CampaignContent,
		&e.Context.LibraryName, &e.Context.LibraryVersion,
	} {
		if rapid.IntRange(0, 3).Draw(t, "set") == 0 {
			*s = "x" + drawText(t)
		}
	}
	if rapid.Bool().Draw(t, "more") {
		e.Context.NetworkType = rapid.SampledFrom([]string{"wifi", "cellular", "bluetooth"}).Draw(t, "network")
		e.Context.ScreenWidth, e.Context.ScreenHeight, e.Context.ScreenDensity = 390, 844, 2.625
		e.Context.Extra = `{"ads \"id\"":{"x":[1,"y"]},"location":{"city":"Bonn"}}`
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro() + rapid.Int64Range(-3*86400e6, 3*86400e6).Draw(t, "time")/1e3*1e3
	e.OriginalTime = at - rapid.SampledFrom([]int64{0, 61e6, -90e6 - 1}).Draw(t, "skew")
	e.Derived = event.Derived{
		Position: uint64(i), Time: at + int64(i%1000), ReceivedAt: at + 5000, Device: 1,
		Person: event.IDNumber(event.SpaceUser, e.UserID), Flags: event.Flags(rapid.IntRange(0, 63).Draw(t, "flags")),
		Country: "DE", Browser: "Firefox",
	}
	e.Derived.Key, _ = event.KeyOf(e.ID)
	return e
}

// TestExportComesBack holds that an exported event, sent to POST /v1/events, is the same event. Rows go to disk in the
// background meanwhile, and only a few properties have a column.
func TestExportComesBack(t *testing.T) {
	s := openLimited(t, t.TempDir(), 0, 6, 40)
	defer s.Close()
	x := engine(t, query.Options{Store: s})
	project, position := store.ProjectID(0), 0
	rapid.Check(t, func(t *rapid.T) {
		project++
		events := make([]event.Event, rapid.IntRange(1, 12).Draw(t, "events"))
		for i := range events {
			events[i] = drawAny(t, position)
			s.Add(project, time.UTC, "native", &events[i])
			position++
		}
		if err := s.Commit(context.Background(), eventlog.Position(position)); err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(events, func(a, b event.Event) int { return int(a.Derived.Time - b.Derived.Time) })
		i := 0
		err := x.Export(context.Background(), query.Scope{Project: project, Zone: time.UTC}, query.EventFilter{},
			func(e *query.Event) error {
				sameMarshalled(t, e)
				sameEvent(t, &events[i], decodeNative(t, e.AppendJSON(nil)), e)
				i++
				return nil
			})
		if err != nil || i != len(events) {
			t.Fatalf("%d events of %d, %v", i, len(events), err)
		}
	})
}

func sameMarshalled(t *rapid.T, e *query.Event) {
	slow, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(slow, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(e.AppendJSON(nil), &b); err != nil {
		t.Fatalf("%v: %s", err, e.AppendJSON(nil))
	}
	if asJSON(a) != asJSON(b) {
		t.Fatalf("json.Marshal\n%s\nAppendJSON\n%s", asJSON(a), asJSON(b))
	}
}

func decodeNative(t *rapid.T, line []byte) *event.Event {
	payload, err := ingest.Decode(native.Protocol{}, &ingest.Request{
		Path: "/v1/events", Header: http.Header{}, Body: bytes.Clone(line), Limits: ingest.DefaultLimits(), Parser: &jsontree.Parser{},
	})
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	var d event.Decoder
	if err := d.Open(payload); err != nil {
		t.Fatal(err)
	}
	var e event.Event
	dead, _, err := d.Next(&e)
	if err != nil || dead != nil {
		t.Fatalf("%v, %+v: %s", err, dead, line)
	}
	return &e
}

func sameEvent(t *rapid.T, want, got *event.Event, exported *query.Event) {
	for _, list := range []struct {
		what      string
		want, got []event.Property
	}{{"properties", want.Properties, got.Properties}, {"traits", want.Traits, got.Traits}} {
		a, b := byKey(list.want), byKey(list.got)
		if len(a) != len(list.want) || len(b) != len(list.got) || !maps.Equal(a, b) {
			t.Fatalf("%s\n%+v came back as\n%+v\n%s", list.what, a, b, exported.AppendJSON(nil))
		}
	}
	w, g := *want, *got
	if g.OriginalTime != w.Derived.Time {
		t.Fatalf("time %d came back as %d", w.Derived.Time, g.OriginalTime)
	}
	if at := exported.Timestamp.UnixMicro() - int64(exported.SkewMS*1000); want.OriginalTime != at {
		t.Fatalf("the client's time %d came back as %d", want.OriginalTime, at)
	}
	for _, e := range []*event.Event{&w, &g} {
		e.Properties, e.Traits, e.Derived, e.OriginalTime, e.SentFresh = nil, nil, event.Derived{}, 0, false
	}
	if a, b := fmt.Sprintf("%+v", w), fmt.Sprintf("%+v", g); a != b {
		t.Fatalf("\n%s came back as\n%s", a, b)
	}
}

func byKey(ps []event.Property) map[string]event.Property {
	out := map[string]event.Property{}
	for _, p := range ps {
		out[p.Op.String()+" "+p.Key] = p
	}
	return out
}
