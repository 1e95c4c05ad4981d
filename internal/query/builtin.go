package query

// SchemaColumn is a property that every project has.
type SchemaColumn struct {
	Name string `json:"name"`
	// Type is "text".
	Type        string `json:"type"`
	Description string `json:"description"`
}

func schemaColumns() []SchemaColumn {
	described := [...][2]string{
		{"$event", "Name of the event"},
		{"$kind", "Call of the SDK: track, page, screen, identify, group or alias"},
		{"$user_id", "Id of the signed-in user, as the app sent it"},
		{"$anonymous_id", "Id the SDK made up for the installation"},
		{"$group_id", "Id of the group or account, as the app sent it"},
		{"$country", "Country by the address of the client, as two letters"},
		{"$region", "State or province by the address of the client"},
		{"$city", "City by the address of the client"},
		{"$os", "Operating system of the device"},
		{"$os_version", "Version of the operating system"},
		{"$app_name", "Name of the app"},
		{"$app_version", "Version of the app"},
		{"$app_build", "Build number of the app"},
		{"$app_namespace", "Bundle or package identifier of the app"},
		{"$device_manufacturer", "Maker of the device"},
		{"$device_model", "Model of the device"},
		{"$device_type", "Sort of device, such as ios, android, mobile or desktop"},
		{"$browser", "Browser, by the user agent"},
		{"$locale", "Language and region set on the device"},
		{"$timezone", "Time zone set on the device"},
		{"$carrier", "Mobile operator"},
		{"$network", "Connection: wifi, cellular or bluetooth"},
		{"$page_url", "Full address of the page"},
		{"$page_path", "Path of the page's address"},
		{"$page_title", "Title of the page"},
		{"$referrer", "Address of the page before"},
		{"$campaign_source", "Where the campaign sent people from (utm_source)"},
		{"$campaign_medium", "Sort of link the campaign used (utm_medium)"},
		{"$campaign_name", "Name of the campaign (utm_campaign)"},
		{"$library", "SDK that sent the event"},
		{"$library_version", "Version of the SDK"},
		{"$protocol", "Wire format the event came in"},
	}
	out := make([]SchemaColumn, len(described))
	for i, d := range described {
		out[i] = SchemaColumn{Name: d[0], Type: "text", Description: d[1]}
	}
	return out
}
