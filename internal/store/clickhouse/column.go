package clickhouse

import (
	"math"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"
	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/store"
)

// column collects the values of one column for the open batch. Rows that get no value are padded with nulls.
type column struct {
	name string
	typ  store.Type
	// plain columns have a value in every row.
	plain  bool
	rows   int
	nulls  proto.ColUInt8
	text   proto.ColStr
	words  []uint64
	floats proto.ColFloat64
	bools  proto.ColBool
	ids    proto.ColUUID
}

// start pads with nulls until the column has a value for row r to come.
func (c *column) start(r int) {
	c.pad(r)
	c.nulls, c.rows = append(c.nulls, 0), r+1
}

// pad appends nulls until the column has n rows.
func (c *column) pad(n int) {
	for ; c.rows < n; c.rows++ {
		c.nulls = append(c.nulls, 1)
		switch c.typ {
		case store.Text, store.JSON:
			c.text.Pos = append(c.text.Pos, proto.Position{Start: len(c.text.Buf), End: len(c.text.Buf)})
		case store.Float:
			c.floats = append(c.floats, 0)
		case store.Boolean:
			c.bools = append(c.bools, false)
		case store.UUID:
			c.ids = append(c.ids, uuid.UUID{})
		default:
			c.words = append(c.words, 0)
		}
	}
}

func (c *column) reset() {
	c.rows, c.nulls, c.words, c.floats, c.bools, c.ids = 0, c.nulls[:0], c.words[:0], c.floats[:0], c.bools[:0], c.ids[:0]
	c.text.Reset()
}

// input is the column as it is sent.
func (c *column) input() proto.InputColumn {
	var data proto.ColInput
	switch c.typ {
	case store.Text, store.JSON:
		data = &proto.ColNullable[string]{Nulls: c.nulls, Values: &c.text}
	case store.Float:
		data = &proto.ColNullable[float64]{Nulls: c.nulls, Values: &c.floats}
	case store.Boolean:
		data = &proto.ColNullable[bool]{Nulls: c.nulls, Values: &c.bools}
	case store.UUID:
		data = &c.ids
	case store.Int:
		numbers := make(proto.ColInt64, len(c.words))
		for i, w := range c.words {
			numbers[i] = int64(w)
		}
		data = numbers
	case store.Number64:
		data = proto.ColUInt64(c.words)
	case store.Time:
		times := moments(c.words)
		data = times
		if !c.plain {
			data = &proto.ColNullable[time.Time]{Nulls: c.nulls, Values: times}
		}
	}
	return proto.InputColumn{Name: c.name, Data: data}
}

// moments are times in microseconds.
func moments(words []uint64) *proto.ColDateTime64 {
	out := (&proto.ColDateTime64{Location: time.UTC}).WithPrecision(proto.PrecisionMicro)
	out.Data = make([]proto.DateTime64, len(words))
	for i, w := range words {
		out.Data[i] = proto.DateTime64(w)
	}
	return out
}

// set sets a property's value.
func (c *column) set(r int, t store.Type, number float64, text string) {
	c.start(r)
	switch t {
	case store.Float:
		c.floats = append(c.floats, number)
	case store.Boolean:
		c.bools = append(c.bools, number != 0)
	case store.Time:
		us, _ := store.ParseTime(text)
		c.words = append(c.words, uint64(us))
	default:
		c.text.Append(text)
	}
}

// memberColumn has the members of a JSON object, each as JSON of its own, by the path that Dialect.Member looks up.
type memberColumn struct {
	name string
	rows int
	// deep are the members whose own members have an entry, and so have theirs.
	deep   string
	column *proto.ColMap[string, string]
	parser fastjson.Parser
	seen   map[string]struct{}
	raw    []byte
}

func newMemberColumn(name, deep string) *memberColumn {
	return &memberColumn{
		name: members(name), deep: deep, column: proto.NewMap[string, string](new(proto.ColStr), new(proto.ColStr)), seen: map[string]struct{}{},
	}
}

func (c *memberColumn) pad(n int) {
	for ; c.rows < n; c.rows++ {
		c.column.AppendKV(nil)
	}
}

// set takes an object apart. Of members with one key the first counts. What cannot be read has none.
func (c *memberColumn) set(r int, document string) {
	c.pad(r)
	c.rows = r + 1
	clear(c.seen)
	var list []proto.KV[string, string]
	if v, err := c.parser.Parse(document); err == nil {
		list = c.append(list, v, "", 0)
	}
	c.column.AppendKV(list)
}

func (c *memberColumn) append(list []proto.KV[string, string], v *fastjson.Value, path string, depth int) []proto.KV[string, string] {
	o, err := v.Object()
	if err != nil {
		return list
	}
	o.Visit(func(k []byte, v *fastjson.Value) {
		key := path + string(k)
		if _, twice := c.seen[key]; twice {
			return
		}
		c.seen[key] = struct{}{}
		c.raw = v.MarshalTo(c.raw[:0])
		list = append(list, proto.KV[string, string]{Key: key, Value: string(c.raw)})
		if c.deep != "" && (depth == 1 || depth == 0 && string(k) == c.deep) {
			list = c.append(list, v, key+"\x00", depth+1)
		}
	})
	return list
}

func (c *memberColumn) reset() {
	c.rows = 0
	c.column.Reset()
}

// floorDay is the number of days since 1970 UTC of a time in microseconds.
func floorDay(us int64) int32 {
	const day = 86400e6
	return int32(math.Floor(float64(us) / day))
}
