package query

import (
	"math"
	"strconv"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
)

// object writes a JSON object member by member; an object without members is nil.
type object struct{ b []byte }

func (o *object) key(k string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = event.AppendJSONString(o.b, k)
	o.b = append(o.b, ':')
}

// text writes a member unless it is empty.
func (o *object) text(k, s string) {
	if s != "" {
		o.key(k)
		o.b = event.AppendJSONString(o.b, s)
	}
}

// object writes a member unless it has no members itself.
func (o *object) object(k string, m object) {
	if body := m.close(); body != nil {
		o.key(k)
		o.b = append(o.b, body...)
	}
}

// value writes a value as Cut.Rows hands it out.
func (o *object) value(k string, v any) {
	o.key(k)
	switch v := v.(type) {
	case float64:
		o.b = appendNumber(o.b, v)
	case bool:
		o.b = strconv.AppendBool(o.b, v)
	case time.Time:
		o.b = append(o.b, '"')
		o.b = v.AppendFormat(o.b, timeForm)
		o.b = append(o.b, '"')
	case string:
		o.b = event.AppendJSONString(o.b, v)
	default:
		o.b = append(o.b, "null"...)
	}
}

// timeForm is the one form of text that is kept in a column of times; see store.ParseTime.
const timeForm = "2006-01-02T15:04:05.000Z"

// json writes a parsed value. Numbers keep their text.
func (o *object) json(k string, v *fastjson.Value) {
	o.key(k)
	o.b = event.AppendJSON(o.b, v)
}

func (o *object) close() []byte {
	if len(o.b) == 0 {
		return nil
	}
	return append(o.b, '}')
}

// appendNumber writes a number the way JavaScript does; what JSON has no number for is null.
func appendNumber(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
