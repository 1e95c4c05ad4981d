package posthog

import "github.com/freshet/freshet/internal/event"

// columns are the properties of the SDKs that are columns of the context.
var columns = map[string]func(c *event.Context) *string{
	"$app_name":            func(c *event.Context) *string { return &c.AppName },
	"$app_version":         func(c *event.Context) *string { return &c.AppVersion },
	"$app_build":           func(c *event.Context) *string { return &c.AppBuild },
	"$app_namespace":       func(c *event.Context) *string { return &c.AppNamespace },
	"$device_manufacturer": func(c *event.Context) *string { return &c.DeviceManufacturer },
	"$device_model":        func(c *event.Context) *string { return &c.DeviceModel },
	"$device_type":         func(c *event.Context) *string { return &c.DeviceType },
	"$os_version":          func(c *event.Context) *string { return &c.OSVersion },
	"$locale":              func(c *event.Context) *string { return &c.Locale },
	"$timezone":            func(c *event.Context) *string { return &c.Timezone },
	"$network_carrier":     func(c *event.Context) *string { return &c.Carrier },
	"$current_url":         func(c *event.Context) *string { return &c.PageURL },
	"$pathname":            func(c *event.Context) *string { return &c.PagePath },
	"$referrer":            func(c *event.Context) *string { return &c.PageReferrer },
	"utm_source":           func(c *event.Context) *string { return &c.CampaignSource },
	"utm_medium":           func(c *event.Context) *string { return &c.CampaignMedium },
	"utm_campaign":         func(c *event.Context) *string { return &c.CampaignName },
	"utm_term":             func(c *event.Context) *string { return &c.CampaignTerm },
	"utm_content":          func(c *event.Context) *string { return &c.CampaignContent },
	"$raw_user_agent":      func(c *event.Context) *string { return &c.UserAgent },
	"$ip":                  func(c *event.Context) *string { return &c.IP },
	"$lib":                 func(c *event.Context) *string { return &c.LibraryName },
	"$lib_version":         func(c *event.Context) *string { return &c.LibraryVersion },
}

// isCampaign tells whether a property is of a campaign. Pages send all of them with each event, null but for one or two.
func isCampaign(key string) bool {
	switch key {
	case "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gad_source", "mc_cid", "gclid", "gclsrc", "dclid",
		"gbraid", "wbraid", "fbclid", "msclkid", "twclid", "li_fat_id", "igshid", "ttclid", "rdt_cid", "epik", "qclid", "sccid",
		"oppref", "bfcid", "irclid", "_kx":
		return true
	}
	return false
}
