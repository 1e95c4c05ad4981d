package ingest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
	"github.com/freshet/freshet/internal/store"
)

// Protocol is one SDK family's wire format: pure decoding and answering, no I/O. What a format may need beyond it is
// asked for by implementing Getter, Headed, Claimer or Refuser as well.
type Protocol interface {
	// Name is the word kept with each event, such as "segment", and the prefix under which the protocol has all its
	// paths to itself: /segment/v1/batch.
	Name() string
	// Paths are the POST paths it is served on, without trailing slash.
	Paths() []string
	// Decode reads a body into the sink. Its error is an *event.Error and concerns the request as a whole; an
	// event that cannot be used goes to Sink.Dead.
	Decode(r *Request, s *Sink) error
	// Answer writes the success answer. The request, and what JSON and Parse made of it, can still be read.
	Answer(w http.ResponseWriter, r *Request, s *Sink)
	// Envelope is a body for the first of Paths with one event in it, given as the bytes that Sink.Dead got.
	Envelope(event []byte) []byte
}

// Getter is a protocol that also takes events by GET, in the query. Its bodies may be empty, whatever the method.
type Getter interface {
	// GetPaths are the paths served by GET, without trailing slash.
	GetPaths() []string
}

// Headed is a protocol whose requests may say all they have to say in their headers, and have an empty body then.
type Headed interface {
	Headed(h http.Header) bool
}

// Claimer is a protocol that shares paths with others and knows its own requests. The protocols of a path are asked in
// the order in which they were registered; what none claims is for the last one that is no Claimer, otherwise for the
// last one. When a body could not be read, it is asked with an empty one, so that the refusal has the right form.
type Claimer interface {
	Claims(r *Request) bool
}

// Refuser is a protocol with error answers of its own; others get WriteError. RetryAfter sets what every refusal needs
// that may pass. The request's body is empty when it could not be read.
type Refuser interface {
	Refuse(w http.ResponseWriter, r *Request, e *event.Error)
}

// Keys resolves write keys. Errors are *event.Error: Unauthorized for a key nothing is known of, Unavailable when
// that cannot be told at the moment.
type Keys interface {
	WriteKey(ctx context.Context, key string) (store.ProjectID, error)
}

// Request is what a decoder gets to see.
type Request struct {
	Method string
	// Path is without the protocol's prefix and without trailing slash; "/" for the root.
	Path string
	// Query is nil when there is none.
	Query  url.Values
	Header http.Header
	Body   []byte
	// Key is the write key of the Authorization header; a decoder replaces it when the body carries one and it is empty.
	Key    string
	Limits Limits
	Parser *jsontree.Parser
	// ReceivedAt is the server's clock in microseconds when the body had arrived.
	ReceivedAt int64

	sink *Sink
	json parsed
	// form and inner are what Form and Parse returned last: who chooses the protocol asks for the same as the decoder.
	form  parsedForm
	inner parsedText
	// used tells that Parser holds values that must stay.
	used bool
}

type parsed struct {
	value *jsontree.Value
	err   error
	done  bool
	// plain tells that the text is ASCII without escapes and NUL.
	plain bool
}

type parsedForm struct {
	values   url.Values
	ok, done bool
}

type parsedText struct {
	parsed

	text string
	json []byte
}

// Limits bound a request. Each has a clear error.
type Limits struct {
	// Body and Event are in bytes, after decompression; Depth is the nesting of an event, Batch the number of events.
	Body, Event, Depth, Batch int
	// Properties is the number of properties of one event, Name the length of an event name in bytes.
	Properties, Name int
	// InFlight bounds the bytes of all bodies being worked on.
	InFlight int64
	// ProjectRate and DeviceRate bound the events a second of a project that has no rate of its own, and of a device; 0 for no
	// bound.
	ProjectRate, DeviceRate int
	// Weights are the parts of the server's capacity that projects have, other than 1.
	Weights map[uint32]float64
}

// DefaultLimits are 32 MB a body, 1 MB an event, nesting 32, 10,000 events a batch and 128 MB in flight.
func DefaultLimits() Limits {
	return Limits{Body: 32 << 20, Event: 1 << 20, Depth: 32, Batch: 10_000, Properties: 1000, Name: 512, InFlight: 128 << 20}
}
