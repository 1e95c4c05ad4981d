package project

import (
	"context"
	"encoding/json"
	"time"
)

// maxPlan bounds a tracking plan, in bytes.
const maxPlan = 1 << 20

// Plan is the tracking plan of a project: which events are expected, and with what.
type Plan struct {
	Project ID
	// Document is at most 1 MiB; nil when there is no plan. What it means is for the caller to know.
	Document json.RawMessage
	// Version is 1 at first and one more after each change, taking the plan away among them; 0 when there never was one.
	Version   uint64
	UpdatedAt time.Time
}

// Plan returns the tracking plan of a project. It asks the store.
func (s *Service) Plan(ctx context.Context, id ID) (Plan, error) {
	p, err := s.store.Plan(ctx, id)
	if err != nil {
		return Plan{}, storeError("read the plan", err)
	}
	return p, nil
}

// SetPlan replaces the tracking plan of a project; nil takes it away. version is the one that the caller has seen, 0 for
// whichever there is; another one is PlanChanged. A change that changes nothing is neither written nor audited. detail says in
// words what the plan is, for the audit.
func (s *Service) SetPlan(ctx context.Context, actor string, id ID, version uint64, document json.RawMessage, detail string) (Plan, error) {
	old, err := s.Plan(ctx, id)
	if err != nil {
		return Plan{}, err
	}
	if version != 0 && version != old.Version {
		return Plan{}, PlanChanged()
	}
	if len(document) > maxPlan {
		return Plan{}, invalid("plan_too_large", "", "the plan has %d bytes; %d are allowed", len(document), maxPlan)
	}
	if string(document) == string(old.Document) {
		return old, nil
	}
	next := Plan{Project: id, Document: document, Version: old.Version + 1, UpdatedAt: s.moment()}
	audit := AuditEntry{At: next.UpdatedAt, Actor: actor, Action: "plan.update", Project: id, Detail: "tracking plan: " + detail}
	if err := s.store.SetPlan(ctx, next, audit); err != nil {
		return Plan{}, storeError("write the plan", err)
	}
	return next, nil
}
