//go:build cluster

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/test/clickhousetest"
)

// pastEvents are events of some weeks that are over, of people who sign in with one device or two. The same number always makes
// the same events.
func pastEvents(n int) [][]byte {
	r := rand.New(rand.NewPCG(7, 7))
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20)
	var out [][]byte
	var batch []map[string]any
	for i := range n {
		who := r.IntN(60)
		e := map[string]any{
			"id": fmt.Sprint("past-", i), "timestamp": day.Add(time.Duration(i) * 15 * 24 * time.Hour / time.Duration(n)).Format(time.RFC3339Nano),
			"anonymous_id": fmt.Sprint("device-", who, "-", r.IntN(2)), "session_id": fmt.Sprint("s-", who, "-", i*20/n),
		}
		switch r.IntN(12) {
		case 0:
			e["kind"], e["user_id"] = "identify", fmt.Sprint("user-", who)
			e["traits"] = map[string]any{"plan": []any{"free", "pro", 3, nil}[r.IntN(4)], "since": i}
		case 1:
			e["event"] = "broken" // a dead letter
			e["timestamp"] = "never"
		default:
			e["event"] = []string{"opened", "viewed", "bought", "left"}[r.IntN(4)]
			e["properties"] = map[string]any{
				"price": float64(r.IntN(5000)) / 100, "item": fmt.Sprint("item ", r.IntN(9)), "gift": r.IntN(2) == 0,
				"tags": []any{"a", r.IntN(3)}, "at": day.AddDate(0, 0, r.IntN(9)).Format("2006-01-02T15:04:05.000Z"),
			}
		}
		if batch = append(batch, e); len(batch) == 100 || i == n-1 {
			out, batch = append(out, native(batch...)), nil
		}
	}
	return out
}

// everyQuestion has one of each kind, and more of those that are asked in several ways.
var everyQuestion = []string{
	`{"kind":"trends","interval":"day","series":[{"events":["opened"]},{"events":["bought"],"aggregate":"sum","property":"price"}],"breakdown":[{"property":"item"}],"breakdown_limit":4}`,
	`{"kind":"trends","interval":"week","timezone":"America/New_York","series":[{"aggregate":"unique"},{"aggregate":"p90","property":"price"},{"aggregate":"per_user"},{"aggregate":"sessions"}],"where":{"property":"gift","op":"is","value":true}}`,
	`{"kind":"trends","interval":"day","series":[{"events":["viewed"],"aggregate":"unique"}],"breakdown":[{"property":"plan","of":"person","at":"event"}]}`,
	`{"kind":"funnel","window":"2d","steps":[{"events":["opened"]},{"events":["viewed"]},{"events":["bought"]}],"breakdown":[{"property":"item"}]}`,
	`{"kind":"funnel","window":"1d","entry":"every","show":"trend","interval":"day","steps":[{"events":["opened"]},{"events":["bought"]}]}`,
	`{"kind":"retention","interval":"day","periods":7,"start":{"events":["opened"]},"return":{"events":["bought"]}}`,
	`{"kind":"lifecycle","interval":"day","active":{"events":["opened"]}}`,
	`{"kind":"stickiness","active":{"events":["viewed"]}}`,
	`{"kind":"paths","from":{"events":["opened"]},"depth":3,"nodes":6}`,
	`{"kind":"sessions","interval":"week"}`,
}

// answers are those of every question, of the schema and of what people are, without what two servers may differ in.
func (s *server) answers(t *testing.T) map[string]any {
	t.Helper()
	s.waitIdle()
	day := time.Now().UTC().Truncate(24 * time.Hour)
	out := map[string]any{}
	for _, q := range everyQuestion {
		body := map[string]any{}
		if err := json.Unmarshal([]byte(q), &body); err != nil {
			t.Fatal(err)
		}
		body["range"] = map[string]string{"from": day.AddDate(0, 0, -20).Format(time.DateOnly), "to": day.AddDate(0, 0, -4).Format(time.DateOnly)}
		asked, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		var a any
		s.ask(http.MethodPost, "/v1/query", asked, &a)
		out[q] = alike(a)
	}
	for _, path := range []string{"/v1/schema", "/v1/deadletters?limit=50", "/v1/ledger?from=-7d", "/v1/ledger/duplicates?from=-7d"} {
		var a any
		s.get(path, &a)
		out[path] = alike(a)
	}
	return out
}

// alike leaves out what tells of the moment and the server, and the last digits of numbers: a sum depends on its order.
func alike(v any) any {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', 10, 64)
	case []any:
		for i := range v {
			v[i] = alike(v[i])
		}
	case map[string]any:
		for key, member := range v {
			switch key {
			case "watermark", "took_ms", "took", "cached", "now", "time", "received_at", "day_zone", "read", "id":
				delete(v, key)
			default:
				v[key] = alike(member)
			}
		}
	}
	return v
}

func asText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// TestOnClickHouse sends the same events to a server with its store in the folder and to one with its store in ClickHouse: whatever
// is asked, both answer the same. What is done to the folder and the database by mistake is refused.
func TestOnClickHouse(t *testing.T) {
	url := clickhousetest.Database(t, t.TempDir())
	embedded, away := start(t), start(t, "--store-address", url)
	for _, batch := range pastEvents(3000) {
		for _, s := range []*server{embedded, away} {
			if r, err := s.call(http.MethodPost, "/v1/events", s.write, batch); err != nil || r.status >= 500 {
				t.Fatalf("%v %s", err, r)
			}
		}
	}
	unlink := []byte(`{"kind":"anonymous","id":"device-1-0"}`)
	compare := func(when string) {
		t.Helper()
		want, got := embedded.answers(t), away.answers(t)
		for asked, answer := range want {
			if !reflect.DeepEqual(answer, got[asked]) {
				t.Errorf("%s: %s\n%s\nin ClickHouse\n%s", when, asked, tail(asText(answer), 3000), tail(asText(got[asked]), 3000))
			}
		}
	}
	compare("at first")
	for _, s := range []*server{embedded, away} {
		var a any
		s.ask(http.MethodPost, "/v1/persons/unlink", unlink, &a)
	}
	compare("after an id was unlinked")
	for _, s := range []*server{embedded, away} {
		s.kill()
		s.restart()
	}
	compare("after a kill")
	want, got := embedded.ledger(), away.ledger()
	if want != got {
		t.Errorf("the ledgers are %+v and %+v", want, got)
	}

	// What is wrong is said.
	refused := func(what, words string, args ...string) {
		t.Helper()
		if out, stderr, code := away.cli("", args...); code == 0 || !strings.Contains(out+stderr, words) {
			t.Errorf("%s: %d %s%s", what, code, out, stderr)
		}
	}
	serve := []string{"serve", "--listen", freeAddress(t), "--admin-listen", ""}
	refused("another folder's database", "another data folder", append(serve, "--data", filepath.Join(t.TempDir(), "data"), "--store-address", url)...)
	refused("a doctor for another folder", "another data folder", "doctor", "--data", filepath.Join(t.TempDir(), "data"), "--store-address", url)
	away.stop()
	refused("without its database", "store.address", append(serve, "--data", away.dir)...)
	refused("a rebuild", "name an empty one with store.address", "rebuild", "--data", away.dir, "--store-address", url)
	out, stderr, code := away.cli("", "verify", "--data", away.dir, "--store-address", url)
	if code != 0 || !strings.Contains(out, "All is well") || !strings.Contains(out, fmt.Sprintf("%d stored", got.Stored)) {
		t.Errorf("verify: %d %s%s", code, out, stderr)
	}

	// An empty database is filled, and so is the folder.
	away.args = []string{"--store-address", clickhousetest.Database(t, t.TempDir())}
	away.restart()
	compare("in a new database")
	away.stop()
	if out, stderr, code := away.cli("", "rebuild", "--data", away.dir); code != 0 {
		t.Fatalf("rebuild: %s%s", out, stderr)
	}
	away.args = nil
	away.restart()
	compare("in the folder again")
}

// TestClickHouseKilled kills the server and ClickHouse in turn, and starts the server while ClickHouse is away: everything is
// accepted all the time, and there once at the end.
func TestClickHouseKilled(t *testing.T) {
	ch := clickhousetest.Start(t)
	address := strings.Replace(ch.URL(), "default@", "default:@", 1) + "/freshet"
	s := start(t, "--store-address", address)
	l := s.begin(4, 10*time.Millisecond, "ffaaf")
	pause := func() { <-time.After(time.Duration(100+rand.IntN(900)) * time.Millisecond) }
	for range 6 {
		pause()
		s.kill()
		s.restart()
	}
	for range 3 {
		pause()
		ch.Kill()
		at := l.count()
		eventually(t, soon, "events are accepted while ClickHouse is away", func() bool { return l.count() > at+100 })
		ch.Run()
		s.waitReady()
	}
	ch.Kill()
	s.kill()
	s.run()
	at := l.count()
	eventually(t, soon, "events are accepted by a server that ClickHouse has never answered", func() bool { return l.count() > at+100 })
	if r, err := s.call(http.MethodPost, "/v1/query", s.admin, []byte(`{"kind":"trends","range":{"from":"-1d"},"series":[{}]}`)); err != nil || r.status != http.StatusServiceUnavailable ||
		r.header.Get("Retry-After") == "" {
		t.Errorf("a question while ClickHouse is away: %v %s", err, r)
	}
	ch.Run()
	s.waitReady()
	l.finish()
	s.waitIdle()
	t.Logf("%d events acknowledged, %d not; refused %v", len(l.acked), len(l.open), l.refused)
	for code := range l.refused {
		if code != 0 { // those that a kill cut off
			t.Errorf("refused: %v, the last with %s", l.refused, l.last)
		}
	}
	events := s.export("")
	l.check(t, events)
	if c := s.ledger(); c.Stored != int64(len(events)) || c.Accepted < l.received {
		t.Errorf("%d events are there, %d were acknowledged, the ledger says %+v", len(events), l.received, c)
	}
}
