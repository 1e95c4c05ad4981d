package ingest

import (
	"errors"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/jsontree"
)

// errZeros is for what the parser takes and JSON does not: zeros in front of a number, which some read as octal.
var errZeros = errors.New("zeros in front of a number")

// number is the float nearest to a JSON number. The parser's own is not always the nearest when there is an exponent.
// A number too large for a float is infinite.
func number(v *jsontree.Value) (float64, error) {
	text := v.Digits()
	if digits := strings.TrimPrefix(text, "-"); len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return 0, errZeros
	}
	if strings.IndexByte(text, 'e') < 0 && strings.IndexByte(text, 'E') < 0 {
		return v.Float64()
	}
	f, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return f, nil
	}
	return f, err
}
