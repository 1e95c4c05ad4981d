package ingest

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// Extra gathers what an SDK says of the circumstances of an event that has no column of its own.
type Extra struct {
	sink *Sink
	buf  []byte
}

// Extra begins with nothing. The names given to it must differ.
func (s *Sink) Extra() Extra { return Extra{sink: s} }

// Add keeps a value; null says nothing.
func (x *Extra) Add(key string, v *jsontree.Value) {
	if v == nil || v.Type() == jsontree.TypeNull {
		return
	}
	x.name(key)
	x.buf = x.sink.Nested(x.buf, v)
}

// AddText keeps a text.
func (x *Extra) AddText(key, text string) {
	if text != "" {
		x.name(key)
		x.buf = event.AppendJSONString(x.buf, text)
	}
}

// AddJSON keeps the text of a value that Sink.Nested or this type has written.
func (x *Extra) AddJSON(key, text string) {
	if text != "" {
		x.name(key)
		x.buf = append(x.buf, text...)
	}
}

func (x *Extra) name(key string) {
	if x.buf == nil {
		x.buf = append(x.buf, '{')
	} else {
		x.buf = append(x.buf, ',')
	}
	x.buf = append(event.AppendJSONString(x.buf, key), ':')
}

// String is the JSON object, empty when there is nothing in it.
func (x *Extra) String() string {
	if x.buf == nil {
		return ""
	}
	return alias(append(x.buf, '}'))
}
