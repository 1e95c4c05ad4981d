package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestAnswersOfEveryKind(t *testing.T) {
	frame := `"range":{"from":"2026-03-01","to":"2026-03-04","timezone":"UTC"},"watermark":{"position":123,"time":"2026-03-03"},"took_ms":1.5`
	for kind, c := range map[string]struct {
		answer string
		want   []string
	}{
		"funnel": {
			`"groups":[{"breakdown":["DE",7],"open":3,"steps":[{"label":"start","count":10,"rate":1,"from_previous":null},{"label":"buy","count":5,"rate":0.5,"from_previous":0.5}]}]`,
			[]string{"DE / 7", "buy         5      50.0 %", "still open  3"},
		},
		"retention": {
			`"columns":[{"from":0,"to":0},{"from":1,"to":7}],"tables":[{"people":4,"cohorts":[{"start":"2026-03-01","size":4,` +
				`"cells":[{"rate":1,"state":"complete"},{"rate":0.25,"state":"so_far"}]}],"average":[{"rate":1},{"rate":null}]}]`,
			[]string{"START       PEOPLE  0        1 to 7", "2026-03-01  4       100.0 %  25.0 % *", "all         4       100.0 %  -"},
		},
		"lifecycle": {
			`"buckets":[{"start":"2026-03-01","active":6,"new":1,"returning":2,"resurrecting":3,"dormant":8,"pulse":0.5},{"start":"2026-03-02","dormant":null,"pulse":null}],` +
				`"groups":[{"breakdown":["DE"],"buckets":[{"start":"2026-03-01","active":4,"new":4,"dormant":null,"pulse":null}]}]`,
			[]string{"2026-03-01  6       1    2          3             8        0.50", "2026-03-02  0       0    0          0             -        -", "DE\n", "2026-03-01  4       4"},
		},
		"stickiness": {
			`"windows":[{"start":"2026-03-01","people":4,"counts":[3,1],"rates":[0.75,0.25]}],"days":[{"start":"2026-03-02","day":2,"span":8,"ratio":0.25}],` +
				`"groups":[{"breakdown":["DE"],"days":[{"start":"2026-03-02","day":1,"span":2,"ratio":0.5}]}]`,
			[]string{"DE\n", "2026-03-02  1         2                 50.0 %", "2026-03-01: 4 people", "2           1         25.0 %", "2026-03-02  2         8                 25.0 %"},
		},
		"sessions": {
			`"buckets":[{"start":"2026-03-01"}],"groups":[{"total":{"sessions":4,"bounce_rate":0.5,"average_seconds":1.25},"buckets":[{"sessions":4}]}]`,
			[]string{"2026-03-01  4         -        -", "all         4         50.0 %   -            1.25          -"},
		},
		"paths": {
			`"paths":9,"layers":[{"step":-1,"nodes":[{"value":"open","count":9}]},{"step":0,"nodes":[{"value":1,"count":2},{"value":"$end","count":7}]}],` +
				`"links":[{"step":-1,"from":0,"to":1,"count":7}]`,
			[]string{"9 paths", "-1    open  $end  7"},
		},
	} {
		var out bytes.Buffer
		raw := json.RawMessage(`{"kind":"` + kind + `",` + c.answer + "," + frame + "}")
		if err := new(queryCmd).printAnswer(&out, raw); err != nil {
			t.Fatal(err)
		}
		for _, want := range append(c.want, "as of position 123 (2026-03-03), 1.5 ms") {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", kind, want, &out)
			}
		}
	}
}
