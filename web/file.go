package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// hashed matches the names that the build gives to files whose content never changes.
var hashed = regexp.MustCompile(`^assets/.+-[\w-]{8}\.\w+$`)

// file is one built file in each of its encodings.
type file struct {
	name, mime string
	// etag is the same for all encodings but for a suffix, so that caches keep them apart.
	etag string
	// bodies by content coding; "" is the file itself and always there.
	bodies map[string][]byte
}

// codings are the content codings in order of preference, with the suffix of their files.
var codings = [...]struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

func load(files fs.FS) (map[string]*file, error) {
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		all[name], err = fs.ReadFile(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built page: %w", err)
	}
	loaded := make(map[string]*file, len(all))
	for name, body := range all {
		if !compressed(all, name) {
			loaded[name] = newFile(all, name, body)
		}
	}
	return loaded, nil
}

// compressed tells whether name is another file's compressed form.
func compressed(all map[string][]byte, name string) bool {
	for _, coding := range codings {
		if plain, ok := strings.CutSuffix(name, coding.suffix); ok && all[plain] != nil {
			return true
		}
	}
	return false
}

func newFile(all map[string][]byte, name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{
		name: name, mime: mime.TypeByExtension(path.Ext(name)),
		etag:   hex.EncodeToString(sum[:8]),
		bodies: map[string][]byte{"": body},
	}
	if kind, ok := mimes[path.Ext(name)]; ok {
		f.mime = kind
	}
	for _, coding := range codings {
		if b := all[name+coding.suffix]; b != nil {
			f.bodies[coding.name] = b
		}
	}
	return f
}

// mimes are fixed here for the kinds that the build makes: what a machine's own table says differs, and with nosniff a
// wrong answer means that a script does not run.
var mimes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".json": "application/json", ".txt": "text/plain; charset=utf-8", ".woff2": "font/woff2",
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.mime)
	if hashed.MatchString(f.name) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-cache")
	}
	if len(f.bodies) > 1 {
		header.Set("Vary", "Accept-Encoding")
	}
	coding := f.choose(r.Header.Get("Accept-Encoding"))
	tag := f.etag
	if coding != "" {
		header.Set("Content-Encoding", coding)
		tag += "-" + coding
		// A range of compressed bytes is of no use to anybody.
		r.Header.Del("Range")
	}
	header.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.bodies[coding]))
}

// choose picks the smallest form that the client accepts.
func (f *file) choose(accept string) string {
	for _, coding := range codings {
		if _, ok := f.bodies[coding.name]; ok && accepts(accept, coding.name) {
			return coding.name
		}
	}
	return ""
}

// accepts reads an Accept-Encoding header. A coding that is named wins over "*", and a weight of zero refuses.
func accepts(header, coding string) bool {
	star := false
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		name = strings.TrimSpace(name)
		switch {
		case strings.EqualFold(name, coding):
			return weight(parameters) > 0
		case name == "*":
			star = weight(parameters) > 0
		}
	}
	return star
}

func weight(parameters string) float64 {
	value, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameters), " ", ""), "q=")
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0
	}
	return q
}
