package query_test

import (
	"slices"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// deviceZones are what devices say of their zone: names of zones, some of them with half hours or beyond the date line, and what is none.
var (
	realZones   = append([]string{"Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Pacific/Apia", "Pacific/Pago_Pago"}, zones...)
	rubbish     = []string{"", "", "Mars/Base", "europe/berlin", "Local", "UTC+2", "../UTC", "it's"}
	deviceZones = append(append([]string{}, rubbish...), realZones...)
)

// questionZones are what questions ask in.
var questionZones = append([]string{"", "", "device", "device", "device"}, zones...)

// zoneNamed is the zone of a question; the clocks of devices are read as if they showed UTC.
func zoneNamed(name string) *time.Location {
	if name == "device" {
		return time.FixedZone("device", 0)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// stands is where an event stands in a question with a time zone: for the clocks of devices, where that of the event stood.
func (o *oracle) stands(e *event.Event, timezone string) int64 {
	if timezone != "device" {
		return e.Derived.Time
	}
	zone := o.scope.Zone
	if slices.Contains(realZones, e.Context.Timezone) {
		zone = zoneNamed(e.Context.Timezone)
	}
	t := time.UnixMicro(e.Derived.Time).In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).UnixMicro()
}

// over is by when an interval has to end to be over in a question with a time zone: on the slowest clock, which is twelve hours behind.
func over(now time.Time, timezone string) time.Time {
	if timezone == "device" {
		return now.Add(-12 * time.Hour)
	}
	return now
}
