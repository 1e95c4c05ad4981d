// Package flat makes of an event what a store keeps of it: a value for each of the built-in columns, and the properties
// that have no column of their own as one JSON object. It is the same for all stores.
package flat

import (
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// The places of the built-in columns in store.Columns.
const (
	Seq = iota
	ID
	IDText
	Kind
	Name
	Day
	Time
	Received
	Skew
	Flags
	Person
	Device
	Session
	UserID
	AnonymousID
	GroupID
	DeviceID
	SessionID
	AppName
	AppVersion
	AppBuild
	AppNamespace
	DeviceManufacturer
	DeviceModel
	DeviceType
	OS
	OSVersion
	Browser
	Locale
	Timezone
	Carrier
	Network
	Country
	Region
	City
	PageURL
	PagePath
	PageTitle
	Referrer
	CampaignSource
	CampaignMedium
	CampaignName
	Library
	LibraryVersion
	Protocol
	Traits
	Extra
	Overflow
	ColumnCount
)

// Columns take the values of rows that come one after the other. What gets none is NULL. Texts are copied.
type Columns interface {
	// Word sets a number or a time, as the 64 bits it has, UUID the id, Text a text.
	Word(column, row int, v uint64)
	UUID(column, row int, v [16]byte)
	Text(column, row int, s string)
	// Property sets a property of a type other than store.JSON; false when it has no column.
	Property(row int, t store.Type, p *event.Property) bool
}

// Events makes rows of the events of one project. Its memory is used again.
type Events struct {
	scratch []byte
	days    Days
	// loc cut the latest row's day, zone that of all of them.
	loc  *time.Location
	zone Zone
}

// Zone is that of the rows since Reset.
func (f *Events) Zone() Zone { return f.zone }

// Reset forgets the zone.
func (f *Events) Reset() { f.loc, f.zone = nil, Zone{} }

// Add writes an event, whose day is cut by loc, into a row.
func (f *Events) Add(to Columns, row int, loc *time.Location, protocol string, e *event.Event) {
	d := &e.Derived
	if loc != f.loc {
		f.loc, f.zone = loc, f.zone.With(ZoneOf(loc))
	}
	to.Word(Seq, row, d.Position)
	to.UUID(ID, row, d.Key)
	if _, isUUID := event.KeyOf(e.ID); !isUUID {
		to.Text(IDText, row, e.ID)
	}
	to.Text(Kind, row, e.Kind.String())
	to.Text(Name, row, e.Name)
	to.Word(Day, row, uint64(f.days.Of(d.Time, loc)))
	to.Word(Time, row, uint64(d.Time))
	to.Word(Received, row, uint64(d.ReceivedAt/1000*1000))
	skew := int64(0)
	if e.OriginalTime != 0 {
		skew = d.Time - e.OriginalTime
	}
	to.Word(Skew, row, uint64(skew))
	to.Word(Flags, row, uint64(d.Flags))
	to.Word(Person, row, d.Person)
	to.Word(Device, row, d.Device)
	session := uint64(0)
	if e.SessionID != "" {
		session = event.IDNumber(event.SpaceSession, e.SessionID)
	}
	to.Word(Session, row, session)
	f.context(to, row, e, protocol)
	f.properties(to, row, e)
}

func (f *Events) context(to Columns, row int, e *event.Event, protocol string) {
	c, d := &e.Context, &e.Derived
	set := func(col int, s string) {
		if s != "" {
			to.Text(col, row, s)
		}
	}
	set(UserID, e.UserID)
	set(AnonymousID, e.AnonymousID)
	set(GroupID, e.GroupID)
	set(DeviceID, c.DeviceID)
	set(SessionID, e.SessionID)
	set(AppName, c.AppName)
	set(AppVersion, c.AppVersion)
	set(AppBuild, c.AppBuild)
	set(AppNamespace, c.AppNamespace)
	set(DeviceManufacturer, c.DeviceManufacturer)
	set(DeviceModel, c.DeviceModel)
	set(DeviceType, c.DeviceType)
	set(OS, c.OSName)
	set(OSVersion, c.OSVersion)
	set(Browser, d.Browser)
	set(Locale, c.Locale)
	set(Timezone, c.Timezone)
	set(Carrier, c.Carrier)
	set(Network, c.NetworkType)
	set(Country, d.Country)
	set(Region, d.Region)
	set(City, d.City)
	set(PageURL, c.PageURL)
	set(PagePath, c.PagePath)
	set(PageTitle, c.PageTitle)
	set(Referrer, c.PageReferrer)
	set(CampaignSource, c.CampaignSource)
	set(CampaignMedium, c.CampaignMedium)
	set(CampaignName, c.CampaignName)
	set(Library, c.LibraryName)
	set(LibraryVersion, c.LibraryVersion)
	set(Protocol, protocol)
	if len(e.Traits) > 0 {
		f.scratch = appendTraits(f.scratch[:0], e.Traits)
		to.Text(Traits, row, string(f.scratch))
	}
	if x := extra(f.scratch[:0], e); len(x) > 0 {
		to.Text(Extra, row, string(x))
		f.scratch = x
	}
}

func (f *Events) properties(to Columns, row int, e *event.Event) {
	over := f.scratch[:0]
	for j := range e.Properties {
		p := &e.Properties[j]
		t, ok := store.TypeOf(p)
		if ok && t != store.JSON && to.Property(row, t, p) {
			continue
		}
		over = AppendMember(over, p)
	}
	if len(over) > 0 {
		over = append(over, '}')
		to.Text(Overflow, row, string(over))
	}
	f.scratch = over
}
