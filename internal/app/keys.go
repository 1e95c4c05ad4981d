package app

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/store"
)

// writeKeys lets ingest resolve keys. A key that may not write is told so, because whoever ships it in an app has
// published it.
type writeKeys struct{ projects *project.Service }

// WriteKey implements ingest.Keys.
func (k writeKeys) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	id, err := k.projects.Authenticate(key)
	if err != nil {
		return 0, clientError(err)
	}
	if id.Kind == project.Read {
		return 0, event.Errorf(event.Forbidden, "wrong_key_kind", "this key may only read; events take a write key (fw_…)")
	}
	return store.ProjectID(id.Project), nil
}

var kinds = map[project.ErrorKind]event.ErrorKind{
	project.Invalid: event.Invalid, project.NotFound: event.NotFound, project.Conflict: event.Conflict,
	project.Unauthorized: event.Unauthorized, project.Unavailable: event.Unavailable,
}

// clientError says a control plane's error in the words of the rest of the program.
func clientError(err error) error {
	var e *project.Error
	if !errors.As(err, &e) {
		return err
	}
	return &event.Error{Kind: kinds[e.Kind], Code: e.Code, Field: e.Field, Message: e.Message, Err: e.Err}
}
