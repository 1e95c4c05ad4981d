package cloudevents

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
)

// prefix is what the headers of attributes begin with, as the standard library spells it.
const prefix = "Ce-"

// binary reads an event whose attributes are headers, and whose data is the body.
func (d *decoder) binary() error {
	r, s := d.request, d.sink
	d.begin()
	if kind := r.Header.Get("Content-Type"); kind != "" && len(r.Body) > 0 {
		if !d.attribute("datacontenttype", kind) {
			d.extra.AddText("datacontenttype", s.Clean([]byte(kind)))
		}
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	letter := []byte("{")
	for _, name := range names {
		value := s.Clean([]byte(unescape(r.Header.Get(name))))
		name = s.Clean([]byte(strings.ToLower(name[len(prefix):])))
		letter = append(event.AppendJSONString(letter, name), ':')
		letter = append(event.AppendJSONString(letter, value), ',')
		if name != "datacontenttype" && !d.attribute(name, value) {
			d.extra.AddText(name, value)
		}
	}
	letter, err := d.body(letter)
	if err != nil {
		return err
	}
	d.finish()
	s.AcceptFrom(func() []byte { return append(letter[:len(letter)-1], '}') })
	return nil
}

// body takes the data, and appends it to the event's structured form.
func (d *decoder) body(letter []byte) ([]byte, error) {
	r, s := d.request, d.sink
	if len(r.Body) == 0 {
		return letter, nil
	}
	if d.contentType != "" {
		letter = append(letter, `"datacontenttype":`...)
		letter = append(event.AppendJSONString(letter, d.contentType), ',')
	}
	if isJSON(d.contentType) {
		v, err := r.JSON()
		switch {
		case err == nil:
			letter = append(append(append(letter, `"data":`...), r.Body...), ',')
			if code, reason := s.Flaw(v); code != "" {
				s.Fail(code, reason)
				return letter, nil
			}
			d.data = v
			return letter, nil
		case d.contentType != "":
			return nil, err
		}
	}
	text := string(r.Body)
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		text, d.name = base64.StdEncoding.EncodeToString(r.Body), "data_base64"
	}
	d.text = &text
	letter = append(event.AppendJSONString(letter, d.name), ':')
	return append(event.AppendJSONString(letter, text), ','), nil
}

// unescape undoes what the binding does to values that a header cannot have as they are: quotes around them, and
// percent signs before the bytes of others.
func unescape(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = backslashes(value[1 : n-1])
	}
	if !strings.Contains(value, "%") {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			hi, lo := hexDigit(value[i+1]), hexDigit(value[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, value[i])
	}
	return string(b)
}

func backslashes(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b = append(b, value[i])
	}
	return string(b)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
