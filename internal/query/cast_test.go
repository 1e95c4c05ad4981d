package query_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// castsOf are the properties that a question reads as numbers.
func castsOf(q *query.Trends) (out []query.PropertyRef) {
	add := func(ref query.PropertyRef) {
		if ref.As != "" && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	var filter func(f *query.Filter)
	filter = func(f *query.Filter) {
		if f == nil {
			return
		}
		add(f.PropertyRef)
		for _, g := range append(slices.Clone(f.And), f.Or...) {
			filter(g)
		}
	}
	filter(q.Where)
	for i := range q.Series {
		if s := &q.Series[i]; s.Property != "" {
			add(query.PropertyRef{Property: s.Property, Of: "event", As: s.As})
		}
		filter(q.Series[i].Where)
	}
	for _, b := range q.Breakdown {
		add(b.PropertyRef)
	}
	return out
}

// checkUnparsed: the answer says of each of the casts how many values of the range were lost.
func checkUnparsed(t *rapid.T, o *oracle, in query.AnswerRange, got []query.Unparsed, casts []query.PropertyRef) {
	if len(got) != len(casts) {
		t.Fatalf("%s, want those of %s", asJSON(got), asJSON(casts))
	}
	for _, u := range got {
		if !slices.Contains(casts, u.PropertyRef) {
			t.Fatalf("%s is none of %s", asJSON(u), asJSON(casts))
		}
		plain, want := u.PropertyRef, int64(0)
		plain.As = ""
		for i := range o.events {
			e := &o.events[i]
			if at := o.stands(e, in.Timezone); at < in.From.UnixMicro() || at >= in.To.UnixMicro() {
				continue
			}
			if v := o.property(e, plain); v.kind != 0 && v.kind != 'z' && v.asNumber().kind == 0 {
				want++
			}
		}
		if u.Events != want {
			t.Fatalf("%s, want %d", asJSON(u), want)
		}
	}
}

// TestTextAsNumber says of texts which number each is, on disk and in memory, in a column and without.
func TestTextAsNumber(t *testing.T) {
	texts := map[string]string{
		"12.50": "12.5", "-3": "-3", "+7": "7", "1e3": "1000", "1.5E-2": "0.015", "0012": "12", "-0": "0", "9007199254740993": "9.007199254740992e+15",
		"": "", " 1": "", "1 ": "", "1,5": "", "1_000": "", "0x10": "", "NaN": "", "inf": "", "1e999": "", ".5": "", "5.": "", "1e": "", "--1": "", "pro": "",
		"12\n": "", "\u0661": "", "2026-03-29T01:30:00.000Z": "",
	}
	day := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	for _, key := range []string{"a", "z"} {
		h := &history{zone: time.UTC}
		add := func(properties ...event.Property) {
			at := day.Add(time.Duration(len(h.events)) * time.Second).UnixMicro()
			e := event.Event{Name: "buy", Properties: properties}
			e.Derived = event.Derived{Position: uint64(len(h.events)), Time: at, ReceivedAt: at, Person: 9, Device: 1}
			h.events = append(h.events, e)
		}
		// There are columns for four properties: a has one, z has none.
		for _, k := range []string{"a", "b", "c", "d"} {
			add(event.Property{Key: k, Type: event.String, Str: "x"})
		}
		lost := int64(0)
		if key == "a" {
			lost++
		}
		for range 2 {
			for text, number := range texts {
				add(event.Property{Key: key, Type: event.String, Str: text})
				if number == "" {
					lost++
				}
			}
			add(event.Property{Key: key, Type: event.Number, Num: 40})
			add(event.Property{Key: key, Type: event.Bool, Num: 1})
			add(event.Property{Key: key, Type: event.Null})
			lost++
		}
		h.cold = len(h.events) / 2
		s := h.write(t, t.TempDir())
		e := engine(t, query.Options{Store: s, Now: func() time.Time { return day.AddDate(0, 0, 1) }})
		ref := query.PropertyRef{Property: key, As: "number"}
		r, err := e.Resolve(everyday, &query.Trends{
			Range: query.Range{From: "-2d"}, Series: []query.Series{{}}, BreakdownLimit: 100, Breakdown: []query.Breakdown{{PropertyRef: ref}},
			Where: &query.Filter{PropertyRef: ref, Op: "is_set"},
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Trends(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[string]float64{"40": 2}, map[string]float64{}
		for _, number := range texts {
			if number != "" {
				want[number] += 2
			}
		}
		for _, l := range a.Series {
			got[fmt.Sprint(l.Breakdown[0])] = *l.Total
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
		if len(a.Unparsed) != 1 || a.Unparsed[0].Events != lost || a.Unparsed[0].Property != key {
			t.Errorf("%s: %s, want %d lost", key, asJSON(a.Unparsed), lost)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCastsAreChecked: what a cast is not for is refused at its field.
func TestCastsAreChecked(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s})
	for _, c := range []struct {
		q     query.Trends
		field string
	}{
		{query.Trends{Series: []query.Series{{As: "number"}}}, "series[0].as"},
		{query.Trends{Series: []query.Series{{}}, Where: &query.Filter{PropertyRef: query.PropertyRef{Property: "$os", As: "text"}, Op: "is_set"}}, "where.as"},
		{query.Trends{Series: []query.Series{{}}, Breakdown: []query.Breakdown{{PropertyRef: query.PropertyRef{As: "number"}, Cohort: "1"}}}, "breakdown[0]"},
		{query.Trends{Series: []query.Series{{Aggregate: "sum", Property: "$app_build"}}}, "series[0].property"},
	} {
		_, err := e.Resolve(everyday, &c.q)
		if got := fieldOf(err); got != c.field {
			t.Errorf("%s: %v, at %q, want %q", asJSON(c.q), err, got, c.field)
		}
	}
	if _, err := e.Resolve(everyday, &query.Trends{Series: []query.Series{{Aggregate: "sum", Property: "$app_build", As: "number"}}}); err != nil {
		t.Error(err)
	}
}

// TestCastsOfPathsFunnel: the answer about paths says what the question and its funnel have lost, each property once.
func TestCastsOfPathsFunnel(t *testing.T) {
	day := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	h := &history{zone: time.UTC}
	for i, text := range []string{"1", "x", "2", "y"} {
		at := day.Add(time.Duration(i) * time.Second).UnixMicro()
		e := event.Event{Name: "buy", Properties: []event.Property{
			{Key: "a", Type: event.String, Str: text}, {Key: "b", Type: event.String, Str: "z"}, {Key: "c", Type: event.String, Str: "3"},
		}}
		e.Derived = event.Derived{Position: uint64(i), Time: at, ReceivedAt: at, Person: 9, Device: 1}
		h.events = append(h.events, e)
	}
	s := h.write(t, t.TempDir())
	defer s.Close()
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return day.AddDate(0, 0, 1) }})
	set := func(key string) *query.Filter {
		return &query.Filter{PropertyRef: query.PropertyRef{Property: key, As: "number"}, Op: "is_set"}
	}
	lost := map[string]int64{"a": 2, "b": 4, "c": 0}
	for _, c := range []struct {
		paths, funnel *query.Filter
		want          []string
	}{
		{nil, set("a"), []string{"a"}},
		{set("c"), nil, []string{"c"}},
		{set("c"), set("a"), []string{"c", "a"}},
		{set("a"), &query.Filter{And: []*query.Filter{set("a"), set("b")}}, []string{"a", "b"}},
	} {
		r, err := e.ResolvePaths(everyday, &query.Paths{Range: query.Range{From: "-2d"}, Where: c.paths, Funnel: &query.PathsFunnel{
			Question: query.Funnel{Steps: []query.FunnelStep{{}, {}}, Where: c.funnel},
		}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Paths(context.Background(), everyday, r)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range a.Unparsed {
			if got = append(got, u.Property); u.Events != lost[u.Property] || u.As != "number" {
				t.Errorf("%s, want %d", asJSON(u), lost[u.Property])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", asJSON(a.Question), got, c.want)
		}
	}
}
