package archive

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/internal/event"
)

// formatVersion is that of the columns below and of the manifest. Columns are only ever appended.
const formatVersion = 1

// formatKey is the name of the version among a file's own key-value pairs.
const formatKey = "freshet.archive"

// What a row is.
const (
	rowEvent  = "event"
	rowDead   = "dead"
	rowRecord = "record"
)

// The columns of text that are no field of an event, behind those that are.
const (
	textRow = fieldCount + iota
	textProtocol
	textKind
	textProperties
	textTraits
	textWire
	textCode
	textReason
	textBody
	textCount
)

const fieldCount = 36

// fields are the text fields of an event in the order of fieldNames.
func fields(e *event.Event) [fieldCount]*string {
	c := &e.Context
	return [...]*string{
		&e.Name, &e.ID, &e.UserID, &e.AnonymousID, &e.PreviousID, &e.GroupID, &e.SessionID,
		&c.AppName, &c.AppVersion, &c.AppBuild, &c.AppNamespace,
		&c.DeviceID, &c.DeviceManufacturer, &c.DeviceModel, &c.DeviceType,
		&c.OSName, &c.OSVersion, &c.Locale, &c.Timezone, &c.Carrier,
		&c.PageURL, &c.PagePath, &c.PageReferrer, &c.PageTitle, &c.PageSearch,
		&c.CampaignSource, &c.CampaignMedium, &c.CampaignName, &c.CampaignTerm, &c.CampaignContent,
		&c.UserAgent, &c.IP, &c.LibraryName, &c.LibraryVersion, &c.NetworkType, &c.Extra,
	}
}

// textNames are the columns of text, in the order of the file.
func textNames() [textCount]string {
	return [...]string{
		"event", "id", "user_id", "anonymous_id", "previous_id", "group_id", "session_id",
		"app_name", "app_version", "app_build", "app_namespace",
		"device_id", "device_manufacturer", "device_model", "device_type",
		"os", "os_version", "locale", "timezone", "carrier",
		"page_url", "page_path", "referrer", "page_title", "page_search",
		"campaign_source", "campaign_medium", "campaign_name", "campaign_term", "campaign_content",
		"user_agent", "ip", "library", "library_version", "network", "extra",
		"row", "protocol", "kind", "properties", "traits", "wire", "code", "reason", "body",
	}
}

// The columns that are no text come first in a file.
const (
	colPosition = iota
	colEvents
	colReceived
	colOriginal
	colSent
	colSentFresh
	colLinks
	colWidth
	colHeight
	colDensity
	colText
)

// layout is the schema of a file.
func layout() (*schema.GroupNode, error) {
	us := schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
	unsigned := func(bits int8) schema.LogicalType { return schema.NewIntLogicalType(bits, false) }
	var list schema.FieldList
	var failed error
	add := func(name string, rep parquet.Repetition, logical schema.LogicalType, physical parquet.Type) {
		n, err := schema.NewPrimitiveNodeLogical(name, rep, logical, physical, -1, -1)
		if err != nil {
			failed = err
		}
		list = append(list, n)
	}
	must, may := parquet.Repetitions.Required, parquet.Repetitions.Optional
	add("position", must, unsigned(64), parquet.Types.Int64)
	add("events", must, unsigned(32), parquet.Types.Int32)
	add("received", must, us, parquet.Types.Int64)
	add("original_time", may, us, parquet.Types.Int64)
	add("sent_at", may, us, parquet.Types.Int64)
	add("sent_fresh", must, schema.NoLogicalType{}, parquet.Types.Boolean)
	add("links", must, schema.NoLogicalType{}, parquet.Types.Boolean)
	add("screen_width", must, schema.NewIntLogicalType(32, true), parquet.Types.Int32)
	add("screen_height", must, schema.NewIntLogicalType(32, true), parquet.Types.Int32)
	add("screen_density", may, schema.NoLogicalType{}, parquet.Types.Double)
	for i, name := range textNames() {
		var logical schema.LogicalType = schema.StringLogicalType{}
		if i == textWire || i == textBody {
			logical = schema.NoLogicalType{}
		}
		add(name, may, logical, parquet.Types.ByteArray)
	}
	if failed != nil {
		return nil, failed
	}
	return schema.NewGroupNode("event", must, list, -1)
}

// properties are how a file is encoded. Repeated texts are left to zstd: finding them for dictionaries costs more than
// all the rest. Only columns that a reader would skip row groups by have statistics.
func properties() *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(encoderLevel),
		parquet.WithDictionaryDefault(false), parquet.WithEncodingFor("position", parquet.Encodings.DeltaBinaryPacked),
		parquet.WithStats(false), parquet.WithStatsFor("position", true), parquet.WithStatsFor("received", true),
		parquet.WithStatsFor("original_time", true), parquet.WithCreatedBy("freshet"),
	)
}
