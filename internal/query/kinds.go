package query

import (
	"context"

	"github.com/freshet/freshet/internal/store"
)

// Asked is a resolved question of any kind.
type Asked interface {
	// Key is equal for questions that mean the same, and differs otherwise. It does not hold the project.
	Key() string
	// Ask answers the question, on one cut of the data.
	Ask(ctx context.Context, e *Engine, s Scope) (Answered, error)
	// How says in sentences what becomes of the rows that the store hands over.
	How() []string

	kind() string
	// attribution is how the events behind its numbers are attributed.
	attribution() store.Attribution
}

// Answered is an answer of any kind. Its last fields are watermark, cached and took_ms.
type Answered interface {
	// At is up to where the answer is complete.
	At() store.Watermark
}

// answered keeps a nil answer out of the interface.
func answered[A any, P interface {
	*A
	Answered
}](a P, err error) (Answered, error) {
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Ask implements Asked.
func (r *Resolved) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Trends(ctx, s, r))
}

// Ask implements Asked.
func (r *ResolvedRetention) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Retention(ctx, s, r))
}

// Ask implements Asked.
func (r *ResolvedLifecycle) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Lifecycle(ctx, s, r))
}

// Ask implements Asked.
func (r *ResolvedStickiness) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Stickiness(ctx, s, r))
}

// Ask implements Asked.
func (r *ResolvedPaths) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Paths(ctx, s, r))
}

// At implements Answered.
func (a *Answer) At() store.Watermark { return a.Watermark }

// At implements Answered.
func (a *RetentionAnswer) At() store.Watermark { return a.Watermark }

// At implements Answered.
func (a *LifecycleAnswer) At() store.Watermark { return a.Watermark }

// At implements Answered.
func (a *StickinessAnswer) At() store.Watermark { return a.Watermark }

// At implements Answered.
func (a *PathsAnswer) At() store.Watermark { return a.Watermark }

// Ask implements Asked.
func (r *ResolvedFunnel) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Funnel(ctx, s, r))
}

// At implements Answered.
func (a *FunnelAnswer) At() store.Watermark { return a.Watermark }

// Ask implements Asked.
func (r *ResolvedSessions) Ask(ctx context.Context, e *Engine, s Scope) (Answered, error) {
	return answered(e.Sessions(ctx, s, r))
}

// At implements Answered.
func (a *SessionsAnswer) At() store.Watermark { return a.Watermark }
