package ingest

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/valyala/fastjson"
)

// errZeros is for what the parser takes and JSON does not: zeros in front of a number, which some read as octal.
var errZeros = errors.New("zeros in front of a number")

// number is the float nearest to a JSON number. The parser's own is not always the nearest when there is an exponent.
// A number too large for a float is infinite.
func number(v *fastjson.Value) (float64, error) {
	var room [32]byte
	text := v.MarshalTo(room[:0])
	if digits := bytes.TrimPrefix(text, []byte("-")); len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return 0, errZeros
	}
	if !bytes.ContainsAny(text, "eE") {
		return v.Float64()
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if errors.Is(err, strconv.ErrRange) {
		return f, nil
	}
	return f, err
}
