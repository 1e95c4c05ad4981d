package rest

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestQuestionsInTheDocsAreAnswered asks every question that docs/questions shows. Those about properties that nobody has
// sent here may be refused for just that.
func TestQuestionsInTheDocsAreAnswered(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	w.cohort("", `{"name":"Regulars","definition":{"did":{"events":["buy"]}}}`)
	pages, err := filepath.Glob("../../../docs/questions/*.md")
	must(t, err)
	block := regexp.MustCompile("(?s)```json\n(.*?)```")
	asked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		must(t, err)
		for _, m := range block.FindAllSubmatch(text, -1) {
			var q map[string]json.RawMessage
			if err := json.Unmarshal(m[1], &q); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, m[1])
				continue
			}
			if q["watermark"] != nil {
				continue // it is an answer
			}
			asked++
			got := w.ask("1 read", "POST", "/v1/query", string(m[1]))
			if got.Code != http.StatusOK && got.problem().Code != "unknown_property" {
				t.Errorf("%s: %d %s for\n%s", page, got.Code, got.Body, m[1])
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d questions", asked)
	}
}

// TestPicturesInTheDocs: every kind of question has a picture that tells in words what it shows and needs nothing else.
func TestPicturesInTheDocs(t *testing.T) {
	shown := regexp.MustCompile(`!\[([^\]]{20,})\]\((images/[a-z_]+\.svg)\)`)
	foreign := regexp.MustCompile(`(?i)<script|@import|@font-face|href|url\(|\son[a-z]+=`)
	for _, k := range kinds() {
		if k.name == "trends" {
			continue // docs/querying.md is about it
		}
		page, err := os.ReadFile("../../../docs/questions/" + k.name + ".md")
		must(t, err)
		m := shown.FindSubmatch(page)
		if m == nil {
			t.Errorf("the page of %s shows no picture with words for it", k.name)
			continue
		}
		text, err := os.ReadFile("../../../docs/questions/" + string(m[2]))
		must(t, err)
		var svg struct {
			XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
			Title   string   `xml:"title"`
			Desc    string   `xml:"desc"`
			ViewBox string   `xml:"viewBox,attr"`
			Style   string   `xml:"style"`
		}
		must(t, xml.Unmarshal(text, &svg))
		if svg.Title == "" || len(svg.Desc) < 40 || svg.ViewBox == "" || !strings.Contains(svg.Style, "prefers-color-scheme: dark") {
			t.Errorf("%s lacks a title, a description, its size or the colors of a dark page", m[2])
		}
		if found := foreign.Find(text); found != nil {
			t.Errorf("%s has %s", m[2], found)
		}
	}
}
