package duckdb

import (
	"math"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// batch is what has been added since the last commit.
type batch struct {
	projects map[store.ProjectID]*rows
	order    []*rows
	dead     []store.DeadLetter
	links    []store.Link
	// unlink is alone in its batch.
	unlink *store.Unlink
	counts map[ledgerKey]store.Counts
	sdks   map[ledgerKey]sdkCounts
	newest int64
}

type ledgerKey struct {
	project store.ProjectID
	hour    int64
}

// rows are the open batch's columns of one project.
type rows struct {
	table   *table
	n       int
	builtin []column
	props   []column
	scratch []byte
	cutter  *dayCutter
	// follows are, in one more than its number, the number plus 1 of the property column that came behind each the last time, in
	// 0 that of the first: events of a kind mostly have their properties in the same order.
	follows []int
	// loc cut the latest row's day, zone that of all of them.
	loc  *time.Location
	zone dayZone
}

func newRows(t *table) *rows {
	r := &rows{table: t, builtin: make([]column, len(store.Columns)), cutter: &dayCutter{}}
	for i, c := range store.Columns {
		r.builtin[i] = column{name: c.Name, typ: c.Type}
	}
	return r
}

func (r *rows) reset() {
	r.n, r.loc, r.zone = 0, nil, dayZone{}
	for i := range r.builtin {
		r.builtin[i].reset()
	}
	for i := range r.props {
		r.props[i].reset()
	}
}

// The places of the built-in columns in store.Columns; TestColumnPlaces holds the two together.
const (
	colSeq = iota
	colID
	colIDText
	colKind
	colEvent
	colDay
	colTime
	colReceived
	colSkew
	colFlags
	colPerson
	colDevice
	colSession
	colUserID
	colAnonymousID
	colGroupID
	colDeviceID
	colSessionID
	colAppName
	colAppVersion
	colAppBuild
	colAppNamespace
	colDeviceManufacturer
	colDeviceModel
	colDeviceType
	colOS
	colOSVersion
	colBrowser
	colLocale
	colTimezone
	colCarrier
	colNetwork
	colCountry
	colRegion
	colCity
	colPageURL
	colPagePath
	colPageTitle
	colReferrer
	colCampaignSource
	colCampaignMedium
	colCampaignName
	colLibrary
	colLibraryVersion
	colProtocol
	colTraits
	colExtra
	colOverflow
	columnCount
)

// Add implements store.Writer.
func (s *Store) Add(project store.ProjectID, loc *time.Location, protocol string, e *event.Event) {
	r := s.batch.rows(s, project)
	i := r.n
	r.n++
	d := &e.Derived
	if d.ReceivedAt > s.batch.newest {
		s.batch.newest = d.ReceivedAt
	}
	s.persons.add(d.Person)
	if loc != r.loc {
		r.loc, r.zone = loc, r.zone.with(zoneOf(loc))
	}

	b := r.builtin
	b[colSeq].word(i, d.Position)
	b[colID].uuid(i, d.Key)
	if _, isUUID := event.KeyOf(e.ID); !isUUID {
		b[colIDText].text(i, e.ID)
	}
	b[colKind].text(i, e.Kind.String())
	b[colEvent].text(i, e.Name)
	b[colDay].word(i, uint64(r.cutter.day(d.Time, loc)))
	b[colTime].word(i, uint64(d.Time))
	b[colReceived].word(i, uint64(d.ReceivedAt/1000*1000))
	skew := int64(0)
	if e.OriginalTime != 0 {
		skew = d.Time - e.OriginalTime
	}
	b[colSkew].word(i, uint64(skew))
	b[colFlags].word(i, uint64(d.Flags))
	b[colPerson].word(i, d.Person)
	b[colDevice].word(i, d.Device)
	session := uint64(0)
	if e.SessionID != "" {
		session = event.IDNumber(event.SpaceSession, e.SessionID)
	}
	b[colSession].word(i, session)
	r.context(i, e, protocol)
	r.properties(i, e)
}

func (r *rows) context(i int, e *event.Event, protocol string) {
	c, d, b := &e.Context, &e.Derived, r.builtin
	set := func(col int, s string) {
		if s != "" {
			b[col].text(i, s)
		}
	}
	set(colUserID, e.UserID)
	set(colAnonymousID, e.AnonymousID)
	set(colGroupID, e.GroupID)
	set(colDeviceID, c.DeviceID)
	set(colSessionID, e.SessionID)
	set(colAppName, c.AppName)
	set(colAppVersion, c.AppVersion)
	set(colAppBuild, c.AppBuild)
	set(colAppNamespace, c.AppNamespace)
	set(colDeviceManufacturer, c.DeviceManufacturer)
	set(colDeviceModel, c.DeviceModel)
	set(colDeviceType, c.DeviceType)
	set(colOS, c.OSName)
	set(colOSVersion, c.OSVersion)
	set(colBrowser, d.Browser)
	set(colLocale, c.Locale)
	set(colTimezone, c.Timezone)
	set(colCarrier, c.Carrier)
	set(colNetwork, c.NetworkType)
	set(colCountry, d.Country)
	set(colRegion, d.Region)
	set(colCity, d.City)
	set(colPageURL, c.PageURL)
	set(colPagePath, c.PagePath)
	set(colPageTitle, c.PageTitle)
	set(colReferrer, c.PageReferrer)
	set(colCampaignSource, c.CampaignSource)
	set(colCampaignMedium, c.CampaignMedium)
	set(colCampaignName, c.CampaignName)
	set(colLibrary, c.LibraryName)
	set(colLibraryVersion, c.LibraryVersion)
	set(colProtocol, protocol)
	if len(e.Traits) > 0 {
		r.scratch = appendTraits(r.scratch[:0], e.Traits)
		b[colTraits].text(i, string(r.scratch))
	}
	if extra := extraOf(r.scratch[:0], e); len(extra) > 0 {
		b[colExtra].text(i, string(extra))
		r.scratch = extra
	}
}

// extraOf gathers what has no column of its own into one JSON object, so that nothing an SDK sent is dropped.
func extraOf(b []byte, e *event.Event) []byte {
	c := &e.Context
	text := func(key, s string) {
		if s != "" {
			b = appendMember(b, &event.Property{Key: key, Type: event.String, Str: s})
		}
	}
	number := func(key string, v float64) {
		if v != 0 {
			b = appendMember(b, &event.Property{Key: key, Type: event.Number, Num: v})
		}
	}
	text("previous_id", e.PreviousID)
	text("page_search", c.PageSearch)
	text("campaign_term", c.CampaignTerm)
	text("campaign_content", c.CampaignContent)
	number("screen_width", float64(c.ScreenWidth))
	number("screen_height", float64(c.ScreenHeight))
	number("screen_density", c.ScreenDensity)
	if c.Extra != "" {
		b = appendMember(b, &event.Property{Key: "context", Type: event.JSON, Str: c.Extra})
	}
	if len(b) > 0 {
		b = append(b, '}')
	}
	return b
}

func (r *rows) properties(i int, e *event.Event) {
	over, last := r.scratch[:0], -1
	for j := range e.Properties {
		p := &e.Properties[j]
		t, ok := store.TypeOf(p)
		if ok && t != store.JSON {
			if n := r.columnOf(last, p.Key, t); n >= 0 && r.prop(n).rows <= i {
				last = n
				c := r.prop(n)
				switch t {
				case store.Float:
					c.word(i, math.Float64bits(p.Num))
				case store.Boolean:
					c.boolean(i, p.Num != 0)
				case store.Time:
					us, _ := store.ParseTime(p.Str)
					c.word(i, uint64(us))
				default:
					c.text(i, p.Str)
				}
				continue
			}
		}
		over = appendMember(over, p)
	}
	if len(over) > 0 {
		over = append(over, '}')
		r.builtin[colOverflow].text(i, string(over))
	}
	r.scratch = over
}

// columnOf is the table's for a property behind that of the column before, which is -1 for the first.
func (r *rows) columnOf(before int, key string, typ store.Type) int {
	for len(r.follows) <= before+1 {
		r.follows = append(r.follows, 0)
	}
	if n := r.follows[before+1] - 1; n >= 0 && r.table.props[n].Type == typ && r.table.props[n].Key == key {
		return n
	}
	n := r.table.columnOf(key, typ)
	r.follows[before+1] = n + 1
	return n
}

// prop is the n-th property column of the batch; columns appear as the table gets them.
func (r *rows) prop(n int) *column {
	for len(r.props) <= n {
		p := r.table.props[len(r.props)]
		r.props = append(r.props, column{name: p.Column, typ: p.Type})
	}
	return &r.props[n]
}

// AddDead implements store.Writer.
func (s *Store) AddDead(d store.DeadLetter) {
	if d.ReceivedAt > s.batch.newest {
		s.batch.newest = d.ReceivedAt
	}
	d.Body = append([]byte(nil), d.Body...)
	s.batch.dead = append(s.batch.dead, d)
}

// AddLink implements store.Writer.
func (s *Store) AddLink(l store.Link) { s.batch.links = append(s.batch.links, l) }

// Unlink implements store.Writer.
func (s *Store) Unlink(u store.Unlink) { s.batch.unlink = &u }

// Count implements store.Writer.
func (s *Store) Count(project store.ProjectID, hour int64, c store.Counts) {
	k := ledgerKey{project, hour}
	s.batch.counts[k] = s.batch.counts[k].Plus(c)
}

func (b *batch) rows(s *Store, project store.ProjectID) *rows {
	r := b.projects[project]
	if r == nil {
		r = newRows(s.table(project))
		b.projects[project] = r
	}
	if r.n == 0 {
		b.order = append(b.order, r)
	}
	return r
}

func (b *batch) reset() {
	for _, r := range b.order {
		r.reset()
	}
	b.unlink = nil
	b.order, b.dead, b.links = b.order[:0], b.dead[:0], b.links[:0]
	clear(b.counts)
	clear(b.sdks)
}

// appendMember appends one member of a JSON object and opens the object before the first.
func appendMember(b []byte, p *event.Property) []byte {
	if len(b) == 0 {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	b = event.AppendJSONString(b, p.Key)
	b = append(b, ':')
	switch p.Type {
	case event.Bool:
		return strconv.AppendBool(b, p.Num != 0)
	case event.Number:
		return strconv.AppendFloat(b, p.Num, 'g', -1, 64)
	case event.String:
		return event.AppendJSONString(b, p.Str)
	case event.JSON:
		return append(b, p.Str...)
	default:
		return append(b, "null"...)
	}
}
