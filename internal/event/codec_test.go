package event

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawProperties(t *rapid.T, label string) []Property {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Property {
		p := Property{Key: rapid.String().Draw(t, "key"), Type: ValueType(rapid.IntRange(0, 4).Draw(t, "type"))}
		switch p.Type {
		case Bool:
			p.Num = float64(rapid.IntRange(0, 1).Draw(t, "bool"))
		case Number:
			p.Num = rapid.Float64().Draw(t, "num")
		case String, JSON:
			p.Str = rapid.String().Draw(t, "str")
		case Null:
		}
		return p
	}), 0, 4).Draw(t, label)
}

func drawEvent(t *rapid.T) Event {
	e := Event{
		Kind:         Kind(rapid.IntRange(0, int(Unlink)-1).Draw(t, "kind")),
		OriginalTime: rapid.Int64().Draw(t, "original"),
		SentAt:       rapid.Int64().Draw(t, "sent"),
		SentFresh:    rapid.Bool().Draw(t, "fresh"),
		Links:        rapid.Bool().Draw(t, "links"),
		Properties:   drawProperties(t, "properties"),
		Traits:       drawProperties(t, "traits"),
	}
	for i := range e.Traits {
		e.Traits[i].Op = Op(rapid.IntRange(0, int(ops)-1).Draw(t, "op"))
	}
	for _, s := range e.stringFields() {
		if rapid.Bool().Draw(t, "set") {
			*s = rapid.String().Draw(t, "field")
		}
	}
	e.Context.ScreenWidth = rapid.Int32().Draw(t, "w")
	e.Context.ScreenHeight = rapid.Int32().Draw(t, "h")
	e.Context.ScreenDensity = rapid.Float64().Draw(t, "density")
	return e
}

func same(a, b Event) bool {
	if len(a.Properties) == 0 {
		a.Properties, b.Properties = nil, b.Properties[:len(b.Properties):len(b.Properties)]
		if len(b.Properties) == 0 {
			b.Properties = nil
		}
	}
	if len(a.Traits) == 0 && len(b.Traits) == 0 {
		a.Traits, b.Traits = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Header{Project: rapid.Uint32().Draw(t, "project"), ReceivedAt: rapid.Int64().Draw(t, "at"), Protocol: "segment"}
		copy(h.Trace[:], rapid.SampledFrom([]string{"", "a trace of 16 and 8 byte"}).Draw(t, "trace"))
		var enc Encoder
		enc.Begin(h)
		want := rapid.SliceOfN(rapid.Custom(drawEvent), 0, 4).Draw(t, "events")
		for i := range want {
			enc.Add(&want[i])
			enc.AddDead(Dead{Code: "c", Reason: "r", Body: []byte{byte(i)}})
		}
		var dec Decoder
		if err := dec.Open(enc.Payload()); err != nil {
			t.Fatal(err)
		}
		if dec.Header != h || dec.Items != enc.Len() {
			t.Fatalf("header %+v, %d items", dec.Header, dec.Items)
		}
		for i := range want {
			var got Event
			if dead, ok, err := dec.Next(&got); dead != nil || !ok || err != nil {
				t.Fatal(dead, ok, err)
			}
			if !same(want[i], got) {
				t.Fatalf("got %+v, want %+v", got, want[i])
			}
			dead, ok, err := dec.Next(&got)
			if err != nil || !ok || dead == nil || dead.Code != "c" || dead.Body[0] != byte(i) {
				t.Fatal(dead, ok, err)
			}
		}
		if _, ok, err := dec.Next(&Event{}); ok || err != nil {
			t.Fatal("more items than written", err)
		}
	})
}

// TestOldestVersion: a record that an older binary can read is written so that it does.
func TestOldestVersion(t *testing.T) {
	var enc Encoder
	for _, c := range []struct {
		op   Op
		want byte
	}{{Set, 1}, {Unset, 2}, {Set, 1}} {
		enc.Begin(Header{Project: 1})
		enc.Add(&Event{Name: "a", Traits: []Property{{Key: "k", Op: c.op}}})
		for _, payload := range [][]byte{enc.PayloadFor(Header{Project: 2}), enc.PayloadFor(Header{Project: 3})} {
			var dec Decoder
			var e Event
			if err := dec.Open(payload); err != nil || payload[0] != c.want {
				t.Fatalf("version %d, want %d: %v", payload[0], c.want, err)
			}
			if _, _, err := dec.Next(&e); err != nil || e.Traits[0].Op != c.op {
				t.Fatal(e.Traits, err)
			}
		}
	}
	for op := range ops {
		if got, ok := OpOf(op.String()); !ok || got != op {
			t.Errorf("operation %d is called %s", op, op)
		}
	}
	if _, ok := OpOf("unknown"); ok || ops.String() != "unknown" {
		t.Error("there is an operation without a name")
	}
}

// FuzzDecoder: whatever the bytes, as many items come out as there are, and what was read is the same when it is
// written and read again.
func FuzzDecoder(f *testing.F) {
	var enc Encoder
	enc.Begin(Header{Project: 1, ReceivedAt: 2, Protocol: "segment"})
	enc.Add(&Event{Name: "a", ID: "b", SentFresh: true, Properties: []Property{{Key: "k", Type: Number, Num: 1}, {Key: "j", Type: JSON, Str: "[1]"}}})
	enc.AddDead(Dead{Code: "bad", Body: []byte("x")})
	f.Add(enc.Payload())
	enc.Begin(Header{Project: 1<<32 - 1, ReceivedAt: -1, Trace: Trace{1}})
	e := Event{Kind: Alias, OriginalTime: -5, SentAt: 7, Traits: []Property{{Type: Bool, Num: 1}, {Type: Null, Op: Unset}}}
	e.Context.ScreenWidth, e.Context.ScreenDensity = -3, 1.5
	for i, s := range e.stringFields() {
		*s = string(rune('a' + i))
	}
	enc.Add(&e)
	f.Add(enc.Payload())
	f.Fuzz(func(t *testing.T, b []byte) {
		once, ok := recode(t, b)
		if !ok {
			return
		}
		if twice, ok := recode(t, once); !ok || !bytes.Equal(once, twice) {
			t.Fatalf("written again it is another:\n%x\n%x", once, twice)
		}
	})
}

// recode reads a payload and writes what can be read of it; ok is false when that is not all.
func recode(t *testing.T, b []byte) (out []byte, ok bool) {
	var dec Decoder
	if dec.Open(b) != nil {
		return nil, false
	}
	var enc Encoder
	enc.Begin(dec.Header)
	ok = true
	var e Event
	for n := 0; ; n++ {
		dead, more, err := dec.Next(&e)
		if !more {
			ok = ok && err == nil
			if ok && n != dec.Items {
				t.Fatalf("%d items, the header says %d", n, dec.Items)
			}
			return enc.Payload(), ok
		}
		switch {
		case err != nil:
			ok = false
		case dead != nil:
			enc.AddDead(*dead)
		default:
			enc.Add(&e)
		}
	}
}

func TestKeyOf(t *testing.T) {
	const id = "0b54a1ce-5e45-4c4b-9f8b-3cf1d3b0a001"
	k, isUUID := KeyOf(id)
	if !isUUID || k.String() != id {
		t.Fatalf("%s, %v", k, isUUID)
	}
	for _, other := range []string{strings.ToUpper(id), id + " ", "node-next-" + id, "", "x"} {
		if k2, isUUID := KeyOf(other); isUUID || k2 == k {
			t.Errorf("%q taken for a UUID", other)
		}
	}
}

func TestIDNumberSeparatesSpaces(t *testing.T) {
	if IDNumber(SpaceUser, "x") == IDNumber(SpaceAnonymous, "x") {
		t.Fatal("user x and anonymous x are one person")
	}
}

// TestNewerRecord: a record of a later version is no malformed one.
func TestNewerRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version byte
		newer   bool
	}{{0, false}, {versionUnlink + 1, true}, {versionMost, true}, {versionMost + 1, false}} {
		var enc Encoder
		enc.Begin(Header{Project: 1})
		payload := append([]byte{c.version}, enc.Payload()[1:]...)
		err := new(Decoder).Open(payload)
		if errors.Is(err, ErrNewer) != c.newer || errors.Is(err, ErrCodec) == c.newer {
			t.Errorf("version %d: %v", c.version, err)
		}
	}
}

// TestUnlinkIsAlone: an unlink is in a record of its own version, which older programs stop in front of, and beside no
// other item.
func TestUnlinkIsAlone(t *testing.T) {
	unlink := Event{Kind: Unlink, Name: NameUnlink, AnonymousID: "a"}
	var c Encoder
	c.Begin(Header{Project: 1})
	c.Add(&unlink)
	var d Decoder
	var got Event
	payload := c.Payload()
	if err := d.Open(payload); err != nil || payload[0] != versionUnlink || !d.Unlinks {
		t.Fatalf("version %d, unlinks %t: %v", payload[0], d.Unlinks, err)
	}
	if dead, ok, err := d.Next(&got); dead != nil || !ok || err != nil || got.Kind != Unlink || got.AnonymousID != "a" {
		t.Fatal(dead, ok, err, got)
	}
	payload[0] = versionPlain
	if err := d.Open(payload); err != nil || d.Unlinks {
		t.Fatal(d.Unlinks, err)
	}
	if _, _, err := d.Next(&got); !errors.Is(err, ErrCodec) {
		t.Errorf("an unlink in a record of version %d: %v", versionPlain, err)
	}
	c.Begin(Header{Project: 1})
	c.Add(&Event{Kind: Track, Name: "a"})
	c.Add(&unlink)
	if err := d.Open(c.Payload()); !errors.Is(err, ErrCodec) {
		t.Errorf("an unlink beside another item: %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	var c Encoder
	c.Begin(Header{Project: 1, ReceivedAt: 1, Protocol: "segment"})
	e := Event{
		Kind: Track, Name: "Product Viewed", ID: "7d1a0f6e-5c0b-4c8b-9d5e-0e4f3b2a1c0d", UserID: "user-123456", AnonymousID: "7d1a0f6e-5c0b-4c8b-9d5e-0e4f3b2a1c0e",
		OriginalTime: 1_700_000_000_000_000, SentAt: 1_700_000_000_500_000,
		Context: Context{
			AppName: "Shop", AppVersion: "4.2.1", DeviceModel: "iPhone15,2", DeviceType: "ios", OSName: "iOS", OSVersion: "17.4",
			Locale: "en-GB", Timezone: "Europe/London", LibraryName: "analytics-swift", LibraryVersion: "1.5.0", ScreenWidth: 390, ScreenHeight: 844,
		},
		Properties: []Property{{Key: "sku", Type: String, Str: "A-1729"}, {Key: "price", Type: Number, Num: 9.5}, {Key: "new", Type: Bool, Num: 1}},
	}
	for range 100 {
		c.Add(&e)
	}
	payload := c.Payload()
	var d Decoder
	for b.Loop() {
		if err := d.Open(payload); err != nil {
			b.Fatal(err)
		}
		for {
			if _, ok, err := d.Next(&e); err != nil {
				b.Fatal(err)
			} else if !ok {
				break
			}
		}
	}
}
