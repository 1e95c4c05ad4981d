package bench

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/eventlog"
)

// Reference is the least a server of events can do, to compare a real one with: it reads the body, parses it with the
// parser that the real one uses, appends the bytes to the log if there is one, and answers.
func Reference(log eventlog.Log) http.Handler {
	var parsers fastjson.ParserPool
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(b)
		b.Reset()
		if _, err := b.ReadFrom(io.LimitReader(r.Body, 32<<20)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p := parsers.Get()
		defer parsers.Put(p)
		n, err := count(p, b.Bytes())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if log != nil {
			if _, err := log.Append(r.Context(), eventlog.Record{Payload: b.Bytes(), Events: n}); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"success":true}`)
	})
}

// count parses a body and returns how many events it has.
func count(p *fastjson.Parser, body []byte) (int, error) {
	v, err := p.ParseBytes(body)
	if err != nil {
		return 0, err
	}
	if !v.Exists("batch") {
		return 1, nil
	}
	n := len(v.GetArray("batch"))
	if n == 0 {
		return 0, errors.New("an empty batch")
	}
	return n, nil
}
