package query_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/funnel/funneltest"
	walk "github.com/freshet/freshet/internal/query/history"
)

// funnelOracle is a funnel answered by looking at every event.
type funnelOracle struct {
	*oracle
	q    *query.Funnel
	asOf time.Time
	// grouper has the groups of the breakdown; groups are they by code, and codes their codes and those of what is held.
	grouper     *grouper
	groups      []group
	codes, held map[string]int32
}

// unitResult is what one unit, or an attempt of it, came to.
type unitResult struct {
	unit string
	funneltest.Answer
}

// answer is the whole answer in the form of funnelLines.
func (o *funnelOracle) answer(own, compared []time.Time) string {
	trends := &query.Trends{Where: o.q.Where, Breakdown: o.q.Breakdown, Timezone: o.q.Timezone}
	first := o.q.Steps[0]
	o.grouper = &grouper{o: o.oracle, breakdown: o.q.Breakdown}
	o.grouper.boundaries = o.boundaries(trends, &query.Series{Events: first.Events, Where: first.Where}, own)
	o.codes, o.held = map[string]int32{}, map[string]int32{}
	missing := group{}
	for range o.q.Breakdown {
		missing.labels, missing.tags = append(missing.labels, "$none"), append(missing.tags, "")
	}
	o.code(missing)
	windows := append([]string{o.q.Window}, o.q.Windows...)
	var now, then [][]unitResult
	for _, w := range windows {
		now = append(now, o.results(own, w))
	}
	order := o.ranked(now)
	for _, w := range windows {
		if compared != nil {
			then = append(then, o.results(compared, w))
		}
	}
	var out strings.Builder
	shown := order[:min(len(order), max(1, o.q.BreakdownLimit))]
	for _, code := range shown {
		in := func(r unitResult) bool { return len(o.q.Breakdown) == 0 || r.Value == code }
		fmt.Fprint(&out, o.groups[code].labels, "\n", o.lines(now, own, in, false))
		if compared != nil {
			fmt.Fprint(&out, " compared\n", o.lines(then, compared, in, false))
		}
	}
	if len(order) > len(shown) {
		in := func(r unitResult) bool { return !slices.Contains(shown, r.Value) }
		for range o.q.Breakdown {
			out.WriteString("$other ")
		}
		fmt.Fprint(&out, "\n", o.lines(now, own, in, true))
		if compared != nil {
			fmt.Fprint(&out, " compared\n", o.lines(then, compared, in, true))
		}
	}
	return out.String()
}

func (o *funnelOracle) code(g group) int32 {
	code, ok := o.codes[g.key()]
	if !ok {
		code = int32(len(o.groups))
		o.codes[g.key()], o.groups = code, append(o.groups, g)
	}
	return code
}

// ranked are the codes of the groups, the one with most units first.
func (o *funnelOracle) ranked(results [][]unitResult) []int32 {
	if len(o.q.Breakdown) == 0 {
		return []int32{0}
	}
	totals := map[int32]int{}
	for i, list := range results {
		for _, r := range list {
			if o.q.Mature && r.State == funnel.Open {
				continue
			}
			totals[r.Value] += 0
			if i == 0 {
				totals[r.Value]++
			}
		}
	}
	var out []int32
	for code := range totals {
		out = append(out, code)
	}
	slices.SortFunc(out, func(a, b int32) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), slices.Compare(o.groups[a].tags, o.groups[b].tags))
	})
	return out
}

// results are those of all units over one range.
func (o *funnelOracle) results(edges []time.Time, window string) (out []unitResult) {
	config := o.config(edges, window)
	for unit, tape := range o.tapes() {
		for _, a := range funneltest.Answers(config, tape) {
			out = append(out, unitResult{unit, a})
		}
	}
	return out
}

// chains is how many ways through the steps the oracle may have to try over one range.
func (o *funnelOracle) chains(edges []time.Time) (n int) {
	if edges == nil {
		return 0
	}
	plain := *o.q
	plain.Breakdown = nil
	p := &funnelOracle{oracle: o.oracle, q: &plain, held: map[string]int32{}}
	for _, w := range append([]string{o.q.Window}, o.q.Windows...) {
		for _, tape := range p.tapes() {
			n += funneltest.Chains(o.config(edges, w), tape)
		}
	}
	return n
}

func micros(duration string) int64 {
	n, _ := strconv.Atoi(strings.TrimRight(duration, "minhdsw"))
	return int64(n) * map[string]int64{"s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6}[strings.TrimLeft(duration, "0123456789")]
}

func (o *funnelOracle) config(edges []time.Time, window string) funnel.Config {
	q := o.q
	c := funnel.Config{
		Steps: len(q.Steps), Window: micros(window), From: edges[0].UnixMicro(), To: edges[len(edges)-1].UnixMicro(),
		Now: o.asOf.UnixMicro(), Within: q.Within == "all_steps", Drop: q.ExclusionEffect == "drop_actor", Times: true,
		Hold: len(q.Hold) > 0, HoldUnits: q.HoldCounts == "value", Second: q.Tie == "second",
		Order: funnel.Order(slices.Index([]string{"sequential", "strict", "any"}, q.Order)),
		Entry: funnel.Entry(slices.Index([]string{"best", "first", "every"}, q.Entry)),
		Tie:   map[string]int64{"1s": 1e6, "2s": 2e6}[q.Tie], ValueStep: max(0, q.AttributionStep-1), StepWindow: make([]int64, len(q.Steps)),
	}
	if q.Timezone == "device" {
		ahead := map[uint64]int64{}
		for i := range o.events {
			e := &o.events[i]
			ahead[e.Derived.Position] = o.stands(e, q.Timezone) - e.Derived.Time
		}
		c.Clock = func(at int64, position uint64) int64 { return at + ahead[position] }
	}
	if q.Attribution != "" {
		c.Attribution = funnel.Attribution(slices.Index([]string{"first_step", "last_step", "step", "first_defined", "all_equal"}, q.Attribution))
	}
	if c.Second {
		c.From, c.To = edges[0].Truncate(time.Second).UnixMicro(), edges[len(edges)-1].Truncate(time.Second).UnixMicro()
	}
	for i, s := range q.Steps {
		if s.Optional {
			c.Optional |= 1 << i
		}
		if s.Anchored {
			c.Anchored |= 1 << i
		}
		if s.Window != "" {
			c.StepWindow[i] = micros(s.Window)
		}
	}
	for i, x := range q.Exclusions {
		c.Exclusions = append(c.Exclusions, funnel.Exclusion{Bit: c.Steps + i, From: max(0, x.From-1), To: max(0, x.To-1)})
	}
	return c
}

// tapes are the matching events of every unit, in order.
func (o *funnelOracle) tapes() map[string][]walk.Event {
	sessions := o.sessions()
	out := map[string][]walk.Event{}
	for i := range o.events {
		e := &o.events[i]
		unit := map[string]string{
			"person": fmt.Sprint(o.person(e)), "device": fmt.Sprint(e.Derived.Device), "session": sessions[i].id, "group": e.GroupID,
			"expression": o.values(e, o.q.UnitBy),
		}[o.q.Unit]
		at := walk.Event{Time: e.Derived.Time, Seq: e.Derived.Position}
		for j, s := range o.q.Steps {
			if o.selects(e, s.Selector, o.q.Where) {
				at.Match |= 1 << j
			}
		}
		for j, x := range o.q.Exclusions {
			if o.selects(e, x.Selector, o.q.Where) {
				at.Match |= 1 << (len(o.q.Steps) + j)
			}
		}
		if unit == "" || at.Match == 0 && (o.q.Order != "strict" || !o.visible(e)) {
			continue
		}
		if len(o.q.Breakdown) > 0 {
			at.Value = o.code(o.grouper.of(e))
		}
		at.Hold = o.holds(e)
		out[unit] = append(out[unit], at)
	}
	for _, tape := range out {
		slices.SortFunc(tape, walk.Compare)
	}
	return out
}

func (o *funnelOracle) visible(e *event.Event) bool {
	usual := e.Kind == event.Track && !slices.Contains(query.InvisibleEvents(), e.Name)
	return (usual || o.q.Visible == "all") && !slices.Contains(o.q.Ignore, e.Name) && o.matches(e, o.q.Where)
}

// values are those of some properties as one text, empty if anything is missing.
func (o *funnelOracle) values(e *event.Event, refs []query.PropertyRef) (key string) {
	for _, ref := range refs {
		tag := o.property(e, ref).tag(strings.HasPrefix(ref.Property, "$") && ref.Of == "event" && ref.As == "")
		if tag == "" {
			return ""
		}
		key += fmt.Sprintf("%q", tag)
	}
	return key
}

// holds is the code of what an event holds, 0 if anything is missing.
func (o *funnelOracle) holds(e *event.Event) int32 {
	key := o.values(e, o.q.Hold)
	if key == "" && len(o.q.Hold) > 0 {
		return 0
	}
	if _, ok := o.held[key]; !ok {
		o.held[key] = int32(len(o.held) + 1)
	}
	return o.held[key]
}

// once keeps one result of every unit, the one that counts.
func (o *funnelOracle) once(list []unitResult) (out []unitResult) {
	byUnit := map[string][]unitResult{}
	for _, r := range list {
		key := fmt.Sprint(r.unit, " ", r.Hold)
		byUnit[key] = append(byUnit[key], r)
	}
	for _, same := range byUnit {
		best, open := same[0], false
		for _, r := range same {
			better := cmp.Or(cmp.Compare(r.Reached, best.Reached), cmp.Compare(best.Completed, r.Completed), cmp.Compare(best.Entry, r.Entry))
			if o.q.Entry == "first" {
				better = cmp.Compare(best.Entry, r.Entry)
			}
			if better > 0 {
				best = r
			}
			open = open || r.State == funnel.Open
		}
		if open && best.State == funnel.Dropped && o.q.Entry == "best" {
			best.State = funnel.Open
		}
		out = append(out, best)
	}
	return out
}

// lines describes one group: the results of the question's own window, and of others.
func (o *funnelOracle) lines(results [][]unitResult, edges []time.Time, in func(unitResult) bool, rest bool) string {
	var picked [][]unitResult
	for _, list := range results {
		var mine []unitResult
		for _, r := range list {
			if in(r) {
				mine = append(mine, r)
			}
		}
		if rest && o.q.Attribution == "all_equal" && o.q.Entry != "every" {
			mine = o.once(mine)
		}
		mine = slices.DeleteFunc(mine, func(r unitResult) bool { return o.q.Mature && r.State == funnel.Open })
		picked = append(picked, mine)
	}
	own := picked[0]
	var b strings.Builder
	fmt.Fprintln(&b, " ", o.counted(own))
	fmt.Fprintln(&b, "  steps", o.stepLines(own))
	if o.q.Show == "trend" {
		for i := range len(edges) - 1 {
			var mine []unitResult
			for _, r := range own {
				if at := sort.Search(len(edges), func(k int) bool { return edges[k].UnixMicro() > r.Entry+r.Shift }) - 1; max(0, at) == i {
					mine = append(mine, r)
				}
			}
			open := slices.ContainsFunc(mine, func(r unitResult) bool { return r.State == funnel.Open })
			fmt.Fprintln(&b, "  bucket", o.counted(mine), o.reach(mine), open || edges[i+1].After(over(o.asOf, o.q.Timezone)))
		}
	}
	if o.q.Show == "time_to_convert" {
		took := between(own, o.q.ConvertFrom-1, o.q.ConvertTo-1)
		fmt.Fprint(&b, "  took ", len(took), " ", rounded(average(took)))
		for _, p := range []float64{0, .25, .5, .75, .9, .95, .99, 1} {
			fmt.Fprint(&b, " ", rounded(quantile(took, p)))
		}
		b.WriteString(bins(took) + "\n")
	}
	for i, list := range picked[1:] {
		fmt.Fprintln(&b, "  window", o.counted(list), rounded(o.kaplanMeier(own, micros(o.q.Windows[i]))))
	}
	return b.String()
}

func (o *funnelOracle) counted(list []unitResult) string {
	n := map[funnel.State]int{}
	for _, r := range list {
		n[r.State]++
	}
	converted, dropped := int64(n[funnel.Converted]), int64(n[funnel.Dropped])
	return fmt.Sprintf("%d: %d, %d dropped, %d open, %s %s", len(list), converted, dropped, n[funnel.Open],
		rounded(part(converted, converted+dropped)), rounded(part(converted, int64(len(list)))))
}

func (o *funnelOracle) reach(list []unitResult) []int {
	out := make([]int, len(o.q.Steps))
	for i := range out {
		for _, r := range list {
			if r.Times[i] != funnel.None {
				out[i]++
			}
		}
	}
	return out
}

func (o *funnelOracle) stepLines(list []unitResult) string {
	out, previous := "", 0
	reached := o.reach(list)
	for i, n := range reached {
		out += fmt.Sprint(n, " ", rounded(part(int64(n), int64(len(list)))), " ")
		if i > 0 {
			out += rounded(part(int64(n), int64(reached[previous]))) + " "
		}
		if i > 0 && (o.q.Show == "steps" || o.q.Show == "time_to_convert") {
			took := between(list, previous, i)
			out += rounded(average(took)) + " " + rounded(quantile(took, .5)) + " "
		}
		if !o.q.Steps[i].Optional {
			previous = i
		}
	}
	return out
}

// between are the times from one step to another, in milliseconds.
func between(list []unitResult, from, to int) (out []float64) {
	for _, r := range list {
		if r.Times[from] != funnel.None && r.Times[to] != funnel.None {
			out = append(out, math.Max(0, float64(r.Times[to]-r.Times[from])/1000))
		}
	}
	return out
}
