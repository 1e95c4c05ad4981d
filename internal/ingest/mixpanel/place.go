package mixpanel

import (
	"math"

	"github.com/freshet/freshet/internal/event"
)

// place moves a property to its column of the context and tells whether it did. One whose column is filled already,
// because two names stand for one thing, stays a property.
func (f *fields) place(p *event.Property) bool {
	switch p.Type {
	case event.String:
		if p.Str == "" {
			return false
		}
		if p.Key == "$current_url" {
			f.sink.Page(p.Str)
			return true
		}
		column := f.column(p.Key)
		if column == nil || *column != "" && *column != p.Str {
			return false
		}
		*column = p.Str
		return true
	case event.Number:
		return f.size(p)
	case event.Bool:
		if p.Key == "$wifi" && p.Num == 1 {
			f.sink.Event.Context.NetworkType = "wifi"
			return true
		}
	case event.Null, event.JSON:
	}
	return false
}

func (f *fields) column(key string) *string {
	c := &f.sink.Event.Context
	switch key {
	case "$os":
		return &c.OSName
	case "$os_version":
		return &c.OSVersion
	case "$model", "$device":
		return &c.DeviceModel
	case "$manufacturer", "$brand":
		return &c.DeviceManufacturer
	case "$device_type":
		return &c.DeviceType
	case "$app_version_string", "$app_version":
		return &c.AppVersion
	case "$app_build_number", "$app_release":
		return &c.AppBuild
	case "$app_name":
		return &c.AppName
	case "$app_namespace":
		return &c.AppNamespace
	case "$carrier":
		return &c.Carrier
	case "$locale":
		return &c.Locale
	case "$timezone":
		return &c.Timezone
	case "$referrer":
		return &c.PageReferrer
	case "$user_agent":
		return &c.UserAgent
	case "mp_lib":
		return &c.LibraryName
	case "$lib_version":
		return &c.LibraryVersion
	case "ip", "$ip":
		return &c.IP
	}
	return f.page(key)
}

func (f *fields) page(key string) *string {
	c := &f.sink.Event.Context
	switch key {
	case "current_page_title":
		return &c.PageTitle
	case "current_url_path":
		return &c.PagePath
	case "current_url_search":
		return &c.PageSearch
	case "utm_source":
		return &c.CampaignSource
	case "utm_medium":
		return &c.CampaignMedium
	case "utm_campaign":
		return &c.CampaignName
	case "utm_term":
		return &c.CampaignTerm
	case "utm_content":
		return &c.CampaignContent
	}
	return nil
}

// size reads the numbers of the screen.
func (f *fields) size(p *event.Property) bool {
	if p.Num != math.Trunc(p.Num) || p.Num < 0 || p.Num > math.MaxInt32 {
		return false
	}
	c := &f.sink.Event.Context
	switch p.Key {
	case "$screen_width":
		c.ScreenWidth = int32(p.Num)
	case "$screen_height":
		c.ScreenHeight = int32(p.Num)
	default:
		return false
	}
	return true
}
