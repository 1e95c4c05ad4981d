// Package web holds the dashboard and serves it. The page is built by `make web` into dist, which is embedded here; a
// binary that was built without it still serves everything else, and says on this page how to get it.
//
// It promises that a browser runs only code that came with the binary (a strict Content-Security-Policy), that files
// with a hash in their name are fetched once, and that compressed bytes are sent as they were built. What the page asks
// is answered by internal/api.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Policy is the Content-Security-Policy of everything served here. Neither the page nor the API reference needs
// inline code, inline styles or another host.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

const missing = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Freshet</title>
<h1>The dashboard is not part of this binary</h1>
<p>Run <code>make web</code> (it needs Node.js) and build again. The API works without it: see <a href="/v1/docs">/v1/docs</a>.</p>
`

// Handler serves the dashboard that was built into the binary.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a valid path, so this is a mistake in this file
	}
	return newHandler(files)
}

type handler struct{ files map[string]*file }

// newHandler reads all of files, so that a request does no more than a look-up.
func newHandler(files fs.FS) http.Handler {
	loaded, err := load(files)
	if err != nil {
		panic(err) // embedded files can always be read
	}
	return &handler{files: loaded}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if page(name) {
		name = "index.html"
	}
	if f := h.files[name]; f != nil {
		f.serve(w, r)
		return
	}
	if name == "index.html" {
		explain(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "there is nothing at this address", http.StatusNotFound)
}

// page tells whether a name is the address of one of the dashboard's pages, all of which are in one file. They are listed
// in src/lib/router.svelte.ts as well.
func page(name string) bool {
	switch name {
	case "", "explore", "dashboards", "saved", "people", "cohorts", "data", "project", "operations", "shared":
		return true
	}
	return false
}

// guard sets the headers that every answer has, errors included.
func guard(header http.Header) {
	header.Set("Content-Security-Policy", Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func explain(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(missing)) // the reader may be gone; there is nobody to tell
	}
}
