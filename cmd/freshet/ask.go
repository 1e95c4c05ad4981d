package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/freshet/freshet/internal/client"
)

// askFlags say which server and project is asked, and how the answer is printed.
type askFlags struct {
	serverFlags
	jsonFlag
	Project string `placeholder:"ID" help:"Project to ask, with an admin key."`
}

// request is one about the project, the key's own if none is named.
func (f askFlags) request(method, path string) client.Request {
	r := client.Request{Method: method, Path: path, Query: url.Values{}}
	if f.Project != "" {
		r.Query.Set("project", f.Project)
	}
	return r
}

// pageFlags say which page of a list is wanted.
type pageFlags struct {
	Limit  int    `default:"50" help:"How many at most, up to 1000."`
	Cursor string `help:"Where the page before ended: its next."`
}

func (f pageFlags) add(q url.Values) {
	q.Set("limit", strconv.Itoa(f.Limit))
	if f.Cursor != "" {
		q.Set("cursor", f.Cursor)
	}
}

// documentOf reads JSON out of a file, or from standard input for -; what names it in errors.
func documentOf(name, what string, s streams) (json.RawMessage, error) {
	text, err := contentOf(name, s.in)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", what, err)
	}
	if !json.Valid(text) {
		return nil, usageError("the " + what + " is not JSON")
	}
	return text, nil
}
