package project

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxInsights is how many insights a project may have.
	MaxInsights    = 1000
	maxDescription = 2000
	maxQuestion    = 64 << 10
	insightIDLen   = 10
)

// Insight is a question that was saved under a name.
type Insight struct {
	// ID has 10 letters and digits. It is never used again and stays the same when the insight is changed.
	ID      string
	Project ID
	// Name has 1 to 100 characters; several insights may have the same.
	Name string
	// Description has at most 2,000 characters, line feeds among them.
	Description string
	// Kind is the kind of question, for lists that do not have the question itself.
	Kind string
	// Question is as it was asked, at most 64 KiB. What it means is for the caller to know.
	Question json.RawMessage
	// Version is 1 at first and one more after each change.
	Version   uint64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// InsightChange names what to set; nil leaves it as it is, or empty in a new insight. Kind goes with Question.
type InsightChange struct {
	Name, Description *string
	Kind              string
	Question          json.RawMessage
}

// Insights returns the insights of a project by name, without their questions. It asks the store.
func (s *Service) Insights(ctx context.Context, id ID) ([]Insight, error) {
	list, err := s.store.Insights(ctx, id)
	if err != nil {
		return nil, storeError("read the insights", err)
	}
	return list, nil
}

// Insight returns one insight of a project. It asks the store.
func (s *Service) Insight(ctx context.Context, p ID, id string) (Insight, error) {
	i, err := s.store.Insight(ctx, p, id)
	if err != nil {
		return Insight{}, storeError("read the insight", err)
	}
	return i, nil
}

// CreateInsight saves a question. Name and question are required.
func (s *Service) CreateInsight(ctx context.Context, actor string, p ID, c InsightChange) (Insight, error) {
	if c.Name == nil {
		return Insight{}, invalid("bad_name", "name", "an insight needs a name of 1 to %d characters", maxName)
	}
	if c.Question == nil {
		return Insight{}, invalid("missing_question", "question", "an insight needs the question to save")
	}
	now := s.moment()
	i, err := c.apply(Insight{ID: string(appendRandom(nil, insightIDLen)), Project: p, Version: 1, CreatedAt: now, UpdatedAt: now})
	if err != nil {
		return Insight{}, err
	}
	audit := AuditEntry{At: now, Actor: actor, Action: "insight.create", Project: p, Detail: "insight " + i.label()}
	if err := s.store.CreateInsight(ctx, i, MaxInsights, audit); err != nil {
		return Insight{}, storeError("create the insight", err)
	}
	return i, nil
}

// UpdateInsight changes an insight. version is the one that the caller has seen, 0 for whichever there is; another one
// is InsightChanged. A change that changes nothing is neither written nor audited.
func (s *Service) UpdateInsight(ctx context.Context, actor string, p ID, id string, version uint64, c InsightChange) (Insight, error) {
	old, err := s.Insight(ctx, p, id)
	if err != nil {
		return Insight{}, err
	}
	if version != 0 && version != old.Version {
		return Insight{}, InsightChanged(id)
	}
	i, err := c.apply(old)
	if err != nil {
		return Insight{}, err
	}
	detail := old.difference(i)
	if detail == "" {
		return old, nil
	}
	i.Version, i.UpdatedAt = old.Version+1, s.moment()
	audit := AuditEntry{At: i.UpdatedAt, Actor: actor, Action: "insight.update", Project: p, Detail: "insight " + old.label() + ": " + detail}
	if err := s.store.UpdateInsight(ctx, i, audit); err != nil {
		return Insight{}, storeError("update the insight", err)
	}
	return i, nil
}

// DeleteInsight removes an insight for good. version is as for UpdateInsight.
func (s *Service) DeleteInsight(ctx context.Context, actor string, p ID, id string, version uint64) error {
	old, err := s.Insight(ctx, p, id)
	if err != nil {
		return err
	}
	audit := AuditEntry{At: s.moment(), Actor: actor, Action: "insight.delete", Project: p, Detail: "insight " + old.label()}
	if version == 0 {
		version = old.Version
	}
	if err := s.store.DeleteInsight(ctx, p, id, version, audit); err != nil {
		return storeError("delete the insight", err)
	}
	return nil
}

// apply returns i with the change made, or what is wrong with the change.
func (c InsightChange) apply(i Insight) (Insight, error) {
	var err error
	if c.Name != nil {
		if i.Name, err = validName(*c.Name, 1); err != nil {
			return i, err
		}
	}
	if c.Description != nil {
		if i.Description, err = validDescription(*c.Description); err != nil {
			return i, err
		}
	}
	if c.Question != nil {
		if len(c.Question) > maxQuestion {
			return i, invalid("question_too_large", "question", "the question has %d bytes; %d are allowed", len(c.Question), maxQuestion)
		}
		i.Kind, i.Question = c.Kind, c.Question
	}
	return i, nil
}

// validDescription returns the description without the blanks around it.
func validDescription(text string) (string, error) {
	const code, field = "bad_description", "description"
	if !utf8.ValidString(text) {
		return "", invalid(code, field, "the description is not valid UTF-8")
	}
	for at, r := range text {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			return "", invalid(code, field, "the description has the control character %U at byte %d", r, at)
		}
	}
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n > maxDescription {
		return "", invalid(code, field, "the description has %d characters; %d are allowed", n, maxDescription)
	}
	return text, nil
}

// label names an insight for the audit.
func (i Insight) label() string { return fmt.Sprintf("%s, %q", i.ID, i.Name) }

// difference says what is different in another version, for the audit.
func (i Insight) difference(next Insight) string {
	var parts []string
	if i.Name != next.Name {
		parts = append(parts, fmt.Sprintf("name %q", next.Name))
	}
	if i.Description != next.Description {
		parts = append(parts, "description")
	}
	if string(i.Question) != string(next.Question) {
		parts = append(parts, "question")
	}
	return strings.Join(parts, "; ")
}
