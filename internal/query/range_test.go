package query_test

import (
	"errors"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store/storetest"
)

// resolve resolves a question about an empty project at a moment.
func resolve(t *testing.T, s storetest.Store, now, zone string, week time.Weekday, q query.Trends) (*query.Resolved, error) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return at }})
	if q.Series == nil {
		q.Series = []query.Series{{}}
	}
	return e.Resolve(query.Scope{Project: 1, Zone: location(t, zone), WeekStart: week, SessionGap: 30 * time.Minute}, &q)
}

func TestRange(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	for _, c := range []struct{ now, zone, from, to, wantFrom, wantTo string }{
		{"2026-06-10T12:34:56Z", "UTC", "-7d", "now", "2026-06-03T00:00:00Z", "2026-06-10T12:35:00Z"},
		{"2026-06-10T12:35:00Z", "UTC", "-7d", "now", "2026-06-03T00:00:00Z", "2026-06-10T12:35:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "", "", "2026-05-11T00:00:00Z", "2026-06-10T12:35:00Z"},
		{"2026-06-10T12:34:56Z", "Europe/Berlin", "-24h", "", "2026-06-09T14:00:00+02:00", "2026-06-10T14:35:00+02:00"},
		{"2026-06-10T12:34:56Z", "UTC", "-90min", "", "2026-06-10T11:05:00Z", "2026-06-10T12:35:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "-2w", "today", "2026-05-27T00:00:00Z", "2026-06-11T00:00:00Z"},
		{"2026-03-31T12:00:00Z", "UTC", "-1m", "", "2026-02-28T00:00:00Z", "2026-03-31T12:00:00Z"},
		{"2024-02-29T12:00:00Z", "UTC", "-1y", "", "2023-02-28T00:00:00Z", "2024-02-29T12:00:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "yesterday", "", "2026-06-09T00:00:00Z", "2026-06-10T00:00:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "this_week", "", "2026-06-08T00:00:00Z", "2026-06-10T12:35:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "last_week", "", "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "last_month", "", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"},
		{"2026-06-10T12:34:56Z", "UTC", "this_year", "this_year", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"2026-06-10T12:34:56Z", "America/New_York", "2026-03-08", "2026-03-09", "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
		{"2026-06-10T12:34:56Z", "America/New_York", "2026-03-08T10:00", "2026-03-08T18:00:00Z", "2026-03-08T10:00:00-04:00", "2026-03-08T14:00:00-04:00"},
		{"2026-06-10T12:34:56Z", "UTC", "all", "", "2026-06-10T00:00:00Z", "2026-06-10T12:35:00Z"},
		// Clocks skip midnight on this day.
		{"2018-11-05T12:00:00Z", "America/Sao_Paulo", "2018-11-04", "2018-11-05", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"},
		// Midnight comes twice on this day.
		{"2025-11-05T12:00:00Z", "America/Havana", "2025-11-02", "2025-11-03", "2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00"},
	} {
		r, err := resolve(t, s, c.now, c.zone, time.Monday, query.Trends{Range: query.Range{From: c.from, To: c.to}})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if r.Range.From != c.wantFrom || r.Range.To != c.wantTo {
			t.Errorf("%+v: got %s to %s", c, r.Range.From, r.Range.To)
		}
	}
}

func TestBuckets(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	for _, c := range []struct {
		name, zone, from, to, interval string
		week                           time.Weekday
		count                          int
		// at is a bucket, start and end its edges.
		at         int
		start, end string
	}{
		{"23 hours", "America/New_York", "2026-03-08", "2026-03-09", "hour", 1, 23, 2, "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"},
		{"25 hours", "Europe/Berlin", "2026-10-25", "2026-10-26", "hour", 1, 25, 3, "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"},
		{"half an hour more", "Australia/Lord_Howe", "2026-04-05", "2026-04-06", "hour", 1, 25, 2, "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"},
		{"half an hour less", "Australia/Lord_Howe", "2026-10-04", "2026-10-05", "hour", 1, 24, 2, "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"},
		{"days", "America/New_York", "2026-03-07", "2026-03-10", "day", 1, 3, 1, "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
		{"weeks from Sunday", "UTC", "2026-06-03", "2026-06-15", "week", 0, 3, 1, "2026-06-07T00:00:00Z", "2026-06-14T00:00:00Z"},
		{"weeks from Monday, cut", "UTC", "2026-06-03", "2026-06-15", "week", 1, 2, 0, "2026-06-03T00:00:00Z", "2026-06-08T00:00:00Z"},
		{"months", "UTC", "2026-01-15", "2026-03-02", "month", 1, 3, 1, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"minutes", "UTC", "2026-01-15", "2026-01-16", "minute", 1, 1440, 7, "2026-01-15T00:07:00Z", "2026-01-15T00:08:00Z"},
		{"clocks skip midnight", "America/Sao_Paulo", "2018-11-03", "2018-11-06", "day", 1, 3, 1, "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"},
	} {
		r, err := resolve(t, s, "2026-12-01T00:00:00Z", c.zone, c.week, query.Trends{
			Range: query.Range{From: c.from, To: c.to}, Interval: c.interval,
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		edges, _ := r.Edges()
		zone := location(t, c.zone)
		if len(edges) != c.count+1 {
			t.Errorf("%s: %d buckets, want %d: %v", c.name, len(edges)-1, c.count, edges)
			continue
		}
		start, end := edges[c.at].In(zone).Format(time.RFC3339), edges[c.at+1].In(zone).Format(time.RFC3339)
		if start != c.start || end != c.end {
			t.Errorf("%s: bucket %d is %s to %s", c.name, c.at, start, end)
		}
	}
}

func TestCompareRange(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	for _, c := range []struct{ name, zone, from, to, interval, how, wantFrom, wantTo string }{
		{"days so far", "UTC", "2026-06-03", "2026-06-10T12:30:00Z", "day", "previous", "2026-05-26T00:00:00Z", "2026-06-02T12:30:00Z"},
		{"over a change of clocks", "America/New_York", "2026-03-08", "2026-03-15", "day", "previous", "2026-03-01T00:00:00-05:00", "2026-03-08T00:00:00-05:00"},
		{"hours of today", "UTC", "2026-06-10", "2026-06-10T12:30:00Z", "hour", "previous", "2026-06-09T00:00:00Z", "2026-06-09T12:30:00Z"},
		{"24 hours", "UTC", "2026-06-09T12:00:00Z", "2026-06-10T12:30:00Z", "hour", "previous", "2026-06-08T11:00:00Z", "2026-06-09T11:30:00Z"},
		{"weeks", "UTC", "2026-06-03", "2026-06-15", "week", "previous", "2026-05-20T00:00:00Z", "2026-06-01T00:00:00Z"},
		{"months", "UTC", "2026-03-31", "2026-05-31T10:00:00Z", "month", "previous", "2025-12-31T00:00:00Z", "2026-02-28T10:00:00Z"},
		{"year", "Europe/Berlin", "2026-03-25", "2026-04-01", "day", "year", "2025-03-25T00:00:00+01:00", "2025-04-01T00:00:00+02:00"},
		{"leap day", "UTC", "2024-02-29", "2024-03-02", "day", "year", "2023-03-01T00:00:00Z", "2023-03-02T00:00:00Z"},
	} {
		r, err := resolve(t, s, "2026-12-01T00:00:00Z", c.zone, time.Monday, query.Trends{
			Range: query.Range{From: c.from, To: c.to}, Interval: c.interval, Compare: c.how,
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		own, edges := r.Edges()
		zone := location(t, c.zone)
		from, to := edges[0].In(zone).Format(time.RFC3339), edges[len(edges)-1].In(zone).Format(time.RFC3339)
		if from != c.wantFrom || to != c.wantTo || len(own) != len(edges) {
			t.Errorf("%s: %s to %s, %d edges for %d", c.name, from, to, len(edges), len(own))
		}
	}
}

func TestKeyHoldsWithinAMinute(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	key := func(now string, q query.Trends) string {
		r, err := resolve(t, s, now, "UTC", time.Monday, q)
		if err != nil {
			t.Fatal(err)
		}
		return r.Key()
	}
	week := query.Trends{Range: query.Range{From: "-7d"}}
	spelled := query.Trends{Range: query.Range{From: "2026-06-03", To: "now"}, Interval: "day", Timezone: "UTC", Series: []query.Series{{ID: "A"}}}
	if key("2026-06-10T12:34:01Z", week) != key("2026-06-10T12:34:59Z", week) {
		t.Error("the key changes within a minute")
	}
	if key("2026-06-10T12:34:01Z", week) == key("2026-06-10T12:35:01Z", week) {
		t.Error("the key is the same a minute later")
	}
	if key("2026-06-10T12:34:01Z", week) != key("2026-06-10T12:34:30Z", spelled) {
		t.Error("the same question in other words has another key")
	}
	// The range is the same and one more bucket is over.
	fixed := query.Trends{Range: query.Range{From: "2026-06-01", To: "2026-07-01"}}
	if key("2026-06-10T12:34:01Z", fixed) == key("2026-06-11T12:34:01Z", fixed) {
		t.Error("the key does not tell which buckets are over")
	}
}

func TestResolveRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	nested := &query.Filter{PropertyRef: query.PropertyRef{Property: "$os"}, Op: "is_set"}
	for range 9 {
		nested = &query.Filter{And: []*query.Filter{nested}}
	}
	wide := &query.Filter{}
	for range 200 {
		wide.Or = append(wide.Or, &query.Filter{PropertyRef: query.PropertyRef{Property: "$os"}, Op: "is_set"})
	}
	where := func(op string, v any) query.Trends {
		return query.Trends{Where: &query.Filter{PropertyRef: query.PropertyRef{Property: "$os"}, Op: op, Value: v}}
	}
	series := func(s ...query.Series) query.Trends { return query.Trends{Series: s} }
	formula := func(x string) query.Trends { return query.Trends{Formulas: []query.Formula{{Expression: x}}} }
	split := func(b ...query.Breakdown) query.Trends { return query.Trends{Breakdown: b} }
	long := make([]byte, 1025)
	for i := range long {
		long[i] = 'a'
	}
	for _, c := range []struct {
		code, field string
		q           query.Trends
	}{
		{"unknown_word", "kind", query.Trends{Kind: "funnel"}},
		{"unknown_word", "interval", query.Trends{Interval: "year"}},
		{"unknown_timezone", "timezone", query.Trends{Timezone: "Mars/Olympus"}},
		{"unknown_timezone", "timezone", query.Trends{Timezone: "Local"}},
		{"bad_time", "range.from", query.Trends{Range: query.Range{From: "-7x"}}},
		{"bad_time", "range.to", query.Trends{Range: query.Range{To: "all"}}},
		{"empty_range", "range", query.Trends{Range: query.Range{From: "2026-02-01", To: "2026-02-01"}}},
		{"too_many_buckets", "interval", query.Trends{Interval: "minute"}},
		{"bad_series", "series", query.Trends{Series: make([]query.Series, 27)}},
		{"bad_id", "series[0].id", series(query.Series{ID: "a"})},
		{"repeated_id", "series[1].id", series(query.Series{ID: "A"}, query.Series{ID: "A"})},
		{"unknown_word", "series[0].aggregate", series(query.Series{Aggregate: "mode"})},
		{"missing_property", "series[0].property", series(query.Series{Aggregate: "sum"})},
		{"unexpected_property", "series[0].property", series(query.Series{Property: "x"})},
		{"not_numeric", "series[0].property", series(query.Series{Aggregate: "sum", Property: "$os"})},
		{"unknown_property", "series[0].property", series(query.Series{Aggregate: "sum", Property: "price"})},
		{"empty_name", "series[0].events[0]", series(query.Series{Events: []string{""}})},
		{"bad_formula", "formulas[0].expression", formula("A +")},
		{"bad_formula", "formulas[0].expression", formula("A; drop")},
		{"unknown_series", "formulas[0].expression", formula("A / B")},
		{"too_many_formulas", "formulas", query.Trends{Formulas: make([]query.Formula, 11)}},
		{"filter_too_deep", "where.and[0].and[0].and[0].and[0].and[0].and[0].and[0].and[0]", query.Trends{Where: nested}},
		{"too_many_filters", "where.or[199]", query.Trends{Where: wide}},
		{"empty_group", "where.and", query.Trends{Where: &query.Filter{And: []*query.Filter{}}}},
		{"ambiguous_filter", "where", query.Trends{Where: &query.Filter{And: []*query.Filter{{}}, Op: "is"}}},
		{"missing_property", "where.property", query.Trends{Where: &query.Filter{Op: "is"}}},
		{"unknown_word", "where.op", where("like", "x")},
		{"wrong_value_type", "where.value", where("is", nil)},
		{"wrong_value_type", "where.value", where("contains", 5.0)},
		{"wrong_value_type", "where.value", where("between", []any{1.0})},
		{"wrong_value_type", "where.value", where("between", []any{1.0, "2"})},
		{"wrong_value_type", "where.value[1]", where("in", []any{"a", []any{}})},
		{"bad_list", "where.value", where("in", make([]any, 10001))},
		{"unexpected_value", "where.value", where("is_set", true)},
		{"bad_regex", "where.value", where("regex", "(")},
		{"bad_regex", "where.value", where("regex", `(a)\1`)},
		{"too_long", "where.value", where("regex", string(long))},
		{"bad_text", "where.value", where("is", "a\x00b")},
		{"bad_time", "where.value", where("before", "soon")},
		{"unknown_property", "where.property", query.Trends{Where: &query.Filter{PropertyRef: query.PropertyRef{Property: "plan", Of: "person"}, Op: "is_set"}}},
		{"misplaced_at", "where.at", query.Trends{Where: &query.Filter{PropertyRef: query.PropertyRef{Property: "$os", At: "now"}, Op: "is_set"}}},
		{"too_many_breakdowns", "breakdown", split(make([]query.Breakdown, 4)...)},
		{"bad_edges", "breakdown[0].edges[1]", split(query.Breakdown{PropertyRef: query.PropertyRef{Property: "x"}, Edges: []float64{1, 1}})},
		{"bad_quantiles", "breakdown[0].quantiles", split(query.Breakdown{PropertyRef: query.PropertyRef{Property: "x"}, Quantiles: 1})},
		{"bad_limit", "breakdown_limit", query.Trends{BreakdownLimit: 1001}},
		{"answer_too_large", "breakdown_limit", query.Trends{
			Interval: "hour", BreakdownLimit: 1000, Series: make([]query.Series, 3),
			Breakdown: []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$os"}}},
		}},
		{"unknown_word", "compare", query.Trends{Compare: "week"}},
		{"bad_rolling", "rolling", query.Trends{Rolling: 1}},
		{"ambiguous_smoothing", "rolling", query.Trends{Rolling: 7, Cumulative: true}},
		{"not_cumulative", "series[0].aggregate", query.Trends{Cumulative: true, Series: []query.Series{{Aggregate: "mau"}}}},
	} {
		_, err := resolve(t, s, "2026-06-10T12:34:01Z", "UTC", time.Monday, c.q)
		e, ok := errors.AsType[*event.Error](err)
		if !ok || e.Code != c.code || e.Field != c.field {
			t.Errorf("want %s at %s, got %#v", c.code, c.field, err)
		}
	}
}
