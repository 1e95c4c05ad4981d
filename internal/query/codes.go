package query

import (
	"strconv"
	"strings"
	"sync"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// maxCodes bounds how many values a breakdown of a behavioural question may meet.
const maxCodes = 1_000_000

// valueCodes numbers the combinations of values that events have, from 0 on.
type valueCodes struct {
	// mu guards the rest while sides are at work.
	mu    sync.Mutex
	byKey map[string]int32
	// groups has the values by code; nil is a missing one.
	groups [][]any
	key    []byte
	most   int
	field  string
}

func newValueCodes() *valueCodes {
	return &valueCodes{byKey: map[string]int32{}, most: maxCodes, field: "breakdown"}
}

// codesWithNone has the code 0 for values that are all missing.
func codesWithNone(columns int) *valueCodes {
	c := newValueCodes()
	c.byKey[string(make([]byte, columns))], c.groups = 0, append(c.groups, make([]any, columns))
	return c
}

// of is the code of a row.
func (c *valueCodes) of(columns []store.Vector, row int) (int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = keyOfRow(c.key[:0], columns, row)
	if code, ok := c.byKey[string(c.key)]; ok {
		return code, nil
	}
	if len(c.groups) == c.most {
		return 0, tooManyValues(c.field, c.most)
	}
	group := make([]any, len(columns))
	for i := range columns {
		if !columns[i].IsNull(row) {
			group[i] = strings.Clone(columns[i].Text[row])
		}
	}
	code := int32(len(c.groups))
	c.byKey[string(c.key)], c.groups = code, append(c.groups, group)
	return code, nil
}

func tooManyValues(field string, most int) error {
	return &event.Error{
		Kind: event.TooLarge, Code: "too_many_values", Field: field,
		Message: "the events have more than " + strconv.Itoa(most) + " different values of the property; take another one, or fewer events",
	}
}

// keyOfRow appends the values of a row. No stored text has a NUL.
func keyOfRow(key []byte, columns []store.Vector, row int) []byte {
	for i := range columns {
		if columns[i].IsNull(row) {
			key = append(key, 0)
			continue
		}
		key = append(append(append(key, 1), columns[i].Text[row]...), 0)
	}
	return key
}

// side numbers the values for one of several that gather rows at a time.
func (c *valueCodes) side() *sideCodes { return &sideCodes{shared: c, known: map[string]int32{}} }

// sideCodes remember what the codes are that were asked for before.
type sideCodes struct {
	shared *valueCodes
	known  map[string]int32
	key    []byte
	// recent are the last texts of a single column, each in the place of its hash.
	recent [recentTexts]recentText
}

type recentText struct {
	text string
	code int32
}

const recentTexts = 256

// all appends the codes of a batch's rows.
func (c *sideCodes) all(to []int32, columns []store.Vector, rows int) ([]int32, error) {
	if len(columns) == 1 && columns[0].Null == nil {
		return c.texts(to, columns, rows)
	}
	for i := range rows {
		// Rows of one person are together, and often have the same values.
		if i > 0 && sameRow(columns, i-1, i) {
			to = append(to, to[len(to)-1])
			continue
		}
		code, err := c.of(columns, i)
		if err != nil {
			return nil, err
		}
		to = append(to, code)
	}
	return to, nil
}

// texts is all for a single column without missing values.
func (c *sideCodes) texts(to []int32, columns []store.Vector, rows int) ([]int32, error) {
	for i, text := range columns[0].Text[:rows] {
		r := &c.recent[hashText(text)%recentTexts]
		if r.text != text || text == "" {
			code, err := c.of(columns, i)
			if err != nil {
				return nil, err
			}
			*r = recentText{strings.Clone(text), code}
		}
		to = append(to, r.code)
	}
	return to, nil
}

// hashText looks at the length and at a few letters, which tell most values of a property apart.
func hashText(s string) uint32 {
	n := len(s)
	if n < 4 {
		h := uint32(n)
		for i := range n {
			h = h*31 + uint32(s[i])
		}
		return h
	}
	h := uint32(n) + uint32(s[0])*31 + uint32(s[n/2])*1009 + uint32(s[n-1])*37 + uint32(s[n-3])*613
	return h ^ h>>8
}

func (c *sideCodes) of(columns []store.Vector, row int) (int32, error) {
	c.key = keyOfRow(c.key[:0], columns, row)
	if code, ok := c.known[string(c.key)]; ok {
		return code, nil
	}
	code, err := c.shared.of(columns, row)
	if err == nil {
		c.known[string(c.key)] = code
	}
	return code, err
}

func sameRow(columns []store.Vector, a, b int) bool {
	for i := range columns {
		if v := &columns[i]; v.Text[a] != v.Text[b] || v.IsNull(a) != v.IsNull(b) {
			return false
		}
	}
	return true
}
