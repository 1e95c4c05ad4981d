package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// board makes a dashboard.
func (w *world) board(query, body string) dashboardView {
	w.t.Helper()
	var d dashboardView
	w.ask("1 admin", "POST", "/v1/dashboards"+query, body).json(&d)
	return d
}

func TestDashboardsAreKeptAndChanged(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	tile := `{"id":"a","x":0,"y":0,"w":6,"h":4,"question":` + buys + `}`
	words := `{"id":"b","x":6,"y":0,"w":6,"h":4,"text":"# Why\nbecause"}`
	created := w.ask("1 admin", "POST", "/v1/dashboards", `{"name":" Health ","tiles":[`+tile+`,`+words+`]}`)
	var d dashboardView
	created.json(&d)
	if created.Code != 201 || created.Header().Get("ETag") != `"1"` || d.Name != "Health" || len(d.Tiles) != 2 || string(d.Tiles[0].Question.RawMessage) != buys {
		t.Fatalf("%d %v %s", created.Code, created.Header(), created.Body)
	}
	one := "/v1/dashboards/" + d.ID
	if got := w.ask("1 read", "GET", one, ""); got.Body.String() != created.Body.String() {
		t.Errorf("%s", got.Body)
	}
	list := w.ask("1 read", "GET", "/v1/dashboards", "")
	var all struct{ Dashboards []DashboardHead }
	list.json(&all)
	if len(all.Dashboards) != 1 || all.Dashboards[0].ID != d.ID || strings.Contains(list.Body.String(), "tiles") {
		t.Errorf("%s", list.Body)
	}
	if got := w.ask("2 read", "GET", one, ""); got.problem().Code != "no_such_dashboard" || got.Code != 404 {
		t.Error(got.Code, got.Body)
	}
	for _, s := range []struct {
		method, body, match string
		status              int
		tag, code           string
	}{
		{"PATCH", `{"name":"A"}`, `"1"`, 200, `"2"`, ""},
		{"PATCH", `{"name":"B"}`, `"1"`, 412, "", "dashboard_changed"},
		{"PATCH", `{"name":"B"}`, `"two"`, 412, "", "dashboard_changed"},
		{"PATCH", `{"name":"A"}`, `"2"`, 200, `"2"`, ""}, // nothing is different
		{"PATCH", `{"tiles":[]}`, ``, 200, `"3"`, ""},
		{"DELETE", ``, `"2"`, 412, "", "dashboard_changed"},
		{"DELETE", ``, `"3"`, 204, "", ""},
		{"PATCH", `{"name":"C"}`, ``, 404, "", "no_such_dashboard"},
	} {
		got := w.ask("1 admin", s.method, one, s.body, "If-Match", s.match)
		if got.Code != s.status || got.Header().Get("ETag") != s.tag {
			t.Fatalf("%+v: %d %q %s", s, got.Code, got.Header().Get("ETag"), got.Body)
		}
		if s.code != "" && got.problem().Code != s.code {
			t.Errorf("%+v: %s", s, got.Body)
		}
	}
}

func TestWrongTiles(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 1)
	at := func(rest string) string { return `{"id":"a","x":0,"y":0,"w":6,"h":4,` + rest + `}` }
	many := strings.Repeat(at(`"text":"x"`)+",", 60) + at(`"text":"x"`)
	for _, c := range []struct{ tiles, code, field string }{
		{at(`"text":""`), "bad_tile", "tiles[0]"},
		{at(`"text":"x","insight":"y"`), "bad_tile", "tiles[0]"},
		{at(`"insight":"` + strings.Repeat("x", 65) + `"`), "bad_tile", "tiles[0].insight"},
		{at(`"text":"a\u202eb"`), "bad_text", "tiles[0].text"},
		{at(`"text":"x","title":"a\nb"`), "bad_text", "tiles[0].title"},
		{at(`"text":"` + strings.Repeat("x", 4001) + `"`), "too_long", "tiles[0].text"},
		{at(`"question":{"series":[{"events":["buy"],"agregate":"sum"}]}`), "unknown_field", "tiles[0].question.series[0].agregate"},
		{at(`"question":"x"`), "wrong_type", "tiles[0].question"},
		{at(`"text":"x"`) + "," + at(`"text":"x"`), "bad_tile_id", "tiles[1].id"},
		{at(`"text":"x"`) + `,{"id":"b","x":5,"y":3,"w":2,"h":1,"text":"x"}`, "bad_place", "tiles[1]"},
		{`{"id":"b","x":11,"y":3,"w":2,"h":1,"text":"x"}`, "bad_place", "tiles[0]"},
		{`{"id":"b","x":9223372036854775807,"y":3,"w":2,"h":1,"text":"x"}`, "bad_place", "tiles[0]"},
		{`{"id":"b","x":-1,"y":3,"w":2,"h":1,"text":"x"}`, "bad_place", "tiles[0]"},
		{`{"id":"b","x":0,"y":3,"w":2,"h":25,"text":"x"}`, "bad_place", "tiles[0]"},
		{`{"id":"a b","x":0,"y":3,"w":2,"h":1,"text":"x"}`, "bad_tile_id", "tiles[0].id"},
		{`{"id":"b","x":0,"y":3,"w":2,"h":1,"text":"x","colour":"red"}`, "unknown_field", "tiles[0].colour"},
		{many, "too_many_tiles", "tiles"},
	} {
		got := w.ask("1 admin", "POST", "/v1/dashboards", `{"name":"x","tiles":[`+c.tiles+`]}`)
		if p := got.problem(); got.Code != 400 || p.Code != c.code || p.Field != c.field {
			t.Errorf("%.150s: %d %+v", c.tiles, got.Code, p)
		}
	}
}

func TestPublicLink(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	secret := `{"kind":"trends","range":{"from":"-7d"},"series":[{"events":["buy"],"where":{"property":"$user_id","op":"in","value":["=u0","=u1"]}}]}`
	insight := w.save("1 admin", "", `{"name":"Bought","question":`+secret+`}`)
	board := w.board("", `{"name":"Health","tiles":[
		{"id":"a","x":0,"y":0,"w":6,"h":4,"insight":"`+insight+`"},
		{"id":"b","x":6,"y":0,"w":6,"h":4,"title":"Own","question":`+buys+`},
		{"id":"c","x":0,"y":4,"w":6,"h":4,"text":"hello"},
		{"id":"d","x":6,"y":4,"w":6,"h":4,"insight":"gone"}]}`)
	var link struct{ Token string }
	share := func() string {
		made := w.ask("1 admin", "POST", "/v1/dashboards/"+board.ID+"/link", "")
		made.json(&link)
		if made.Code != 201 || !strings.HasPrefix(link.Token, "fd_") {
			t.Fatalf("%d %s", made.Code, made.Body)
		}
		return "/v1/public/dashboards/" + link.Token
	}
	before, path := share(), share()
	if got := w.ask("", "GET", before, ""); got.Code != 404 || got.problem().Code != "no_such_link" || strings.Contains(got.Body.String(), "fd_") {
		t.Errorf("a link that was replaced: %d %s", got.Code, got.Body)
	}
	got := w.ask("", "GET", path, "")
	var d struct {
		Name, Timezone string
		Tiles          []map[string]any
	}
	got.json(&d)
	if d.Name != "Health" || d.Timezone != "UTC" || len(d.Tiles) != 4 || d.Tiles[0]["title"] != "Bought" || d.Tiles[1]["title"] != "Own" || d.Tiles[2]["text"] != "hello" {
		t.Errorf("%s", got.Body)
	}
	for _, word := range []string{insight, board.ID, "question", "buy", "version"} {
		if strings.Contains(got.Body.String(), word) {
			t.Errorf("the public dashboard has %q: %s", word, got.Body)
		}
	}
	answer := w.ask("", "GET", path+"/answers/a", "")
	if n := total(t, answer); n == 0 || strings.Contains(answer.Body.String(), "=u") || strings.Contains(answer.Body.String(), "where") {
		t.Errorf("%s", answer.Body)
	}
	if n := total(t, w.ask("", "GET", path+"/answers/b", "")); n != 5 {
		t.Error(n)
	}
	for tile, code := range map[string]string{"c": "no_such_tile", "d": "no_such_insight", "x": "no_such_tile"} {
		if got := w.ask("", "GET", path+"/answers/"+tile, ""); got.Code != 404 || got.problem().Code != code {
			t.Errorf("%s: %d %s", tile, got.Code, got.Body)
		}
	}
	// An answer stays the same for a while, whatever arrives.
	w.add(1, "buy", 2)
	if n := total(t, w.ask("", "GET", path+"/answers/b", "")); n != 5 {
		t.Error(n)
	}
	w.now = w.now.Add(publicFor)
	if n := total(t, w.ask("", "GET", path+"/answers/b", "")); n != 7 {
		t.Error(n)
	}
	if got := w.ask("", "GET", path+"?project=2", ""); got.Code != 400 {
		t.Error(got.Code, got.Body)
	}
	if got := w.ask("1 admin", "DELETE", "/v1/dashboards/"+board.ID+"/link", ""); got.Code != 204 {
		t.Error(got.Code, got.Body)
	}
	for _, path := range []string{path, path + "/answers/b"} {
		if got := w.ask("1 admin", "GET", path, ""); got.Code != 404 || got.problem().Code != "no_such_link" {
			t.Errorf("a revoked link: %d %s", got.Code, got.Body)
		}
	}
	var trail struct{ Entries []auditEntry }
	w.ask("1 admin", "GET", "/v1/audit?limit=3", "").json(&trail)
	if s := fmt.Sprint(trail.Entries[0].Action, trail.Entries[1].Action); s != "dashboard.unsharedashboard.share" {
		t.Error(s)
	}
}

func TestPublicLinksAreNotAskedTooOften(t *testing.T) {
	w := newWorld(t)
	board := w.board("", `{"name":"Health"}`)
	var link struct{ Token string }
	w.ask("1 admin", "POST", "/v1/dashboards/"+board.ID+"/link", "").json(&link)
	visit := func(token string) int { return w.ask("", "GET", "/v1/public/dashboards/"+token, "").Code }
	for n := range visitsAtOnce {
		if code := visit("fd_guessed"); code != http.StatusNotFound {
			t.Fatal(n, code)
		}
	}
	got := w.ask("", "GET", "/v1/public/dashboards/fd_guessed", "")
	if got.problem().Code != "too_many_requests" || got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if code := visit(link.Token); code != http.StatusOK {
		t.Errorf("guesses shut out those who have a link: %d", code)
	}
	w.now = w.now.Add(time.Second)
	passed := 0
	for range 2 * visitsPerSecond {
		if visit("fd_guessed") == http.StatusNotFound {
			passed++
		}
	}
	if passed != visitsPerSecond {
		t.Errorf("%d requests in a second", passed)
	}
}

func TestAllowancesAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	a := newAllowances(func() time.Time { return now })
	for n := range 3 * maxAllowances {
		if !a.pass(fmt.Sprint(n)) {
			t.Fatal(n)
		}
		if n%100 == 0 {
			now = now.Add(time.Millisecond)
		}
	}
	if len(a.all) > maxAllowances {
		t.Error(len(a.all))
	}
}

func TestFiltersAreLeftOut(t *testing.T) {
	for in, want := range map[string]string{
		`{"question":{"series":[{"where":{"and":[]},"n":12345678901234567890}],"where":1},"where":2}`: `{"question":{"series":[{"n":12345678901234567890}]},"where":2}`,
	} {
		got, err := withoutFilters([]byte(in))
		if err != nil || !json.Valid(got) || string(got) != want {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
}
