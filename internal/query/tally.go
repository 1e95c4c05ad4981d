package query

// tally is what a statement found for one bucket, or for the whole range.
type tally struct {
	// n counts events, things the different people, sessions or values.
	n, things float64
	// m counts the numbers among the values, sum adds them up.
	m, sum float64
	lo, hi *float64
	// quantile is the percentile asked for.
	quantile *float64
}

// read adds a row of numbers; the rows of one bucket come in parts.
func (t *tally) read(aggregate string, part int, v []any) {
	at := func(i int) float64 {
		f, _ := v[i].(float64)
		return f
	}
	pointer := func(i int) *float64 {
		if f, ok := v[i].(float64); ok {
			return &f
		}
		return nil
	}
	switch {
	case part == partNew:
		t.things += at(0)
	case percentile(aggregate) != 0:
		t.quantile = pointer(0)
	case aggregate == AggUnique, aggregate == AggPerUser, aggregate == AggDistinct, aggregate == AggSessions:
		t.n, t.things = t.n+at(0), t.things+at(1)
	default:
		t.n, t.m, t.sum, t.lo, t.hi = at(0), at(1), at(2), pointer(3), pointer(4)
	}
}

// plus adds up what can be added. Things can be when none is counted twice.
func (t tally) plus(u tally) tally {
	t.n, t.things, t.m, t.sum = t.n+u.n, t.things+u.things, t.m+u.m, t.sum+u.sum
	t.lo = better(t.lo, u.lo, func(a, b float64) bool { return a < b })
	t.hi = better(t.hi, u.hi, func(a, b float64) bool { return a > b })
	return t
}

func better(a, b *float64, is func(a, b float64) bool) *float64 {
	if a == nil || b != nil && is(*b, *a) {
		return b
	}
	return a
}

// value is the number of an aggregate, nil where there is none.
func (t *tally) value(aggregate string) *float64 {
	switch aggregate {
	case AggTotal, AggFirstTime:
		return finite(t.n)
	case AggSum:
		return finite(t.sum)
	case AggMin:
		return t.lo
	case AggMax:
		return t.hi
	case AggAvg:
		if t.m == 0 {
			return nil
		}
		return finite(t.sum / t.m)
	case AggPerUser:
		if t.things == 0 {
			return nil
		}
		return finite(t.n / t.things)
	}
	if percentile(aggregate) != 0 {
		return t.quantile
	}
	return finite(t.things)
}

// found is all that a statement found for one line.
type found struct {
	cells []tally
	// total is nil when it is the sum of the cells.
	total *tally
	// changes are those of the number of active people, by day.
	changes map[int64]float64
}

// values are the line's numbers, and its total.
func (f *found) values(p *plan) (values []*float64, total *float64) {
	a := p.series.Aggregate
	if isActive(a) {
		return f.activeValues(p)
	}
	values = make([]*float64, len(f.cells))
	var sum tally
	for i := range f.cells {
		sum = sum.plus(f.cells[i])
		cell := f.cells[i]
		if p.cumulative {
			cell = sum
		}
		values[i] = cell.value(a)
	}
	if f.total != nil {
		return values, f.total.value(a)
	}
	return values, sum.value(a)
}

// activeValues adds up the changes to the end of each bucket's last day.
func (f *found) activeValues(p *plan) (values []*float64, total *float64) {
	ends := p.line.lastDays()
	values = make([]*float64, len(ends))
	if len(ends) == 0 {
		return values, nil
	}
	active, mean := 0.0, 0.0
	_, first := p.reach()
	day := first.number() - 1
	counted := countedBuckets(p.line.buckets)
	for i, end := range ends {
		for day < end {
			day++
			active += f.changes[day]
		}
		values[i] = finite(active)
		if i < counted {
			mean += active / float64(counted)
		}
	}
	return values, finite(mean)
}
