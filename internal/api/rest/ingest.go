package rest

import (
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// sentEvent is one event in Freshet's own format, for the document only: ingest reads it.
type sentEvent struct {
	Event       string         `json:"event" doc:"What happened, in the app's words." example:"purchase"`
	ID          string         `json:"id,omitempty" doc:"Makes sending it again harmless; without one it is made from the content."`
	Kind        string         `json:"kind,omitempty" enum:"track,page,screen,identify,group,alias" doc:"What sort of event it is; default track."`
	UserID      string         `json:"user_id,omitempty" doc:"Who it was, once the app knows. This or anonymous_id is needed." example:"u-17"`
	AnonymousID string         `json:"anonymous_id,omitempty" doc:"The installation, before the app knows who it is."`
	PreviousID  string         `json:"previous_id,omitempty" doc:"For alias: the id that becomes user_id."`
	GroupID     string         `json:"group_id,omitempty" doc:"The group that the person belongs to."`
	SessionID   string         `json:"session_id,omitempty" doc:"The session, if the app keeps count."`
	Timestamp   *time.Time     `json:"timestamp,omitempty" doc:"When it happened by the device's clock; default now."`
	SentAt      *time.Time     `json:"sent_at,omitempty" doc:"When it was sent by the device's clock, which corrects timestamp."`
	Properties  map[string]any `json:"properties,omitempty" doc:"What there is to say of the event."`
	Traits      map[string]any `json:"traits,omitempty" doc:"For identify and group: what there is to say of the person or group."`
	TraitOps    map[string]any `json:"trait_ops,omitempty" doc:"Traits that are not just set, by operation: set_once, add, append, prepend, union, remove, unset, multiply, max, min, prepend_new, clear."`
	Context     map[string]any `json:"context,omitempty" doc:"Device, app, page and campaign, nested as in Segment's format."`
}

type sentAnswer struct {
	Accepted int          `json:"accepted" doc:"Events that were taken. They are on disk."`
	Rejected int          `json:"rejected" doc:"Events that were set aside as dead letters."`
	Position uint64       `json:"position" doc:"Given as consistent_with to a question, it makes all of them count."`
	Results  []sentResult `json:"results" doc:"What became of each, in order."`
}

type sentResult struct {
	Index  int    `json:"index" doc:"The event's place in the request."`
	Status string `json:"status" enum:"accepted,rejected" doc:"What became of it."`
	Code   string `json:"code,omitempty" doc:"Why it was rejected, for programs."`
	Reason string `json:"reason,omitempty" doc:"Why it was rejected, for people."`
}

// documentIngest describes the route that events come in by. It belongs to ingest, but whoever reads the document wants
// to send something first.
func (a *API) documentIngest() {
	op := &huma.Operation{
		OperationID: "send-events", Method: http.MethodPost, Path: "/v1/events", Tags: []string{"events"},
		Summary: "Send events",
		Description: "Takes an array of events, one event, or an event a line, plain or compressed (gzip, zstd). The answer comes after they " +
			"are on disk. An event that cannot be read is set aside with its reason and does not keep the others out. " +
			"SDKs of Segment send to POST /v1/batch and its siblings instead.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {
			Schema: &huma.Schema{Type: huma.TypeArray, Items: a.schema(reflect.TypeFor[sentEvent]())},
			Example: []any{map[string]any{
				"event": "purchase", "id": "2f1c9c5e-6b1e-4b8e-9d51-6a1f0c7b9f10", "user_id": "u-17", "properties": map[string]any{"amount": 19.9},
			}},
		}}},
		Responses: map[string]*huma.Response{"200": {Description: "What became of them.", Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.schema(reflect.TypeFor[sentAnswer]())},
		}}},
		Errors: []int{http.StatusRequestEntityTooLarge, http.StatusTooManyRequests},
	}
	document(a, op, "write")
	delete(op.Responses, "404")
	a.huma.OpenAPI().AddOperation(op)
}
