// Package enrich fills what an event leaves open about its device and place: operating system, device and browser
// from the user agent, country, region and city from the address it came from. What the SDK said itself is never
// changed, and the address is looked up and not kept.
//
// Both lookups are remembered in caches of fixed size: a fleet of phones has few user agents.
package enrich

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mileusna/useragent"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/freshet/freshet/internal/event"
)

const (
	// longestAgent is where a user agent is cut, in bytes, before it is looked at.
	longestAgent = 1024
	agentCache   = 2048
	placeCache   = 8192
)

// Enricher fills in events. It has one user at a time.
type Enricher struct {
	agents *cache[agent]
	places *cache[place]
	geo    *maxminddb.Reader
}

// agent is what a user agent says.
type agent struct {
	os, osVersion, deviceType, deviceModel, browser string
}

// place is where an address is.
type place struct {
	country, region, city string
}

// Open makes an Enricher. geoFile is a database in MaxMind's format with the fields of GeoLite2 or GeoIP2 City or
// Country; empty means no geography.
func Open(geoFile string) (*Enricher, error) {
	n := &Enricher{agents: newCache[agent](agentCache), places: newCache[place](placeCache)}
	if geoFile == "" {
		return n, nil
	}
	geo, err := maxminddb.Open(geoFile)
	if err != nil {
		return nil, fmt.Errorf("open geo file %s: %w", geoFile, err)
	}
	n.geo = geo
	return n, nil
}

// Close gives the geo file back.
func (n *Enricher) Close() error {
	if n.geo == nil {
		return nil
	}
	return n.geo.Close()
}

// Enrich fills Derived.Browser, Country, Region and City, and the empty ones of the context's os, device type and model.
func (n *Enricher) Enrich(e *event.Event) {
	c := &e.Context
	if c.UserAgent != "" {
		a := n.agent(c.UserAgent)
		e.Derived.Browser = a.browser
		if c.OSName == "" {
			c.OSName = a.os
			fill(&c.OSVersion, a.osVersion)
		} else if strings.EqualFold(c.OSName, a.os) {
			fill(&c.OSVersion, a.osVersion)
		}
		fill(&c.DeviceType, a.deviceType)
		fill(&c.DeviceModel, a.deviceModel)
	}
	if n.geo != nil && c.IP != "" {
		p := n.place(c.IP)
		e.Derived.Country, e.Derived.Region, e.Derived.City = p.country, p.region, p.city
	}
}

func fill(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

func (n *Enricher) agent(text string) *agent {
	if len(text) > longestAgent {
		text = text[:longestAgent]
	}
	if a, ok := n.agents.get(text); ok {
		return a
	}
	text = strings.Clone(text)
	return n.agents.put(text, parseAgent(text))
}

// parseAgent reads a user agent; of one whose system is not known, such as a library's, nothing is taken.
func parseAgent(text string) agent {
	ua := useragent.Parse(strings.ToValidUTF8(text, ""))
	if ua.OS == "" && !ua.Bot {
		return agent{}
	}
	a := agent{os: ua.OS, osVersion: ua.OSVersion, deviceModel: ua.Device, browser: ua.Name}
	switch {
	case ua.Bot:
		a.deviceType = "bot"
	case ua.Tablet:
		a.deviceType = "tablet"
	case ua.Mobile:
		a.deviceType = "mobile"
	case ua.Desktop:
		a.deviceType = "desktop"
	}
	return a
}

func (n *Enricher) place(address string) *place {
	if p, ok := n.places.get(address); ok {
		return p
	}
	return n.places.put(strings.Clone(address), n.find(address))
}

// record is what is read of a database's entry.
type record struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
}

// find looks an address up; one that is not an address, or is nowhere, has an empty place.
func (n *Enricher) find(address string) place {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return place{}
	}
	var r record
	if err := n.geo.Lookup(ip.Unmap().WithZone("")).Decode(&r); err != nil {
		return place{}
	}
	p := place{country: r.Country.Code, city: r.City.Names["en"]}
	if len(r.Subdivisions) > 0 {
		if p.region = r.Subdivisions[0].Names["en"]; p.region == "" {
			p.region = r.Subdivisions[0].Code
		}
	}
	return p
}
