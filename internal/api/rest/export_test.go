package rest

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/freshet/freshet/internal/query"
)

// TestParquetOfPeopleIsCutIntoGroups: what is held of a file has a bound in rows and in bytes, and nobody is lost between two groups.
func TestParquetOfPeopleIsCutIntoGroups(t *testing.T) {
	traits := func(n int) json.RawMessage { return json.RawMessage(`{"t":"` + strings.Repeat("x", n) + `"}`) }
	for name, c := range map[string]struct {
		people int
		traits json.RawMessage
		// full is how many people a full group has.
		full int64
	}{
		"none":         {0, nil, groupRows},
		"one":          {1, traits(10), groupRows},
		"a full group": {groupRows, traits(10), groupRows},
		"many":         {2*groupRows + 5, nil, groupRows},
		"long traits":  {70, traits(groupBytes / 16), 16},
		"a long one":   {5, traits(groupBytes), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			x := newExport(w, asParquet, "people")
			x.columns, x.typed = personColumns, personTypes()
			for range c.people {
				must(t, x.person(&query.Person{Person: "p", Traits: c.traits}))
				if x.rows > groupRows || x.held > groupBytes+len(c.traits)+1 {
					t.Fatalf("%d rows and %d bytes are held", x.rows, x.held)
				}
			}
			must(t, x.finish())
			f, err := file.NewParquetReader(bytes.NewReader(w.Body.Bytes()))
			must(t, err)
			defer f.Close()
			left := int64(c.people)
			for i := range f.NumRowGroups() {
				n := f.RowGroup(i).NumRows()
				if n != min(left, c.full) {
					t.Errorf("group %d has %d people, want %d", i, n, min(left, c.full))
				}
				left -= n
			}
			if left != 0 || f.NumRows() != int64(c.people) {
				t.Errorf("%d people are in no group, %d in all", left, f.NumRows())
			}
		})
	}
}
