package ingest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/freshet/freshet/internal/event"
)

// pixel is a transparent GIF of one pixel.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// Pixel answers a request that a page made for an image.
func Pixel(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(pixel))
}

// QueryObject is a query, or a form, as a JSON object of texts; of a name that comes twice the first counts.
func QueryObject(query url.Values) []byte {
	b := []byte{'{'}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(event.AppendJSONString(b, key), ':')
		b = event.AppendJSONString(b, query.Get(key))
	}
	return append(b, '}')
}
