package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// dayZones: a cut names a time zone only if the day of its every row is cut in it, and does while there has been one only,
// whatever happens in between. Settling brings rows of several zones into that of the latest one.
func dayZones(t *testing.T, a Adapter) {
	for seed := range share(15, 3) {
		z := &zoned{a: a, rng: rand.New(rand.NewPCG(uint64(seed), 9)), dir: t.TempDir()}
		z.s = a.Open(t, z.dir)
		for step := range 30 {
			what := z.step(t, step)
			if err := z.check(t); err != nil {
				t.Fatalf("seed %d, step %d, after %s: %v", seed, step, what, err)
			}
		}
		closed(t, z.s)
	}
}

// zoned is a store whose project moves from zone to zone.
type zoned struct {
	a   Adapter
	rng *rand.Rand
	s   Store
	dir string
	at  eventlog.Position
	// mixed tells that there have been rows of several zones since the store was settled last; zone is that of the
	// latest row, told whether the store has got one since it was opened.
	mixed bool
	zone  string
	told  bool
}

func (z *zoned) step(t *testing.T, step int) string {
	switch z.rng.IntN(8) {
	case 0:
		z.a.Settle(t, z.s)
		z.mixed = z.mixed && !z.told
		return "settling"
	case 1:
		closed(t, z.s)
		z.s, z.told = z.a.Open(t, z.dir), false
		return "a restart"
	case 2:
		z.dir = z.a.Crash(t, z.s, z.dir)
		z.s, z.told = z.a.Open(t, z.dir), false
		z.at = z.s.Position()
		return "a crash"
	}
	// For a while there is one zone.
	zone := "Europe/Berlin"
	if step > 12 {
		zone = []string{"UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York"}[z.rng.IntN(4)]
	}
	z.mixed = z.mixed || z.zone != "" && z.zone != zone
	z.zone, z.told = zone, true
	z.give(t, 1+z.rng.IntN(90))
	return "a commit in " + zone
}

func (z *zoned) give(t *testing.T, n int) {
	loc, err := time.LoadLocation(z.zone)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		e := event.Event{Name: "n", ID: fmt.Sprint(z.at)}
		e.Derived.Position, e.Derived.Person = uint64(z.at), 1+uint64(z.at%3)
		e.Derived.Time = 20000*dayUS + z.rng.Int64N(30*dayUS)
		z.s.Add(1, loc, "native", &e)
		z.at++
	}
	if err := z.s.Commit(context.Background(), z.at); err != nil {
		t.Fatal(err)
	}
}

func (z *zoned) check(t *testing.T) error {
	c := cut(t, z.s, 1)
	defer c.Close()
	name := c.Schema().DayZone
	n, err := z.days(c, name)
	switch {
	case err != nil:
		return err
	case n != int(z.at):
		return fmt.Errorf("%d rows, want %d", n, z.at)
	case n > 0 && !z.mixed && name != z.zone:
		return fmt.Errorf("the zone is %q, want %s", name, z.zone)
	}
	return nil
}

// days holds the day of every row to the zone, and if there is none to what it is somewhere.
func (z *zoned) days(c store.Cut, name string) (rows int, err error) {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return 0, err
	}
	for v, err := range c.Rows(context.Background(), "SELECT time, day FROM "+c.Events("time", "day")) {
		if err != nil {
			return 0, err
		}
		rows++
		at, day := v[0].(time.Time), v[1].(int64)
		if name != "" && day != localDay(at.In(loc)) {
			return 0, fmt.Errorf("%s: %v is on day %d", name, at, day)
		}
		if day < localDay(at.Add(-12*time.Hour)) || day > localDay(at.Add(14*time.Hour)) {
			return 0, fmt.Errorf("%v is on day %d", at, day)
		}
	}
	return rows, nil
}

func localDay(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
