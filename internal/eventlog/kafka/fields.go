package kafka

import "github.com/freshet/freshet/internal/event"

// The numbers of the fields in proto/freshet/log/v1/event.proto.
const (
	fieldProject = iota + 1
	fieldReceivedAt
	fieldProtocol
	fieldTrace
	fieldIndex
	fieldCount
	fieldKind
	fieldName
	fieldID
	fieldUserID
	fieldAnonymousID
	fieldPreviousID
	fieldGroupID
	fieldSessionID
	fieldOriginalTime
	fieldSentAt
	fieldSentFresh
	fieldLinks
	fieldProperties
	fieldTraits
	fieldUnreadable
	fieldOpaque
	fieldAppName
	// Further texts follow, see texts.
)

const (
	fieldScreenWidth = iota + 52
	fieldScreenHeight
	fieldScreenDensity
)

const (
	propertyKey = iota + 1
	propertyOperation
	propertyBoolean
	propertyNumber
	propertyText
	propertyJSON
)

const (
	unreadableCode = iota + 1
	unreadableReason
	unreadableBody
)

// texts are the fields of an event that are text, from fieldName to fieldSessionID and from fieldAppName on, in the order of
// their numbers.
func texts(e *event.Event) (ids [7]*string, context [29]*string) {
	c := &e.Context
	return [...]*string{&e.Name, &e.ID, &e.UserID, &e.AnonymousID, &e.PreviousID, &e.GroupID, &e.SessionID}, [...]*string{
		&c.AppName, &c.AppVersion, &c.AppBuild, &c.AppNamespace,
		&c.DeviceID, &c.DeviceManufacturer, &c.DeviceModel, &c.DeviceType,
		&c.OSName, &c.OSVersion, &c.Locale, &c.Timezone, &c.Carrier,
		&c.PageURL, &c.PagePath, &c.PageReferrer, &c.PageTitle, &c.PageSearch,
		&c.CampaignSource, &c.CampaignMedium, &c.CampaignName, &c.CampaignTerm, &c.CampaignContent,
		&c.UserAgent, &c.IP, &c.LibraryName, &c.LibraryVersion, &c.NetworkType, &c.Extra,
	}
}
