package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Checksum says what events of a project were received on a day. Stores of the same log at the same position have the same, whatever
// their engine, the order of their rows and columns, and columns that no row has a value in.
type Checksum struct {
	// Day of receipt, in days since 1970-01-01, UTC.
	Day    int64
	Events int64
	// Sent adds up, without regard to overflow, the XXH64 of each event's position and of what was sent, by column. Derived does so
	// for that hash and what was worked out when the event was processed: person, corrected time, place, device. A newer version,
	// another geo file, or a device's clock that was measured again after a restart may work that out otherwise.
	Sent, Derived uint64
}

// derived are the columns that processing fills.
var derived = map[string]bool{ //nolint:gochecknoglobals // a list that nobody changes
	"day": true, "time": true, "skew": true, "flags": true, "person": true, "device": true, "session": true,
	"device_manufacturer": true, "device_model": true, "device_type": true, "os": true, "os_version": true, "browser": true,
	"country": true, "region": true, "city": true,
}

// Checksums has every value of every event of a cut read, but for events of days before from (days since 1970-01-01, project's
// zone), and returns them by day of receipt.
func Checksums(ctx context.Context, c Cut, from int64) ([]Checksum, error) {
	names := c.Schema().AllColumns()
	received := slices.Index(names, "received")
	sql := "SELECT " + strings.Join(names, ", ") + " FROM " + c.Events(names...) + " WHERE day >= " + c.Dialect().Parameter(1, from)
	days := map[int64]*Checksum{}
	var sent, worked []byte
	for row, err := range c.Rows(ctx, sql, from) {
		if err != nil {
			return nil, fmt.Errorf("read checksums: %w", err)
		}
		at, ok := row[received].(time.Time)
		if !ok {
			return nil, fmt.Errorf("read checksums: an event was received at %v", row[received])
		}
		sent, worked = sent[:0], worked[:0]
		for i, v := range row {
			if v == nil {
				continue
			}
			to := &sent
			if derived[names[i]] {
				to = &worked
			}
			if *to, err = appendValue(appendText(*to, names[i]), v); err != nil {
				return nil, fmt.Errorf("checksum of column %s: %w", names[i], err)
			}
		}
		day := at.Unix() / 86_400
		if days[day] == nil {
			days[day] = &Checksum{Day: day}
		}
		d := days[day]
		d.Events++
		own := xxhash.Sum64(sent)
		d.Sent += own
		d.Derived += xxhash.Sum64(binary.LittleEndian.AppendUint64(worked, own))
	}
	out := make([]Checksum, 0, len(days))
	for _, day := range slices.Sorted(maps.Keys(days)) {
		out = append(out, *days[day])
	}
	return out, nil
}

// appendValue writes a value so that no two of one column look the same.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendText(b, v), nil
	case int64:
		return binary.AppendVarint(b, v), nil
	case uint64:
		return binary.AppendUvarint(b, v), nil
	case float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v+0)), nil // -0 is 0
	case bool:
		if v {
			return append(b, 1), nil
		}
		return append(b, 0), nil
	case time.Time:
		return binary.AppendVarint(b, v.UnixMicro()), nil
	default:
		return nil, fmt.Errorf("a value of type %T is none of a store", v)
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
