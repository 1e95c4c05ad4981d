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
	o.b = appendJSON(o.b, v)
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

// appendJSON writes a parsed value. The parser's own writer quotes text as Go does, which is not always JSON.
func appendJSON(b []byte, v *fastjson.Value) []byte {
	switch v.Type() {
	case fastjson.TypeString:
		s, _ := v.StringBytes()
		return event.AppendJSONString(b, string(s))
	case fastjson.TypeArray:
		list, _ := v.Array()
		b = append(b, '[')
		for i, item := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case fastjson.TypeObject:
		o, _ := v.Object()
		b = append(b, '{')
		first := true
		o.Visit(func(k []byte, v *fastjson.Value) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = event.AppendJSONString(b, string(k))
			b = append(b, ':')
			b = appendJSON(b, v)
		})
		return append(b, '}')
	default:
		return v.MarshalTo(b)
	}
}
