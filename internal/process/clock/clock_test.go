package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
)

const now = int64(1_775_000_000) * second

func corrected(c *Clock, dev uint64, original, sent, received int64, fresh bool) event.Derived {
	e := event.Event{OriginalTime: original, SentAt: sent, SentFresh: fresh}
	e.Derived.ReceivedAt, e.Derived.Device = received, dev
	c.Correct(1, &e)
	return e.Derived
}

func TestCorrect(t *testing.T) {
	year := 365 * day
	const skew, future, noTime = event.FlagSkewCorrected, event.FlagFuture, event.FlagNoTime
	for _, c := range []struct {
		name           string
		original, sent int64
		stale          bool
		want           int64
		flags          event.Flags
	}{
		{"right clock", now - 5*second, now - second, false, now - 5*second, 0},
		{"off by less than a minute", now - 90*second, now - 59*second, false, now - 90*second, 0},
		{"off by a minute", now - 90*second, now - 60*second, false, now - 30*second, skew},
		{"ten years behind", now - 10*year - 5*second, now - 10*year, false, now - 5*second, skew},
		{"ten years ahead", now + 10*year - 5*second, now + 10*year, false, now - 5*second, skew},
		{"1970", 100 * second, 200 * second, false, now - 100*second, skew},
		{"sent is stale", now - 3*day, now - 2*day, true, now - 3*day, 0},
		{"offline for 40 days", now - 40*day, now, false, now - 40*day, 0},
		{"a day ahead", now + day, 0, false, now + day, 0},
		{"26 hours ahead", now + 26*3600*second, 0, false, now, future},
		{"sent years before the event", now - second, now - 20*year, false, now - second, 0},
		{"no time", 0, now, false, now, noTime},
		{"year 0", -62167219200 * second, 0, false, now, noTime},
		{"1970 and nothing to correct it by", 5 * second, 0, false, now, noTime},
		{"1971", earliest, 0, false, earliest, 0},
		{"year 99999", 1 << 62, 0, false, now, future},
		{"the least number", -1 << 63, -1 << 63, false, now, noTime},
		{"the greatest number", 1<<63 - 1, 1<<63 - 1, false, now, future},
	} {
		d := corrected(New(0), 7, c.original, c.sent, now, !c.stale)
		if d.Time != c.want || d.Flags != c.flags {
			t.Errorf("%s: %v with flags %b, want %v with %b", c.name,
				time.UnixMicro(d.Time).UTC(), d.Flags, time.UnixMicro(c.want).UTC(), c.flags)
		}
	}
}

// slow is the rule in words, for one device.
type slow struct {
	offset            int64
	any               bool
	lastRaw, lastTime int64
}

func (s *slow) time(raw, sent, received int64) int64 {
	m := received - sent
	abs := func(v int64) int64 { return max(v, -v) }
	if abs(m-s.offset) >= noticeable {
		s.offset = m
		if abs(m) < noticeable {
			s.offset = 0
		}
		s.any = s.any || s.offset != 0
	}
	t := raw + s.offset
	if !s.any {
		return t
	}
	if raw >= s.lastRaw {
		t = max(t, s.lastTime)
		s.lastRaw, s.lastTime = raw, t
	}
	if s.offset == 0 && raw >= s.lastTime {
		*s = slow{lastRaw: none, lastTime: none}
	}
	return t
}

func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(0)
		oracles := map[uint64]*slow{}
		received := now
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			dev := uint64(rapid.IntRange(1, 3).Draw(t, "device"))
			received += rapid.Int64Range(0, 300).Draw(t, "step") * second
			sent := received - rapid.Int64Range(-200, 200).Draw(t, "offset")*second
			raw := sent - rapid.Int64Range(0, 400).Draw(t, "age")*second
			o := oracles[dev]
			if o == nil {
				o = &slow{lastRaw: none, lastTime: none}
				oracles[dev] = o
			}
			want := o.time(raw, sent, received)
			if got := corrected(c, dev, raw, sent, received, true); got.Time != want {
				t.Fatalf("time %d, want %d", got.Time, want)
			}
		}
	})
}

// TestOrder: a device with a clock wrong by any amount, requests that take up to 50 s, and offline queues. Its events
// keep their order whatever order they arrive in, and their times are right to within the transit.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(0)
		wrongBy := rapid.Int64Range(-10*365*86400, 10*365*86400).Draw(t, "wrong by") * second
		if wrongBy > -60*second && wrongBy < 110*second {
			wrongBy = 0 // Around a minute, transit decides whether it is noticed: it adds to a late clock, and hides an early one.
		}
		type stamped struct{ raw, time int64 }
		var all []stamped
		at := now
		for range rapid.IntRange(1, 20).Draw(t, "requests") {
			at += rapid.Int64Range(1, 3600).Draw(t, "pause") * second
			transit := rapid.Int64Range(0, 50).Draw(t, "transit") * second
			happened := at - rapid.Int64Range(0, 30*86400).Draw(t, "age")*second
			d := corrected(c, 1, happened+wrongBy, at+wrongBy, at+transit, true)
			if off := d.Time - happened; off < 0 || off > 110*second {
				t.Fatalf("wrong by %d s", off/second)
			}
			all = append(all, stamped{happened + wrongBy, d.Time})
		}
		for _, a := range all {
			for _, b := range all {
				if a.raw < b.raw && a.time > b.time {
					t.Fatalf("two events changed their order by %d s", (a.time-b.time)/second)
				}
			}
		}
	})
}

// TestOrderAcrossOffsets: whatever is measured, from when a clock is found wrong until it is found right, events that arrive in the order of their device's clock stay in it.
func TestOrderAcrossOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(0)
		raw, last := now, int64(none)
		seen := false
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			raw += rapid.Int64Range(0, 100).Draw(t, "step") * second
			offset := rapid.Int64Range(-300, 300).Draw(t, "offset") * second
			d := corrected(c, 1, raw, raw, raw+offset, true)
			if seen && d.Time < last {
				t.Fatalf("went back by %d s", (last-d.Time)/second)
			}
			seen, last = c.known > 0, d.Time
		}
	})
}

// TestOneOffset: all events of a device are moved by the same amount, while its clock stays as it is and requests take
// less than a minute.
func TestOneOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(0)
		wrongBy := rapid.SampledFrom([]int64{-1, 1}).Draw(t, "sign") * rapid.Int64Range(120, 10*365*86400).Draw(t, "wrong by") * second
		moved := map[int64]bool{}
		at := now
		for range rapid.IntRange(2, 30).Draw(t, "requests") {
			at += rapid.Int64Range(0, 86400).Draw(t, "pause") * second
			transit := rapid.Int64Range(0, 59*1e6).Draw(t, "transit")
			happened := at - rapid.Int64Range(0, 7*86400).Draw(t, "age")*second
			d := corrected(c, 1, happened+wrongBy, at+wrongBy, at+transit, true)
			moved[d.Time-happened-wrongBy] = true
		}
		if len(moved) != 1 {
			t.Fatalf("moved by %v", moved)
		}
	})
}

// TestDevicesApart: what a device's events get does not depend on the devices in between, nor on the same number in
// another project.
func TestDevicesApart(t *testing.T) {
	type step struct {
		project             uint32
		dev                 uint64
		raw, sent, received int64
	}
	rapid.Check(t, func(t *rapid.T) {
		together := New(0)
		steps := map[[2]uint64][]step{}
		times := map[[2]uint64][]event.Derived{}
		received := now
		correct := func(c *Clock, s step) event.Derived {
			e := event.Event{OriginalTime: s.raw, SentAt: s.sent, SentFresh: true}
			e.Derived.ReceivedAt, e.Derived.Device = s.received, s.dev
			c.Correct(s.project, &e)
			return e.Derived
		}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			received += rapid.Int64Range(0, 300).Draw(t, "step") * second
			s := step{project: rapid.Uint32Range(1, 2).Draw(t, "project"), dev: rapid.Uint64Range(1, 3).Draw(t, "device"), received: received}
			s.sent = received - rapid.Int64Range(-4000, 4000).Draw(t, "offset")*second
			s.raw = s.sent - rapid.Int64Range(-400, 400).Draw(t, "age")*second
			k := [2]uint64{uint64(s.project), s.dev}
			steps[k], times[k] = append(steps[k], s), append(times[k], correct(together, s))
		}
		for k, list := range steps {
			alone := New(0)
			for i, s := range list {
				if got := correct(alone, s); got != times[k][i] {
					t.Fatalf("%v: %+v alone, %+v among others", k, got, times[k][i])
				}
			}
		}
	})
}

func TestBounded(t *testing.T) {
	c := New(16)
	for i := range uint64(1000) {
		corrected(c, i*0x9e3779b97f4a7c15+1, now-day, now-day, now, true)
	}
	if c.known > 16 {
		t.Fatalf("%d devices are known", c.known)
	}
}

func BenchmarkCorrect(b *testing.B) {
	c := New(0)
	e := event.Event{OriginalTime: now, SentAt: now, SentFresh: true}
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		e.Derived = event.Derived{ReceivedAt: now + second, Device: (n % 300_000) * 0x9e3779b97f4a7c15}
		if n%50 == 0 {
			e.Derived.ReceivedAt = now + 3600*second
		}
		c.Correct(1, &e)
	}
}

// TestPreview asks for times ahead between random corrections: they differ from what comes out in the event's turn by the transit of a
// request at most, but for the order of what a device sends, and change nothing.
func TestPreview(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked, plain := New(64), New(64)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := event.Event{SentFresh: true}
			e.Derived.ReceivedAt = rapid.Int64Range(1_700_000_000e6, 1_700_010_000e6).Draw(t, "received")
			e.Derived.Device = rapid.Uint64Range(1, 4).Draw(t, "device")
			off := rapid.SampledFrom([]int64{0, 0, 7200e6, -86400e6 * 400}).Draw(t, "offset")
			e.SentAt = e.Derived.ReceivedAt - off - rapid.Int64Range(0, 59e6).Draw(t, "transit")
			e.OriginalTime = e.SentAt - rapid.Int64Range(0, 3600e6).Draw(t, "age")
			ahead := e
			asked.Preview(1, &ahead)
			first, second := e, e
			asked.Correct(1, &first)
			plain.Correct(1, &second)
			if first.Derived != second.Derived {
				t.Fatalf("%+v after a preview, %+v without", first.Derived, second.Derived)
			}
			// In its turn an event gets no earlier time than what the device said before it.
			if ahead.Derived.Time > first.Derived.Time {
				t.Fatalf("%d ahead, %d in its turn", ahead.Derived.Time, first.Derived.Time)
			}
		}
	})
}
