package ingest

import (
	"net/url"
	"strconv"
	"strings"
)

// Client is the address and the user agent that the request came with.
func (s *Sink) Client() (ip, agent string) { return s.ip, s.agent }

// Page fills the context from the address of a page, which may be a path only: its parts, and the campaign that its
// query names.
func (s *Sink) Page(address string) {
	c := &s.Event.Context
	c.PageURL = address
	rest, _, _ := strings.Cut(address, "#")
	rest, search, found := strings.Cut(rest, "?")
	if found {
		c.PageSearch = address[len(rest) : len(rest)+1+len(search)]
	}
	if _, after, ok := strings.Cut(rest, "://"); ok {
		_, path, _ := strings.Cut(after, "/")
		rest = "/" + path
	}
	c.PagePath = rest
	if !strings.Contains(search, "utm_") {
		return
	}
	query, _ := url.ParseQuery(search)
	for name, column := range map[string]*string{
		"utm_source": &c.CampaignSource, "utm_medium": &c.CampaignMedium, "utm_campaign": &c.CampaignName,
		"utm_term": &c.CampaignTerm, "utm_content": &c.CampaignContent,
	} {
		if text := query.Get(name); text != "" {
			*column = header(text)
		}
	}
}

// Resolution fills the context from the size of a screen, such as "1170x2532".
func (s *Sink) Resolution(text string) bool {
	w, h, ok := strings.Cut(text, "x")
	width, errW := strconv.ParseInt(w, 10, 32)
	height, errH := strconv.ParseInt(h, 10, 32)
	if !ok || errW != nil || errH != nil {
		return false
	}
	s.Event.Context.ScreenWidth, s.Event.Context.ScreenHeight = int32(width), int32(height)
	return true
}

// Numeric is the number that a text is, if it is one that a property holds exactly as written.
func Numeric(text string) (float64, bool) {
	if len(text) == 0 || len(text) > 24 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && f > -1<<53 && f < 1<<53
}
