package rest

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestQuestionsInTheDocsAreAnswered asks every question that docs/questions shows. Those about properties that nobody has
// sent here may be refused for just that.
func TestQuestionsInTheDocsAreAnswered(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
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
