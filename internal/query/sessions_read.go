package query

import (
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
	"github.com/freshet/freshet/internal/store"
)

// visitRows turns batches into columns of a history, for one of several that gather them. Its memory is used again.
type visitRows struct {
	*visits
	codes *sideCodes
	// out are the rows of a batch, with value and hold in memory of ours; made are those rows with others between them.
	out, made   history.Columns
	value, hold []int32
	// last is the latest pair of a value and a person, and its number.
	last     visitor
	lastCode int32
	met      bool
}

func (r *visitRows) columns(b *store.Batch) (*history.Columns, error) {
	r.out = history.Columns{Actor: b.Columns[0].Uint64, Time: b.Columns[1].Int64, Match: b.Columns[2].Uint64, Seq: b.Columns[3].Uint64}
	if r.By == sessionsByClient {
		r.hold = r.hold[:0]
		for _, id := range b.Columns[4].Uint64 {
			r.hold = append(r.hold, int32(uint32(id)))
		}
		r.out.Hold = r.hold
	}
	rest, n := b.Columns[5:], len(r.dimensions)
	if n > 0 {
		var err error
		if r.value, err = r.codes.all(r.value[:0], rest[:n], b.Rows); err != nil {
			return nil, err
		}
		r.out.Value, rest = r.value, rest[n:]
	}
	if r.visitors != nil {
		if err := r.persons(rest[0].Uint64); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return r.withAmounts(rest, b.Rows), nil
	}
	return &r.out, nil
}

// persons puts the numbers of pairs of a value and a person in the place of values.
func (r *visitRows) persons(list []uint64) error {
	if r.out.Value == nil {
		r.value = append(r.value[:0], make([]int32, len(list))...)
		r.out.Value = r.value
	}
	for i, person := range list {
		pair := visitor{r.value[i], person}
		if !r.met || pair != r.last {
			code, err := r.visitors.of(pair)
			if err != nil {
				return err
			}
			r.last, r.lastCode, r.met = pair, code, true
		}
		r.value[i] = r.lastCode
	}
	return nil
}

// withAmounts puts a row with the number behind that of every event that has one. Positions are doubled, so that it stays there when
// events are put in order.
func (r *visitRows) withAmounts(columns []store.Vector, rows int) *history.Columns {
	in, to := &r.out, &r.made
	to.Actor, to.Time, to.Match, to.Seq, to.Value, to.Hold = to.Actor[:0], to.Time[:0], to.Match[:0], to.Seq[:0], to.Value[:0], to.Hold[:0]
	add := func(i int, match, seq uint64, value, hold int32) {
		to.Actor, to.Time, to.Match = append(to.Actor, in.Actor[i]), append(to.Time, in.Time[i]), append(to.Match, match)
		to.Seq, to.Value, to.Hold = append(to.Seq, seq), append(to.Value, value), append(to.Hold, hold)
	}
	for i := range rows {
		value, hold := int32(0), int32(0)
		if in.Value != nil {
			value = in.Value[i]
		}
		if in.Hold != nil {
			hold = in.Hold[i]
		}
		own, behind := r.clocks.doubled(in.Seq[i])
		add(i, in.Match[i], own, value, hold)
		at := 0
		for k := range r.Measures {
			if r.Measures[k].Property == "" {
				continue
			}
			if x := &columns[at]; !x.IsNull(i) {
				value, hold := session.Pack(x.Float64[i])
				add(i, session.Amount(k), behind, value, hold)
			}
			at++
		}
	}
	return to
}
