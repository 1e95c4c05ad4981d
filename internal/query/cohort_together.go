package query

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostTogether is how many conditions one statement counts for.
const mostTogether = 32

// countTogether finds the people of those parts of a cohort that go by how often they did something in the same time. One statement for
// them all reads the events once, and not once for each.
func (c *peopledCut) countTogether(ctx context.Context, b *boundCohort) error {
	var times [][2]time.Time
	of := map[[2]time.Time][]*boundCohort{}
	var gather func(*boundCohort)
	gather = func(b *boundCohort) {
		for _, part := range b.parts {
			gather(part)
		}
		d, ok := b.source.(*didPeople)
		if !ok || d.First || d.everybody() {
			return
		}
		span := [2]time.Time{d.From, d.To}
		same := func(other *boundCohort) bool { return other.key == b.key }
		if _, found := c.sets[b.key]; found || slices.ContainsFunc(of[span], same) {
			return
		}
		if of[span] == nil {
			times = append(times, span)
		}
		of[span] = append(of[span], b)
	}
	gather(b)
	for _, span := range times {
		for list := range slices.Chunk(of[span], mostTogether) {
			if len(list) == 1 {
				continue
			}
			if err := c.countEach(ctx, list, span); err != nil {
				return err
			}
		}
	}
	return nil
}

// countEach finds the people of several conditions by a statement that has a bit for each.
func (c *peopledCut) countEach(ctx context.Context, list []*boundCohort, span [2]time.Time) error {
	dids := make([]*didPeople, len(list))
	for i, b := range list {
		dids[i], _ = b.source.(*didPeople)
	}
	q := newCompiler(c)
	sql := q.bits(dids, span, c.scope.Zone)
	ctx, trace := c.engine.Tracer.Start(purpose(ctx, "people"), "sql people")
	defer trace.End()
	ids := make([][]uint64, len(list))
	for batch, err := range c.Batches(ctx, sql, q.args...) {
		if err != nil {
			return fmt.Errorf("read people: %w", err)
		}
		people, bits := batch.Columns[0].Uint64, batch.Columns[1].Uint64
		for i := range ids {
			for row, b := range bits {
				if b>>i&1 == 1 {
					ids[i] = append(ids[i], people[row])
				}
			}
		}
	}
	for i, b := range list {
		c.know(b, dids[i].set(distinct(ids[i])))
	}
	return nil
}

// bits is SQL for people and a number each, whose bits tell which conditions on their events hold.
func (c *compiler) bits(dids []*didPeople, span [2]time.Time, zone *time.Location) string {
	c.column("person")
	wanted, bits := make([]string, len(dids)), make([]string, len(dids))
	for i, d := range dids {
		wanted[i] = "(" + c.selects(&d.Selector, nil) + ")"
		count := "count(*) FILTER (WHERE " + wanted[i] + ")"
		holds := d.counted(count)
		if holds == "" {
			holds = count + " > 0"
		}
		bits[i] = "CASE WHEN " + holds + " THEN " + strconv.FormatInt(1<<i, 10) + " ELSE 0 END"
	}
	return "SELECT person, " + c.dialect.Unsigned(strings.Join(bits, " + "), 64) + " AS bits FROM " + c.sourceOf(c.within(span[0], span[1], zone, false)) +
		" WHERE " + strings.Join(wanted, " OR ") + " GROUP BY person HAVING bits > 0"
}
