package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func built() fstest.MapFS {
	data := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		".gitignore":                  data("*"),
		"index.html":                  data("<p>page"),
		"index.html.br":               data("BR"),
		"index.html.gz":               data("GZ"),
		"theme.js":                    data("theme()"),
		"assets/index-Bq3_x-9Z.js":    data("script()"),
		"assets/index-Bq3_x-9Z.js.gz": data("GZ2"),
		"reference/reference.css":     data("a{}"),
		"lonely.br":                   data("not another file's"),
	}
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEncodingFollowsAcceptEncoding(t *testing.T) {
	h := newHandler(built())
	for _, c := range []struct{ path, accept, body, coding string }{
		{"/", "gzip, deflate, br, zstd", "BR", "br"},
		{"/index.html", "gzip", "GZ", "gzip"},
		{"/", "", "<p>page", ""},
		{"/", "identity", "<p>page", ""},
		{"/", "br;q=0, gzip;q=0.5", "GZ", "gzip"},
		{"/", "br; q=0, *", "GZ", "gzip"},
		{"/", "*", "BR", "br"},
		{"/", "*;q=0", "<p>page", ""},
		{"/", "BR", "BR", "br"},
		{"/", "br;q=nonsense", "<p>page", ""},
		{"/assets/index-Bq3_x-9Z.js", "br, gzip", "GZ2", "gzip"},
		{"/theme.js", "br, gzip", "theme()", ""},
		{"/lonely.br", "br", "not another file's", ""},
	} {
		w := get(t, h, http.MethodGet, c.path, "Accept-Encoding", c.accept)
		if w.Code != http.StatusOK || w.Body.String() != c.body || w.Header().Get("Content-Encoding") != c.coding {
			t.Errorf("%s with %q: %d %q coded %q, want %q coded %q",
				c.path, c.accept, w.Code, w.Body, w.Header().Get("Content-Encoding"), c.body, c.coding)
		}
	}
}

func TestCachingFollowsTheName(t *testing.T) {
	h := newHandler(built())
	for path, want := range map[string]string{
		"/":                         "no-cache",
		"/theme.js":                 "no-cache",
		"/reference/reference.css":  "no-cache",
		"/assets/index-Bq3_x-9Z.js": "public, max-age=31536000, immutable",
		"/nothing":                  "no-store",
	} {
		if got := get(t, h, http.MethodGet, path).Header().Get("Cache-Control"); got != want {
			t.Errorf("Cache-Control of %s: %q, want %q", path, got, want)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := newHandler(built())
	for _, path := range []string{"/", "/theme.js", "/nothing", "/assets/index-Bq3_x-9Z.js"} {
		header := get(t, h, http.MethodGet, path).Header()
		if header.Get("Content-Security-Policy") != Policy || header.Get("X-Content-Type-Options") != "nosniff" ||
			header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, header)
		}
	}
	if strings.Contains(Policy, "unsafe") {
		t.Errorf("the policy allows unsafe things: %s", Policy)
	}
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	h := newHandler(built())
	first := get(t, h, http.MethodGet, "/", "Accept-Encoding", "br")
	tag := first.Header().Get("ETag")
	if w := get(t, h, http.MethodGet, "/", "Accept-Encoding", "br", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("with its own tag %s: %d, want 304", tag, w.Code)
	}
	if w := get(t, h, http.MethodGet, "/", "Accept-Encoding", "gzip", "If-None-Match", tag); w.Code != http.StatusOK {
		t.Errorf("another encoding with tag %s: %d, want 200", tag, w.Code)
	}
}

func TestTypes(t *testing.T) {
	h := newHandler(built())
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/theme.js": "text/javascript; charset=utf-8",
		"/reference/reference.css": "text/css; charset=utf-8",
	} {
		if got := get(t, h, http.MethodGet, path, "Accept-Encoding", "br").Header().Get("Content-Type"); got != want {
			t.Errorf("type of %s: %q, want %q", path, got, want)
		}
	}
}

func TestEveryPageHasAnAddress(t *testing.T) {
	h := newHandler(built())
	for _, path := range []string{"/", "/explore", "/explore/", "/explore?q=%7B%7D", "/dashboards?board=q7Hd0mZx4K", "/saved", "/people?person=7", "/cohorts", "/data", "/project", "/operations", "/shared"} {
		if w := get(t, h, http.MethodGet, path); w.Code != http.StatusOK || w.Body.String() != "<p>page" {
			t.Errorf("%s: %d %q, want the page", path, w.Code, w.Body)
		}
	}
}

// TestThePagesAreThoseOfTheRouter compares the two lists, because a page that only one of them knows cannot be opened or
// cannot be linked.
func TestThePagesAreThoseOfTheRouter(t *testing.T) {
	source, err := os.ReadFile("src/lib/router.svelte.ts")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`pages = \[(.*?)\]`).FindSubmatch(source)
	if list == nil {
		t.Fatal("the router has no list of pages")
	}
	found := regexp.MustCompile(`'/(\w*)'`).FindAllSubmatch(list[1], -1)
	if len(found) < 4 {
		t.Fatalf("only %d pages", len(found))
	}
	for _, m := range found {
		if name := string(m[1]); !page(name) {
			t.Errorf("the handler does not know the page %q", name)
		}
	}
}

func TestOnlyReads(t *testing.T) {
	h := newHandler(built())
	if w := get(t, h, http.MethodPost, "/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := get(t, h, http.MethodHead, "/"); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestHiddenAndOutsideFilesAreNotServed(t *testing.T) {
	h := newHandler(built())
	for _, path := range []string{"/.gitignore", "/assets", "/assets/", "/../web.go", "/index.html.br"} {
		if w := get(t, h, http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}

func TestMissingBuildSaysWhatToDo(t *testing.T) {
	h := newHandler(fstest.MapFS{".gitignore": {Data: []byte("*")}})
	w := get(t, h, http.MethodGet, "/")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make web") {
		t.Errorf("without a build: %d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Security-Policy"); got != Policy {
		t.Errorf("policy: %q", got)
	}
}

func TestTheEmbeddedFolderLoads(t *testing.T) {
	if w := get(t, Handler(), http.MethodGet, "/no/such/file"); w.Code != http.StatusNotFound {
		t.Errorf("status %d, want 404", w.Code)
	}
}
