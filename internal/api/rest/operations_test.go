package rest

import (
	"context"
	"testing"

	"github.com/freshet/freshet/internal/project"
)

// operator has a hundred rows a project, times its number, and 3,000 bytes.
type operator struct{}

func (operator) Operations(context.Context) (Operations, error) {
	return Operations{Accepted: 7, StoreBytes: 3000, Acks: OperationsBuckets{Count: 2, Buckets: []OperationsBucket{{0.001, 1}, {0.002, 2}}}}, nil
}

func (operator) Rows(_ context.Context, p project.ID) (int64, error) { return 100 * int64(p), nil }

func (operator) Limits(_ context.Context, p project.ID) ([]Limit, error) {
	value := 1000 * float64(p)
	return []Limit{{Name: "event_bytes", What: "Largest single event.", Unit: "bytes", Value: &value, Key: "limits.max_event", Scope: "request"}}, nil
}

func TestOperations(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	type answer struct {
		Accepted float64
		Acks     OperationsBuckets
		Status   serverStatus
		Projects []operationsProject
	}
	var all, own answer
	w.ask("1 admin", "GET", "/v1/operations", "").json(&all)
	if all.Accepted != 7 || len(all.Acks.Buckets) != 2 || all.Status.Watermark.Position != 3 || len(all.Projects) != 2 ||
		all.Projects[1] != (operationsProject{2, "Game", 200, 2000}) {
		t.Errorf("%+v", all)
	}
	w.ask("1 read", "GET", "/v1/operations", "").json(&own)
	if len(own.Projects) != 1 || own.Projects[0] != (operationsProject{1, "Shop", 100, 1000}) {
		t.Errorf("%+v", own.Projects)
	}
}
