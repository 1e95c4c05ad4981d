package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

type personUnlinkCmd struct {
	askFlags
	ID string `arg:"" help:"The id, with user:, anonymous: or device: before it."`
}

// Help implements kong.HelpProvider.
func (personUnlinkCmd) Help() string {
	return `Takes back that the id was linked, for all events, earlier ones too: what came with it as its own is a person of its own. The
other ids stay one person. A link that comes later counts again. It needs an admin key.

  freshet person unlink anonymous:7f3a`
}

func (c *personUnlinkCmd) Run(ctx context.Context, s streams) error {
	kind, id, ok := strings.Cut(c.ID, ":")
	if !ok {
		return usageError(fmt.Sprintf("%q does not say which sort of id it is: write user:, anonymous: or device: before it", c.ID))
	}
	wish := map[string]string{"kind": kind, "id": id}
	r := c.request(http.MethodPost, "/v1/persons/unlink")
	return call(ctx, s, c.serverFlags, c.JSON, r, wish, "", "unlinked", "person", "from", "position")
}
