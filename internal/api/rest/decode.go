package rest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
)

const (
	// maxBody bounds the body of a request.
	maxBody = 1 << 20
	// maxDepth bounds the nesting of a body.
	maxDepth = 32
)

// body reads a request's JSON body, strictly.
func body[T any](c *call) (*T, error) {
	data, err := content(c)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := decode(data, out); err != nil {
		return nil, err
	}
	return out, nil
}

// content reads a request's body, which must say that it is JSON or nothing.
func content(c *call) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if c.r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json") {
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "", "the body must be application/json")
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_encoding", "", "the body must not be compressed")
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, event.Errorf(event.TooLarge, "body_too_large", "the body is larger than %d bytes", maxBody)
	}
	if err != nil {
		return nil, newProblem(http.StatusRequestTimeout, "body_incomplete", "", "the body did not arrive whole")
	}
	return data, nil
}

// decode reads JSON strictly: no unknown, repeated or differently spelt names, nothing behind the value, no invalid
// UTF-8. encoding/json would let all of that pass, and a question that is misread is answered wrongly.
func decode(data []byte, out any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return invalid("missing_body", "", "the request has no body")
	}
	if !utf8.Valid(data) {
		return invalid("invalid_utf8", "", "the body has bytes that are not UTF-8")
	}
	w := walker{json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if err := w.value(reflect.TypeOf(out), "", 0); err != nil {
		return malformed(err)
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return invalid("malformed_json", "", "there is something behind the JSON value")
	}
	if err := json.Unmarshal(data, out); err != nil {
		return malformed(err)
	}
	return nil
}

func malformed(err error) error {
	var e *event.Error
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &syntax):
		return invalid("malformed_json", "", "the body is not JSON: %s at byte %d", syntax.Error(), syntax.Offset)
	case errors.As(err, &mistyped):
		return invalid("wrong_type", mistyped.Field, "a %s does not fit here", mistyped.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("malformed_json", "", "the body is not JSON: it ends too early")
	default:
		return invalid("malformed_json", "", "the body is not JSON that fits: %s", err)
	}
}

// under puts a path before the field of an error.
func under(path string, err error) error {
	var e *event.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	if out.Field = path + "." + e.Field; e.Field == "" {
		out.Field = path
	}
	return &out
}

// walker compares a JSON text with the Go type it is for and finds the path of what does not fit.
type walker struct{ dec *json.Decoder }

var (
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value checks one value. t is nil where anything may stand.
func (w walker) value(t reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		return invalid("too_deep", path, "nested deeper than %d", maxDepth)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && (t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(unmarshalerType) || reflect.PointerTo(t).Implements(textUnmarshalerType)) {
		t = nil
	}
	tok, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '{' {
			return w.object(t, path, depth)
		}
		return w.array(t, path, depth)
	default:
		return scalar(t, tok, path)
	}
}

func (w walker) object(t reflect.Type, path string, depth int) error {
	if t != nil && t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return wrongType(t, path, "an object")
	}
	seen := map[string]bool{}
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return err
		}
		name, _ := tok.(string)
		at := name
		if path != "" {
			at = path + "." + name
		}
		if seen[name] {
			return invalid("duplicate_field", at, "the field is given more than once")
		}
		seen[name] = true
		var inner reflect.Type
		switch {
		case t == nil:
		case t.Kind() == reflect.Map:
			inner = t.Elem()
		default:
			if inner = fieldType(t, name); inner == nil {
				return invalid("unknown_field", at, "there is no field %q here", name)
			}
		}
		if err := w.value(inner, at, depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

func (w walker) array(t reflect.Type, path string, depth int) error {
	var inner reflect.Type
	if t != nil {
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return wrongType(t, path, "an array")
		}
		inner = t.Elem()
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(inner, path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// scalar checks a value that is no object and no array. null leaves the field as it is, and so always fits.
func scalar(t reflect.Type, tok json.Token, path string) error {
	if t == nil || tok == nil {
		return nil
	}
	fits, is := false, ""
	switch v := tok.(type) {
	case string:
		fits, is = t.Kind() == reflect.String, "a string"
	case bool:
		fits, is = t.Kind() == reflect.Bool, "a boolean"
	case json.Number:
		is = "the number " + safe(v.String())
		number := reflect.New(t)
		switch t.Kind() {
		case reflect.Float32, reflect.Float64, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			fits = json.Unmarshal([]byte(v), number.Interface()) == nil
		default: // Nothing else takes a number.
		}
	}
	if !fits {
		return wrongType(t, path, is)
	}
	return nil
}

func wrongType(t reflect.Type, path, is string) error {
	return invalid("wrong_type", path, "%s does not fit here, it must be %s", is, nameOf(t))
}

func nameOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of at most %d bits, not negative", t.Bits())
	default:
		return fmt.Sprintf("a whole number of at most %d bits", t.Bits())
	}
}

// fieldType is the type of the struct's field with exactly that JSON name, nil if there is none.
func fieldType(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case tag == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && tag == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				if found := fieldType(inner, name); found != nil {
					return found
				}
			}
		case tag == name || tag == "" && f.Name == name:
			return f.Type
		}
	}
	return nil
}
