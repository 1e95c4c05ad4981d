package query_test

import (
	"sort"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// histories are the matching events of each person, in the order in which they stand in a time zone.
func (o *oracle) histories(timezone string, match func(e *event.Event) bool) map[uint64][]*event.Event {
	out := map[uint64][]*event.Event{}
	for i := range o.events {
		if e := &o.events[i]; match(e) {
			out[o.person(e)] = append(out[o.person(e)], e)
		}
	}
	for _, list := range out {
		sort.SliceStable(list, func(i, j int) bool {
			a, b := o.stands(list[i], timezone), o.stands(list[j], timezone)
			return a < b || a == b && list[i].Derived.Position < list[j].Derived.Position
		})
	}
	return out
}

func (o *oracle) selects(e *event.Event, s query.Selector, where *query.Filter) bool {
	named := len(s.Events) == 0
	for _, name := range s.Events {
		named = named || name == e.Name
	}
	return named && o.matches(e, where) && o.matches(e, s.Where)
}

// dates counts intervals by local dates.
type dates struct {
	interval  string
	zone      *time.Location
	weekStart time.Weekday
}

// hours has where the local hours of a zone begin, over all the years that tests are about.
var hours = struct {
	sync.Mutex
	starts map[string][]int64
}{starts: map[string][]int64{}}

// hoursOf steps from hour to hour; one that clocks enter or leave in its middle begins or ends there.
func hoursOf(zone *time.Location) []int64 {
	hours.Lock()
	defer hours.Unlock()
	list := hours.starts[zone.String()]
	if list != nil {
		return list
	}
	end := time.Date(2027, 2, 1, 0, 0, 0, 0, zone)
	for at := time.Date(2023, 12, 1, 0, 0, 0, 0, zone); at.Before(end); {
		list = append(list, at.UnixMicro())
		next := at.Add(time.Hour - time.Duration(at.Minute())*time.Minute)
		if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(next) {
			next = change
		}
		at = next.In(zone)
	}
	hours.starts[zone.String()] = list
	return list
}

func (d *dates) number(us int64) int {
	if d.interval == "hour" {
		starts := hoursOf(d.zone)
		return sort.Search(len(starts), func(i int) bool { return starts[i] > us }) - 1
	}
	y, m, day := time.UnixMicro(us).In(d.zone).Date()
	days := int(time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	switch d.interval {
	case "week":
		return (days + 4 - int(d.weekStart) + 7) / 7
	case "month":
		return y*12 + int(m) - 1
	}
	return days
}

// begin is where an interval begins.
func (d *dates) begin(number int) int64 {
	if d.interval == "hour" {
		return hoursOf(d.zone)[number]
	}
	y, m, day := 1970, time.January, 1+number
	switch d.interval {
	case "week":
		day = 1 + number*7 - 4 + int(d.weekStart) - 7
	case "month":
		y, m, day = number/12, time.Month(number%12+1), 1
	}
	return dayBegins(y, m, day, d.zone).UnixMicro()
}

// dayBegins is the first moment of a local day.
func dayBegins(y int, m time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	if wanted := time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Day(); t.Day() != wanted {
		_, t = t.ZoneBounds() // clocks skip midnight
	} else if before := t.Add(-time.Hour); before.Day() == wanted {
		t = before // they have it twice
	}
	return t
}

// hourOf rounds a moment down to the local hour, but not past a change of clocks.
func hourOf(us int64, zone *time.Location) int64 {
	t := time.UnixMicro(us).In(zone)
	floor := us - int64(t.Minute())*60e6 - int64(t.Second())*1e6 - int64(t.Nanosecond())/1e3
	if begin, _ := t.ZoneBounds(); !begin.IsZero() {
		floor = max(floor, begin.UnixMicro())
	}
	return floor
}

// membership is one person in one cohort.
type membership struct {
	person uint64
	group  group
	cohort int
	start  int64
	came   map[int]bool
}

type retentionOracle struct {
	*oracle
	r       *query.ResolvedRetention
	dates   dates
	grouper *grouper
	unit    int64
	now     time.Time
}

func (o *retentionOracle) offset(start, at int64) int {
	switch o.r.Clock {
	case "calendar":
		return o.dates.number(at) - o.dates.number(start)
	case "rolling_hour":
		start, at = hourOf(start, o.dates.zone), hourOf(at, o.dates.zone)
	}
	return int((at - start) / o.unit)
}

// memberships are those of one person's list of events.
func (o *retentionOracle) memberships(person uint64, list []*event.Event, from, to int64) (out []membership) {
	for i, e := range list {
		at := o.stands(e, o.r.Timezone)
		if !o.selects(e, o.r.Start, o.r.Where) {
			continue
		}
		inRange := at >= from && at < to
		if o.r.Cohort == "first_time" && !inRange {
			return nil
		}
		m := membership{person, o.grouper.of(e), o.dates.number(at) - o.dates.number(from), at, map[int]bool{}}
		if !inRange || len(out) > 0 && out[len(out)-1].cohort == m.cohort {
			continue
		}
		if o.r.Zero == "all" {
			m.came[0] = true
		}
		for _, f := range list[i+1:] {
			if o.selects(f, *o.r.Return, o.r.Where) {
				n := o.offset(at, o.stands(f, o.r.Timezone))
				m.came[n] = true
				for k := 0; k < n && o.r.Type == "on_or_after"; k++ {
					m.came[k] = true
				}
			}
		}
		out = append(out, m)
		if o.r.Cohort != "recurring" {
			return out
		}
	}
	return out
}

func (o *retentionOracle) all(from, to int64) (out []membership) {
	either := func(e *event.Event) bool {
		return o.selects(e, o.r.Start, o.r.Where) || o.selects(e, *o.r.Return, o.r.Where)
	}
	for person, list := range o.histories(o.r.Timezone, either) {
		lists := map[string][]*event.Event{"": list}
		if o.r.Attribution == "both" {
			lists = map[string][]*event.Event{}
			for _, e := range list {
				k := o.grouper.of(e).key()
				lists[k] = append(lists[k], e)
			}
		}
		for _, l := range lists {
			out = append(out, o.memberships(person, l, from, to)...)
		}
	}
	return out
}

// table counts memberships the way the answer does.
func (o *retentionOracle) table(list []membership, columns []query.RetentionBracket, buckets []time.Time, to time.Time) query.RetentionTable {
	var out query.RetentionTable
	people := map[uint64]bool{}
	sums, sizes := make([]int64, len(columns)), make([]int64, len(columns))
	for c := range buckets {
		number := o.dates.number(buckets[0].UnixMicro()) + c
		first, last := o.dates.begin(number), o.dates.begin(number+1)
		members := map[uint64]bool{}
		for _, m := range list {
			if m.cohort != c {
				continue
			}
			if len(members) == 0 {
				first, last = m.start, m.start
			}
			people[m.person], members[m.person] = true, true
			first, last = min(first, m.start), max(last, m.start)
		}
		cohort := query.RetentionCohort{Start: buckets[c], Partial: o.dates.begin(number+1) > o.now.UnixMicro(), Size: int64(len(members))}
		for k, column := range columns {
			came := map[uint64]bool{}
			for _, m := range list {
				for n := column.From; n <= column.To && m.cohort == c; n++ {
					if m.came[n] {
						came[m.person] = true
					}
				}
			}
			n := int64(len(came))
			cell := query.RetentionCell{Count: &n, State: o.state(number, first, last, column, to)}
			if cell.State == "complete" {
				sums[k], sizes[k] = sums[k]+n, sizes[k]+cohort.Size
			}
			if cell.State == "future" {
				cell.Count = nil
			} else {
				cell.Rate = part(n, cohort.Size)
			}
			cohort.Cells = append(cohort.Cells, cell)
		}
		out.Cohorts = append(out.Cohorts, cohort)
	}
	for k := range columns {
		out.Average = append(out.Average, query.RetentionMean{Count: sums[k], Size: sizes[k], Rate: part(sums[k], sizes[k])})
	}
	out.People = int64(len(people))
	return out
}

// part is n / of, nil of no one.
func part(n, of int64) *float64 {
	if of == 0 {
		return nil
	}
	f := float64(n) / float64(of)
	return &f
}

func (o *retentionOracle) state(cohort int, first, last int64, column query.RetentionBracket, to time.Time) string {
	now := o.now.UnixMicro()
	if o.r.Type == "on_or_after" {
		// The newest cell has nothing of the time after its offset yet.
		column.To++
	}
	begin, end := o.dates.begin(cohort+column.From), o.dates.begin(cohort+column.To+1)
	if o.r.Clock != "calendar" {
		now -= now % 60e6
		closed := min(o.dates.begin(cohort+1), to.UnixMicro()) <= now
		if o.r.Clock == "rolling_hour" {
			first, last, now = hourOf(first, o.dates.zone), hourOf(last, o.dates.zone), hourOf(now, o.dates.zone)
		}
		begin, end = first+int64(column.From)*o.unit, last+int64(column.To+1)*o.unit
		if !closed {
			end = now + 1
		}
	}
	switch {
	case end <= now:
		return "complete"
	case begin <= now:
		return "so_far"
	}
	return "future"
}
