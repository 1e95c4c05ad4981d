package query

import (
	"context"
	"slices"
	"strconv"

	"github.com/freshet/freshet/internal/event"
)

// Standing is how an id stands to the person that it leads to.
type Standing struct {
	// Space is the sort of the id; Number is the one that it has by itself, Person the one of the person, in decimal digits.
	Space          event.Space
	Number, Person string
	// Linked tells that other ids lead to the person, too, or that events of the id are others'.
	Linked bool
}

// Standing returns how an id stands that is a user id, an anonymous id or a device id, as kind says. The error for an id that
// leads to nobody is NotFound; for one that could be nobody's, Invalid.
func (e *Engine) Standing(ctx context.Context, s Scope, kind, id string) (*Standing, error) {
	if !slices.ContainsFunc(idSpaces(), func(x idSpace) bool { return x.kind == kind }) {
		return nil, &event.Error{Kind: event.Invalid, Code: "bad_kind", Field: "kind", Message: quoteShort(kind) + " is none of user, anonymous, device"}
	}
	if event.Nobody(id) {
		return nil, &event.Error{Kind: event.Invalid, Code: "bad_id", Field: "id", Message: quoteShort(id) + " is an id of nobody, and so never linked"}
	}
	out := &Standing{Space: spaceOf(kind)}
	number := event.IDNumber(out.Space, id)
	err := e.ask(ctx, "unlink", s, func(ctx context.Context, cut *peopledCut) error {
		g := &ground{e, cut, s}
		shared, err := g.isShared(ctx, kind, id, number)
		if err != nil {
			return err
		}
		person, err := g.find(ctx, kind+":"+id)
		if shared && event.KindOf(err) == event.NotFound {
			person, err = number, nil
		}
		if err != nil {
			return err
		}
		out.Number, out.Person = strconv.FormatUint(number, 10), strconv.FormatUint(person, 10)
		if out.Linked = person != number || shared; out.Linked {
			return nil
		}
		found := &Profile{}
		if err := g.own(person).identities(ctx, person, found); err != nil {
			return err
		}
		for _, other := range found.Identities {
			out.Linked = out.Linked || other.Number != out.Number
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// isShared tells whether events that carry no user but the id, which is none of a user, are of another person than it is by itself.
func (g *ground) isShared(ctx context.Context, kind, id string, number uint64) (bool, error) {
	column := map[string]string{kindAnonymous: "anonymous_id", kindDevice: "device_id"}[kind]
	if column == "" {
		return false, nil
	}
	sql := "SELECT 1 FROM " + g.cut.Events("person", "user_id", column) + " WHERE " + column + " = " + g.cut.Dialect().Parameter(1, id) + " AND user_id IS NULL AND person <> " +
		strconv.FormatUint(number, 10) + " LIMIT 1"
	for _, err := range g.engine.rows(ctx, g.cut, "events of the id", sql, []any{id}) {
		return err == nil, err
	}
	return false, nil
}
