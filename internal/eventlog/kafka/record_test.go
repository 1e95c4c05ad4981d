package kafka

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

func drawProperties(t *rapid.T, label string) []event.Property {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.Property {
		p := event.Property{Key: rapid.String().Draw(t, "key"), Type: event.ValueType(rapid.IntRange(0, 4).Draw(t, "type"))}
		switch p.Type {
		case event.Bool:
			p.Num = float64(rapid.IntRange(0, 1).Draw(t, "bool"))
		case event.Number:
			p.Num = rapid.Float64().Draw(t, "num")
		case event.String, event.JSON:
			p.Str = rapid.String().Draw(t, "str")
		case event.Null:
		}
		return p
	}), 0, 4).Draw(t, label)
}

func drawEvent(t *rapid.T) event.Event {
	e := event.Event{
		Kind:         event.Kind(rapid.IntRange(0, int(event.Unlink)-1).Draw(t, "kind")),
		OriginalTime: rapid.Int64().Draw(t, "original"), SentAt: rapid.Int64().Draw(t, "sent"),
		SentFresh: rapid.Bool().Draw(t, "fresh"), Links: rapid.Bool().Draw(t, "links"),
		Properties: drawProperties(t, "properties"), Traits: drawProperties(t, "traits"),
	}
	for i := range e.Traits {
		e.Traits[i].Op = event.Op(rapid.IntRange(0, int(event.Clear)).Draw(t, "op"))
	}
	ids, context := texts(&e)
	for _, s := range append(ids[:], context[:]...) {
		if rapid.Bool().Draw(t, "set") {
			*s = rapid.String().Draw(t, "field")
		}
	}
	e.Context.ScreenWidth, e.Context.ScreenHeight = rapid.Int32().Draw(t, "w"), rapid.Int32().Draw(t, "h")
	e.Context.ScreenDensity = rapid.Float64().Draw(t, "density")
	return e
}

// drawRecord is a record as ingest writes them.
func drawRecord(t *rapid.T) eventlog.Record {
	h := event.Header{Project: rapid.Uint32().Draw(t, "project"), ReceivedAt: rapid.Int64().Draw(t, "at"), Protocol: rapid.String().Draw(t, "protocol")}
	copy(h.Trace[:], rapid.SampledFrom([]string{"", "a trace of 16 and 8 byte"}).Draw(t, "trace"))
	var enc event.Encoder
	enc.Begin(h)
	if rapid.IntRange(0, 9).Draw(t, "unlink") == 0 {
		enc.Add(&event.Event{Kind: event.Unlink, Name: event.NameUnlink, UserID: rapid.String().Draw(t, "user")})
		return eventlog.Record{Payload: bytes.Clone(enc.Payload()), Events: 1}
	}
	for range rapid.IntRange(1, 5).Draw(t, "events") {
		if rapid.Bool().Draw(t, "dead") {
			enc.AddDead(event.Dead{
				Code: rapid.String().Draw(t, "code"), Reason: rapid.String().Draw(t, "reason"), Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
			})
			continue
		}
		e := drawEvent(t)
		enc.Add(&e)
	}
	return eventlog.Record{Payload: bytes.Clone(enc.Payload()), Events: enc.Len()}
}

func values(ms []message) (out [][]byte) {
	for i := range ms {
		out = append(out, ms[i].value)
	}
	return out
}

// again is a payload after its way through Kafka.
func again(t interface{ Fatal(...any) }, r eventlog.Record) []byte {
	var c encoder
	ms := c.encode(r)
	if len(ms) != r.Events {
		t.Fatal("messages:", len(ms))
	}
	var j joiner
	out, err := j.join(values(ms))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		if got := again(t, r); !bytes.Equal(got, r.Payload) {
			t.Fatalf("%x became %x", r.Payload, got)
		}
	})
}

// What ingest writes is never carried as it is: others can read it.
func TestRecordIsReadable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		var c encoder
		var m decoded
		for i, v := range c.encode(r) {
			if err := m.read(v.value); err != nil {
				t.Fatal(err)
			}
			if m.whole || m.index != i || m.count != r.Events {
				t.Fatalf("%+v", m.header)
			}
		}
	})
}

// Any payload comes back as it was: cut, changed, of a later version, of none.
func TestAnyPayload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			r.Payload = r.Payload[:rapid.IntRange(0, len(r.Payload)-1).Draw(t, "cut")]
		case 1:
			r.Payload[rapid.IntRange(0, len(r.Payload)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		case 2:
			r.Events += rapid.IntRange(1, 3).Draw(t, "more")
		default:
			r.Payload = rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		}
		if got := again(t, r); !bytes.Equal(got, r.Payload) {
			t.Fatalf("%x became %x", r.Payload, got)
		}
	})
}

func TestKeyIsOfThePerson(t *testing.T) {
	var enc event.Encoder
	enc.Begin(event.Header{Project: 7})
	for _, e := range []event.Event{{UserID: "u", AnonymousID: "a"}, {AnonymousID: "a"}, {Context: event.Context{DeviceID: "d"}}, {GroupID: "g"}} {
		enc.Add(&e)
	}
	enc.AddDead(event.Dead{Code: "c"})
	var c encoder
	for i, m := range c.encode(eventlog.Record{Payload: enc.Payload(), Events: 5}) {
		if want := []string{"7/u", "7/a", "7/d", "7/", "7/"}[i]; string(m.key) != want {
			t.Errorf("the key of event %d is %q, want %q", i, m.key, want)
		}
	}
}

// A field that is not known may change what the event means.
func TestNewerMessage(t *testing.T) {
	var enc event.Encoder
	enc.Begin(event.Header{Project: 7})
	enc.Add(&event.Event{Name: "a", UserID: "u"})
	var c encoder
	v := c.encode(eventlog.Record{Payload: enc.Payload(), Events: 1})[0].value
	for _, n := range []protowire.Number{55, 100, 1 << 20} {
		var j joiner
		if _, err := j.join([][]byte{appendBytes(bytes.Clone(v), n, []byte("x"))}); !errors.Is(err, event.ErrNewer) {
			t.Errorf("field %d: %v", n, err)
		}
	}
	var j joiner
	if _, err := j.join([][]byte{appendVarint(bytes.Clone(v), fieldKind, 99)}); !errors.Is(err, event.ErrNewer) {
		t.Error("kind 99:", err)
	}
	if _, err := j.join([][]byte{v[:len(v)-1]}); err == nil || errors.Is(err, event.ErrNewer) {
		t.Error("cut short:", err)
	}
	if _, err := j.join([][]byte{v, v}); !errors.Is(err, errMessage) {
		t.Error("twice:", err)
	}
}

// FuzzMessage holds that no value of a record breaks the reader, and that what it makes of one is stable.
func FuzzMessage(f *testing.F) {
	rapid.Check(f, func(t *rapid.T) {
		var c encoder
		for _, m := range c.encode(drawRecord(t)) {
			f.Add(m.value)
		}
	})
	f.Fuzz(func(t *testing.T, value []byte) {
		var j joiner
		payload, err := j.join([][]byte{value})
		if err != nil {
			return
		}
		if got := again(t, eventlog.Record{Payload: payload, Events: 1}); !bytes.Equal(got, payload) {
			t.Fatalf("%x became %x", payload, got)
		}
	})
}
