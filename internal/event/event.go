// Package event is Freshet's vocabulary: what one event is, after a protocol's decoder has read it and before a
// store has laid it out in columns. It holds the types, their binary form in the log (codec.go), the 64-bit numbers
// that stand for ids (id.go) and the kinds of errors (kind.go). It imports nothing else of the project.
//
// There is one shape of an event all the way: ingest fills the fields "as sent", process fills Derived, the store
// writes columns. Strings of a decoded event may alias the buffer they were read from; whoever keeps an event beyond
// the call that handed it out must copy it.
package event

// Kind says which call of an SDK an event comes from. The numbers are part of the log's format: only append.
type Kind uint8

// The kinds of events. Track is everything an app names itself; the others have reserved names (see Kind.Name).
const (
	Track Kind = iota
	Page
	Screen
	Identify
	Group
	Alias
	// Unlink is no event of an app, and never becomes a row: an operator takes the one id that it carries out of the person
	// that the id was linked to. It is alone in its record.
	Unlink
	kinds
)

var kindNames = [...]string{"track", "page", "screen", "identify", "group", "alias", "unlink"}

// String is the lower-case word of the kind, as it stands in the API and in the store.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// Reserved event names of the kinds that carry no name of their own. They begin with a dollar sign so that they
// cannot meet an app's own names by accident.
const (
	NamePage     = "$page"
	NameScreen   = "$screen"
	NameIdentify = "$identify"
	NameGroup    = "$group"
	NameAlias    = "$alias"
	NameUnlink   = "$unlink"
)

// Event is one event. Times are microseconds since the Unix epoch, UTC; 0 means absent. Strings are valid UTF-8
// without NUL; empty means absent.
type Event struct {
	Kind Kind
	// Name is what happened: the app's own name for Track, a reserved name for the other kinds (for Page and
	// Screen the name given by the SDK is the property "name").
	Name string
	// ID is the idempotency key within a project, as the SDK sent it, or one made from the content when it sent none.
	ID          string
	UserID      string
	AnonymousID string
	// PreviousID is the id an Alias call merges into UserID.
	PreviousID string
	GroupID    string
	SessionID  string
	// OriginalTime is the client's clock when the event happened, as sent.
	OriginalTime int64
	// SentAt is the client's clock when the request was sent, as sent; 0 when unknown.
	SentAt int64
	// SentFresh tells that the SDK stamps SentAt anew at each try, so that it may be trusted for clock correction.
	SentFresh bool
	// Links tells that the SDK means the user id and the anonymous id of the event to be one person, as an Identify does.
	Links bool

	Context    Context
	Properties []Property
	// Traits are properties of the group (Group) or of the person (all other kinds), or changes of these: see Property.Op.
	// A name may be there once for each operation.
	Traits []Property

	Derived Derived
}

// Context is what the SDK says of the device, the app and the place the event comes from.
type Context struct {
	AppName, AppVersion, AppBuild, AppNamespace string
	DeviceID, DeviceManufacturer, DeviceModel   string
	DeviceType                                  string
	OSName, OSVersion                           string
	Locale, Timezone, Carrier                   string
	PageURL, PagePath, PageReferrer, PageTitle  string
	PageSearch                                  string
	CampaignSource, CampaignMedium              string
	CampaignName, CampaignTerm, CampaignContent string
	UserAgent, IP                               string
	LibraryName, LibraryVersion                 string
	// NetworkType is "wifi", "cellular" or "bluetooth".
	NetworkType               string
	ScreenWidth, ScreenHeight int32
	ScreenDensity             float64
	// Extra holds context fields that have no column of their own, as one JSON object; empty when there are none.
	Extra string
}

// Derived is what process works out of an event; it is never written to the log.
type Derived struct {
	// Position is the event's place in the log.
	Position uint64
	// ReceivedAt is the server's clock when the request arrived.
	ReceivedAt int64
	// Time is the corrected event time.
	Time int64
	// Key is the 128-bit form of ID.
	Key Key
	// Person is the number of the person (IDNumber of the canonical id, links resolved).
	Person uint64
	// Span is, for an anonymous event of an id that belongs to a user, the number of the time that it is of: from one user of the
	// id to the next. It is 0 otherwise.
	Span uint64
	// Device is the number of the device the event comes from, or of the user when there is no device.
	Device  uint64
	Flags   Flags
	Country string
	Region  string
	City    string
	Browser string
}

// Flags mark what process found odd about an event. The bits are stored: only append.
type Flags uint8

// The flags.
const (
	// FlagFuture: the event time lay more than a day ahead and was replaced by the time of receipt.
	FlagFuture Flags = 1 << iota
	// FlagSkewCorrected: the device's clock was off by a minute or more and was corrected.
	FlagSkewCorrected
	// FlagNoTime: the client sent no usable time; the time of receipt is used.
	FlagNoTime
	// FlagBadIdentity: the id given stands for nobody ("null", "undefined", zeros, ...) and was ignored.
	FlagBadIdentity
	// FlagMadeID: the SDK sent no id; one was made from the content.
	FlagMadeID
	// FlagTruncated: a string was longer than the limit and was cut.
	FlagTruncated
)

// ValueType is the type of a property's value. The numbers are part of the log's format: only append.
type ValueType uint8

// The value types. JSON is anything nested, and numbers a float64 cannot hold exactly.
const (
	Null ValueType = iota
	Bool
	Number
	String
	JSON
)

// Op is an operation on a trait. The numbers are part of the log's format: only append, up to 15.
type Op uint8

// The operations. Questions see what Set, SetOnce, Unset and Clear make of a person; the others are kept and shown.
const (
	// Set gives the trait the value.
	Set Op = iota
	// SetOnce does so unless the trait has a value.
	SetOnce
	// Add and Multiply compute with a number, Max and Min keep the larger or the smaller one.
	Add
	// Append and Prepend add a value to a list, Union and PrependNew only one that is not in it, Remove takes it out.
	Append
	Prepend
	Union
	Remove
	// Unset takes the trait away; its value means nothing.
	Unset
	Multiply
	Max
	Min
	PrependNew
	// Clear takes all traits away; its name and its value mean nothing.
	Clear
	ops
)

var opNames = [...]string{
	"set", "set_once", "add", "append", "prepend", "union", "remove", "unset", "multiply", "max", "min", "prepend_new", "clear",
}

// String is the word of the operation, as it stands in the API and in the store.
func (o Op) String() string {
	if o < ops {
		return opNames[o]
	}
	return "unknown"
}

// OpOf is the operation with a word.
func OpOf(word string) (Op, bool) {
	for i, name := range opNames {
		if name == word {
			return Op(i), true
		}
	}
	return 0, false
}

// Property is a named value.
type Property struct {
	Key  string
	Type ValueType
	// Op is what a trait does to the one of that name that is there; it is Set for everything but traits.
	Op Op
	// Num is the value of a Number, and 1 or 0 for a Bool.
	Num float64
	// Str is the text of a String, or the raw text of a JSON value.
	Str string
}

// Reset empties e for reuse and keeps its slices' memory.
func (e *Event) Reset() {
	p, t := e.Properties[:0], e.Traits[:0]
	*e = Event{Properties: p, Traits: t}
}
