package ingest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// maxFields bounds the fields of a form.
const maxFields = 10_000

// JSON is the body as JSON, parsed once however often it is asked for. Its error is an *event.Error.
func (r *Request) JSON() (*jsontree.Value, error) {
	if p := &r.json; !p.done {
		p.done = true
		parser := r.parser()
		v, err := parser.ParseBytes(r.Body)
		if err != nil {
			p.err = Malformed(err)
		}
		p.value, p.plain = v, err == nil && parser.Plain() && bytes.IndexByte(r.Body, 0) < 0
	}
	if r.json.plain && r.sink != nil {
		r.sink.unseen = nil // there is nothing to be found
	}
	return r.json.value, r.json.err
}

// Parse reads JSON that came within something else, a form or a query: as text or as base64 of it. The value is valid
// until the answer, also when more is parsed. Its error is an *event.Error.
func (r *Request) Parse(text string) (*jsontree.Value, error) {
	p := &r.inner
	if p.done && p.text == text {
		if r.sink != nil {
			r.sink.examine(p.json)
		}
		return p.value, p.err
	}
	*p = parsedText{text: text}
	p.done = true
	if p.json, p.err = Payload([]byte(text)); p.err == nil {
		p.value, p.err = r.ParseInner(p.json)
	}
	return p.value, p.err
}

// ParseInner is Parse for plain JSON that the decoder has unwrapped itself.
func (r *Request) ParseInner(b []byte) (*jsontree.Value, error) {
	if len(b) > r.Limits.Body {
		return nil, tooLarge(int64(r.Limits.Body))
	}
	if len(b) > usualBody && countValues(b) > maxValues {
		return nil, event.Errorf(event.TooLarge, "too_many_values", "the body has more than %d JSON values", maxValues)
	}
	if r.sink != nil {
		r.sink.examine(b)
	}
	v, err := r.parser().ParseBytes(b)
	if err != nil {
		return nil, Malformed(err)
	}
	return v, nil
}

// parser is the request's own for the first text, and a new one for each other: a parser forgets its last values.
func (r *Request) parser() *jsontree.Parser {
	if r.used || r.Parser == nil {
		return new(jsontree.Parser)
	}
	r.used = true
	return r.Parser
}

// Form reads the body as a form, whatever it says it is: pairs like those of a query, or the text fields of a multipart
// body. It returns false when it is neither.
func (r *Request) Form() (url.Values, bool) {
	if f := &r.form; !f.done {
		f.done = true
		f.values, f.ok = r.readForm()
	}
	return r.form.values, r.form.ok
}

func (r *Request) readForm() (url.Values, bool) {
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 || body[0] == '{' || body[0] == '[' {
		return nil, false
	}
	if bytes.HasPrefix(body, []byte("--")) {
		return r.multipart()
	}
	if bytes.IndexByte(body, '=') < 1 || bytes.Count(body, []byte("&")) >= maxFields {
		return nil, false
	}
	values, err := url.ParseQuery(string(body))
	return values, err == nil && len(values) > 0
}

func (r *Request) multipart() (url.Values, bool) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, false
	}
	parts := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"])
	values := url.Values{}
	for range maxFields {
		part, err := parts.NextPart()
		if err != nil {
			return values, len(values) > 0
		}
		if part.FileName() != "" {
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, false
		}
		values.Add(part.FormName(), string(text))
	}
	return nil, false
}

// Payload is the JSON in a field: the text itself, or what is behind base64 of any kind. A form turns the pluses of
// base64 that was not escaped into spaces; they are turned back.
func Payload(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, event.Errorf(event.Invalid, "empty_body", "the body is empty")
	}
	if text[0] == '{' || text[0] == '[' {
		return text, nil
	}
	if out, err := base64.StdEncoding.AppendDecode(nil, text); err == nil {
		return out, nil
	}
	plain := strings.NewReplacer(" ", "+", "-", "+", "_", "/", "\r", "", "\n", "").Replace(strings.TrimRight(string(text), "= "))
	out, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil, &event.Error{Kind: event.Invalid, Code: "malformed_json", Message: "the body is neither JSON nor base64", Err: err}
	}
	return out, nil
}
