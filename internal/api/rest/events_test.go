package rest

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

func TestEventsPage(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 7)
	w.add(2, "play", 2)
	seen := map[string]bool{}
	for target := "/v1/events?limit=3"; target != ""; {
		var page query.EventPage
		w.ask("1 read", "GET", target, "").json(&page)
		for _, e := range page.Events {
			if seen[e.ID] || e.Event != "buy" {
				t.Errorf("%+v", e)
			}
			seen[e.ID] = true
		}
		if target = ""; page.Next != "" {
			target = "/v1/events?limit=3&cursor=" + page.Next
			if p := w.ask("2 read", "GET", target, "").problem(); p.Code != "bad_cursor" {
				t.Error("another project took the cursor", p)
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d events", len(seen))
	}
	for params, want := range map[string]int{
		"event=buy": 7, "event=play": 0, "user_id=%3Du1": 1, "from=-3h": 3, "to=-3h": 4, "from=2026-04-15&to=now": 7, "from=2026-04-15T10:00:00Z": 2,
		"where=" + url.QueryEscape(`{"property":"amount","op":"gte","value":5}`): 2,
	} {
		var page query.EventPage
		w.ask("1 read", "GET", "/v1/events?"+params, "").json(&page)
		if len(page.Events) != want {
			t.Errorf("%s: %d events, want %d", params, len(page.Events), want)
		}
	}
}

func TestExportNDJSON(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 20)
	got := w.ask("1 read", "GET", "/v1/export", "")
	if got.Code != 200 || got.Header().Get("Content-Type") != "application/x-ndjson" ||
		got.Header().Get("Content-Disposition") != `attachment; filename="freshet-1-20260415-123000.ndjson"` {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	lines := strings.Split(strings.TrimSuffix(got.Body.String(), "\n"), "\n")
	for i, line := range lines {
		var e struct{ ID, Event string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != fmt.Sprint("buy-", i) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if len(lines) != 20 {
		t.Errorf("%d lines", len(lines))
	}
	if got := w.ask("1 read", "GET", "/v1/export?event=none", ""); got.Code != 200 || got.Body.Len() != 0 {
		t.Error(got.Code, got.Body)
	}
	if p := w.ask("1 read", "GET", "/v1/export?person=x", "").problem(); p.Code != "bad_person" {
		t.Error(p)
	}
}

// TestExportCSV is Q31 and Q32.
func TestExportCSV(t *testing.T) {
	w := newWorld(t)
	w.add(1, "@buy", 3)
	got := w.ask("1 read", "GET", "/v1/export?format=csv", "")
	rows, err := csv.NewReader(got.Body).ReadAll()
	must(t, err)
	if len(rows) != 4 || len(rows[0]) != len(csvColumns) {
		t.Fatalf("%q", rows)
	}
	for _, row := range rows[1:] {
		if row[2] != "'@buy" || !strings.HasPrefix(row[6], "'=u") || !strings.Contains(row[19], `"amount"`) {
			t.Errorf("%q", row)
		}
	}
	for in, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "a=1": "a=1", "": ""} {
		if got := cell(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestSchemaAndStatusAndLedger(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 4)
	var schema query.Schema
	w.ask("1 read", "GET", "/v1/schema", "").json(&schema)
	if len(schema.Events) != 1 || schema.Events[0].Name != "buy" || len(schema.Properties) != 2 {
		t.Errorf("%+v", schema)
	}
	var s serverStatus
	w.ask("1 read", "GET", "/v1/status", "").json(&s)
	if s.Version != "1.2.3" || s.Watermark.Position != 4 || s.Log.End != 4 || s.Freshness.P99 != 990 || s.Store.HotRows != 4 {
		t.Errorf("%+v", s)
	}
	var l struct {
		query.Ledger
		InFlight *uint64 `json:"in_flight"`
	}
	w.ask("1 read", "GET", "/v1/ledger", "").json(&l)
	if l.Total.Accepted != 4 || l.Total.Stored != 4 || !l.Balanced || l.InFlight == nil || len(l.Hours) != 1 {
		t.Errorf("%+v", l)
	}
	var none struct{ Hours []any }
	w.ask("2 read", "GET", "/v1/ledger", "").json(&none)
	if none.Hours == nil || len(none.Hours) != 0 {
		t.Errorf("%+v", none)
	}
}

func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	good := w.addDead(1, "too_deep", `{"event":"a"}`)
	bad := w.addDead(1, "malformed_json", `{bad`)
	foreign := w.addDead(2, "malformed_json", `{"event":"theirs"}`)
	var page query.DeadLetterPage
	w.ask("1 read", "GET", "/v1/deadletters", "").json(&page)
	if len(page.DeadLetters) != 2 || page.DeadLetters[0].Position != bad || page.DeadLetters[1].Body != `{"event":"a"}` {
		t.Errorf("%+v", page)
	}
	try := func(key, body string) (out struct {
		DryRun   bool `json:"dry_run"`
		Readable int
		Position uint64
		Letters  []replayedLetter
	},
	) {
		t.Helper()
		w.ask(key, "POST", "/v1/deadletters/replay", body).json(&out)
		return out
	}
	dry := try("1 read", `{}`)
	if !dry.DryRun || dry.Readable != 1 || len(dry.Letters) != 2 || len(w.replayer.taken) != 0 {
		t.Errorf("%+v, taken %q", dry, w.replayer.taken)
	}
	if got := try("1 read", `{"code":"too_deep"}`); len(got.Letters) != 1 || got.Letters[0].Outcome != "readable" {
		t.Errorf("%+v", got)
	}
	wet := try("1 admin", fmt.Sprintf(`{"positions":[%d,%d,%d],"dry_run":false}`, good, bad, foreign))
	outcomes := map[uint64]string{}
	for _, l := range wet.Letters {
		outcomes[uint64(l.Position)] = l.Outcome
	}
	if wet.DryRun || wet.Readable != 1 || wet.Position != 1001 || outcomes[uint64(good)] != "replayed" ||
		outcomes[uint64(bad)] != "unreadable" || outcomes[uint64(foreign)] != "not_found" {
		t.Errorf("%+v", wet)
	}
	if len(w.replayer.taken) != 1 || w.replayer.taken[0] != `{"event":"a"}` {
		t.Errorf("%q", w.replayer.taken)
	}
	if got := try("1 read", fmt.Sprintf(`{"before":%d}`, bad)); len(got.Letters) != 1 || got.Letters[0].Position != good {
		t.Errorf("%+v", got)
	}
}

func TestControl(t *testing.T) {
	w := newWorld(t)
	var p projectView
	got := w.ask("1 admin", "POST", "/v1/projects", `{"name":"Third","timezone":"Europe/Berlin","retention_days":90}`)
	got.json(&p)
	if got.Code != 201 || p.ID != 3 || p.Timezone != "Europe/Berlin" || p.SessionGapMinutes != 30 {
		t.Errorf("%d %+v", got.Code, p)
	}
	var key struct {
		ID        uint64
		Kind, Key string
	}
	got = w.ask("1 admin", "POST", "/v1/projects/3/keys", `{"kind":"read","name":"Board"}`)
	got.json(&key)
	var me struct {
		Kind    string
		Project projectView
	}
	w.ask(key.Key, "GET", "/v1/me", "").json(&me)
	if got.Code != 201 || key.ID == 0 || me.Kind != "read" || me.Project.Name != "Third" {
		t.Errorf("%d %+v %+v", got.Code, key, me)
	}
	w.ask("1 admin", "GET", "/v1/me?project=3", "").json(&me)
	if me.Kind != "admin" || me.Project.ID != 3 {
		t.Errorf("%+v", me)
	}
	var list struct{ Projects []projectView }
	w.ask("1 admin", "GET", "/v1/projects", "").json(&list)
	if len(list.Projects) != 3 {
		t.Errorf("%+v", list)
	}
	keys := w.ask("1 admin", "GET", "/v1/projects/3/keys", "").Body.String()
	if strings.Contains(keys, key.Key) || !strings.Contains(keys, key.Key[37:]) {
		t.Error(keys)
	}
	var audit struct {
		Entries []auditEntry
		Next    uint64
	}
	w.ask("1 admin", "GET", "/v1/audit?limit=2", "").json(&audit)
	if len(audit.Entries) != 2 || audit.Entries[0].Action != "key.create" || audit.Entries[1].Actor != "key 3 (admin)" || audit.Next != audit.Entries[1].ID {
		t.Errorf("%+v", audit)
	}
	if all := w.ask("1 admin", "GET", "/v1/audit", "").Body.String(); strings.Contains(all, key.Key) {
		t.Error("a key in the audit trail")
	}
}

func TestDuplicatesBySDK(t *testing.T) {
	w := newWorld(t)
	hour := w.now.Truncate(time.Hour)
	for i, at := range []time.Time{hour, hour, hour.Add(-24 * time.Hour), hour.Add(-9 * 24 * time.Hour)} {
		w.store.Count(1, at.Unix(), store.Counts{Accepted: 1, Duplicate: 1})
		w.store.CountDuplicate(1, at.Unix(), store.SDK{Name: "analytics-ios", Version: []string{"1", "2", "2", "2"}[i]})
	}
	must(t, w.store.Commit(context.Background(), 4))
	got := w.ask("1 read", "GET", "/v1/ledger/duplicates", "")
	var d query.Duplicates
	got.json(&d)
	if d.Total != 3 || d.Interval != "day" || len(d.SDKs) != 2 || d.SDKs[0].LibraryVersion != "2" || d.SDKs[0].Duplicates != 2 ||
		len(d.SDKs[0].Buckets) != 2 || !d.SDKs[1].Buckets[0].Start.Equal(w.now.Truncate(24*time.Hour)) {
		t.Errorf("%s", got.Body)
	}
	w.ask("1 read", "GET", "/v1/ledger/duplicates?from=-2h&interval=hour", "").json(&d)
	if d.Total != 2 || len(d.SDKs) != 2 || !d.SDKs[0].Buckets[0].Start.Equal(hour) {
		t.Errorf("%+v", d)
	}
	if got := w.ask("2 read", "GET", "/v1/ledger/duplicates", ""); !strings.Contains(got.Body.String(), `"sdks":[]`) {
		t.Errorf("%s", got.Body)
	}
	for query, code := range map[string]string{
		"?interval=week": "invalid_parameter", "?from=now&to=-1d": "bad_range", "?from=-90w&to=now": "range_too_long", "?from=x": "bad_time",
	} {
		if got := w.ask("1 read", "GET", "/v1/ledger/duplicates"+query, ""); got.Code != 400 || got.problem().Code != code {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
}
