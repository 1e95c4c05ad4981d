package query

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// didPeople are those with least to most events of a selector in [from, to), or those whose first one is in there.
type didPeople struct {
	Selector Selector
	// From and To are zero where there is no bound.
	From, To time.Time
	// Least and Most bound the number; Most is -1 for any.
	Least, Most int64
	First       bool
}

func (b *cohortBinder) did(d *CohortDid, field string) (*boundCohort, error) {
	out := &didPeople{First: d.FirstTime}
	var err error
	if out.Selector, err = b.check.selector(d.Selector, field); err != nil {
		return nil, err
	}
	if out.Least, out.Most, err = d.bounds(field); err != nil {
		return nil, err
	}
	if out.From, out.To, err = b.between(d.Range, field+".range"); err != nil {
		return nil, err
	}
	return keyed(&boundCohort{source: out}, "did", []any{out, b.scope.Zone.String(), b.check.cohortKeys()})
}

// bounds are the least and the most events; most is -1 when there is no upper bound.
func (d *CohortDid) bounds(field string) (least, most int64, err error) {
	for _, n := range []struct {
		name string
		v    *int64
	}{{"at_least", d.AtLeast}, {"at_most", d.AtMost}, {"exactly", d.Exactly}} {
		switch {
		case n.v == nil:
		case d.FirstTime:
			return 0, 0, invalid(field+"."+n.name, "ambiguous_count", "first_time goes without numbers")
		case *n.v < 0 || *n.v > maxDidCount:
			return 0, 0, invalid(field+"."+n.name, "bad_count", "%s is %d, it must be 0 to %d", n.name, *n.v, maxDidCount)
		}
	}
	least, most = 1, -1
	switch {
	case d.Exactly != nil && (d.AtLeast != nil || d.AtMost != nil):
		return 0, 0, invalid(field+".exactly", "ambiguous_count", "exactly goes without at_least and at_most")
	case d.Exactly != nil:
		return *d.Exactly, *d.Exactly, nil
	case d.AtMost != nil:
		least, most = 0, *d.AtMost
	}
	if d.AtLeast != nil {
		least = *d.AtLeast
	}
	if most >= 0 && least > most {
		return 0, 0, invalid(field+".at_least", "bad_count", "at_least is %d, more than at_most", least)
	}
	return least, most, nil
}

// between are the ends of a range, zero for all there is.
func (b *cohortBinder) between(r *Range, field string) (from, to time.Time, err error) {
	if r == nil || *r == (Range{}) {
		return from, to, nil
	}
	reads := &resolver{engine: b.engine, scope: b.scope, now: b.now, zone: b.scope.Zone, check: b.check, q: Trends{Range: *r}}
	err = b.engine.resolving(func(ctx context.Context) (err error) {
		from, to, err = reads.bounds(ctx)
		return err
	})
	if err != nil {
		return from, to, beneath(strings.TrimSuffix(field, ".range"), err)
	}
	if !from.Before(to) {
		return from, to, invalid(field, "empty_range", "the range begins at %s, which is not before its end, %s",
			from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}

// everybody tells that it is no condition.
func (d *didPeople) everybody() bool { return d.Least == 0 && d.Most < 0 }

func (d *didPeople) people(ctx context.Context, c *peopledCut) (peopleSet, error) {
	if d.everybody() {
		return peopleSet{except: true}, nil
	}
	q := newCompiler(c)
	sql := d.sql(q, c.scope.Zone)
	ids, err := c.ground().numbersOf(ctx, sql, q.args)
	// Who did nothing has no row: with no lower bound those beyond the upper one are looked for.
	return peopleSet{ids, d.Least == 0}, err
}

func (d *didPeople) sql(c *compiler, zone *time.Location) string {
	c.column("person")
	wanted := c.selects(&d.Selector, nil)
	from, having := d.From, ""
	switch {
	case d.First:
		c.column("time")
		if !from.IsZero() {
			having = "min(time) >= " + c.dialect.Moment(from.UnixMicro())
		}
		from = time.Time{}
	case d.Least == 0:
		having = "NOT (" + d.bounded("count(*)") + ")"
	case d.Least > 1 || d.Most >= 0:
		having = d.bounded("count(*)")
	}
	sql := "SELECT person FROM " + c.sourceOf(c.within(from, d.To, zone, d.First)) + " WHERE " + wanted + " GROUP BY person"
	if having != "" {
		sql += " HAVING " + having
	}
	return sql
}

// bounded is the condition on the number of somebody's events.
func (d *didPeople) bounded(count string) string {
	sql := count + " >= " + strconv.FormatInt(d.Least, 10)
	if d.Most >= 0 {
		sql += " AND " + count + " <= " + strconv.FormatInt(d.Most, 10)
	}
	return sql
}

// within are the pieces of events in [from, to), of all when to is zero.
func (c *compiler) within(from, to time.Time, zone *time.Location, timed bool) []piece {
	if to.IsZero() {
		return []piece{{}}
	}
	c.column("day")
	return lineOver(c.cut, zone, nil).pieces(from, to, timed)
}
