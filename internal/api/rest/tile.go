package rest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/query"
)

const (
	// gridColumns is how many columns a dashboard has.
	gridColumns = 12
	// maxTileRows bounds the height of a tile, maxGridRows the height of a dashboard.
	maxTileRows = 24
	maxGridRows = 1000
	// maxTiles is how many tiles a dashboard may have.
	maxTiles    = 60
	maxTileID   = 20
	maxTileText = 4000
	maxTitle    = 100
)

// tileView is a piece of a dashboard: a saved question, a question of its own, or words.
type tileView struct {
	ID       string         `json:"id" doc:"1 to 20 letters and digits, unique on the dashboard." example:"a1"`
	X        int            `json:"x" doc:"The column it begins in, from 0; there are 12." example:"0"`
	Y        int            `json:"y" doc:"The row it begins in, from 0." example:"0"`
	W        int            `json:"w" doc:"How many columns it is wide." example:"6"`
	H        int            `json:"h" doc:"How many rows it is high, at most 24." example:"4"`
	Title    string         `json:"title,omitempty" doc:"At most 100 characters; without one an insight has its own name."`
	Insight  string         `json:"insight,omitempty" doc:"The id of the saved question it shows." example:"q7Hd0mZx4K"`
	Question *savedQuestion `json:"question,omitempty" doc:"A question of its own, of any kind as for POST /v1/query."`
	View     string         `json:"view,omitempty" doc:"The picture, as in the view of an address of the page; without one the usual of its kind." example:"number"`
	Text     string         `json:"text,omitempty" doc:"Words in place of a question, at most 4,000 characters: paragraphs, # headings, - lists, **strong**, *emphasis*, code and links."`
}

// checkTiles says what is wrong with the first bad tile. Whether its insight exists is seen when it is asked, because
// that may be deleted at any time.
func (a *API) checkTiles(tiles []tileView, s query.Scope) error {
	if len(tiles) > maxTiles {
		return invalid("too_many_tiles", "tiles", "%d tiles; %d are allowed", len(tiles), maxTiles)
	}
	for i, t := range tiles {
		err := t.checkPlace(tiles[:i])
		if err == nil {
			err = t.checkWords()
		}
		if err == nil {
			err = a.checkContent(t, s)
		}
		if err != nil {
			return under(fmt.Sprintf("tiles[%d]", i), err)
		}
	}
	return nil
}

func (t tileView) checkPlace(before []tileView) error {
	if t.ID == "" || len(t.ID) > maxTileID || strings.ContainsFunc(t.ID, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return invalid("bad_tile_id", "id", "the id %q; 1 to %d letters and digits are allowed", t.ID[:min(len(t.ID), maxTitle)], maxTileID)
	}
	if t.W < 1 || t.H < 1 || t.X < 0 || t.Y < 0 || t.W > gridColumns || t.X > gridColumns-t.W || t.H > maxTileRows || t.Y > maxGridRows {
		return invalid("bad_place", "", "%d×%d at column %d, row %d; there are %d columns and %d rows, and a tile is 1×1 to %d×%d",
			t.W, t.H, t.X, t.Y, gridColumns, maxGridRows, gridColumns, maxTileRows)
	}
	for _, other := range before {
		if other.ID == t.ID {
			return invalid("bad_tile_id", "id", "another tile has the id %s", t.ID)
		}
		if t.X < other.X+other.W && other.X < t.X+t.W && t.Y < other.Y+other.H && other.Y < t.Y+t.H {
			return invalid("bad_place", "", "it lies over the tile %s", other.ID)
		}
	}
	return nil
}

func (t tileView) checkWords() error {
	for _, w := range []struct {
		field, text string
		most        int
		lines       bool
	}{{"title", t.Title, maxTitle, false}, {"view", t.View, maxTileID, false}, {"text", t.Text, maxTileText, true}} {
		if n := utf8.RuneCountInString(w.text); n > w.most {
			return invalid("too_long", w.field, "%d characters; %d are allowed", n, w.most)
		}
		for at, r := range w.text {
			if unicode.In(r, unicode.Cc, unicode.Bidi_Control) && (r != '\n' || !w.lines) {
				return invalid("bad_text", w.field, "the control character %U at byte %d", r, at)
			}
		}
	}
	return nil
}

func (a *API) checkContent(t tileView, s query.Scope) error {
	given := 0
	for _, is := range []bool{t.Insight != "", t.Question != nil, t.Text != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return invalid("bad_tile", "", "a tile has one of insight, question and text, not %d", given)
	case len(t.Insight) > 64:
		return invalid("bad_tile", "insight", "this is no id of an insight")
	case t.Question == nil:
		return nil
	}
	if _, err := ReadQuestion(a.opts.Engine, s, t.Question.RawMessage); err != nil {
		return under("question", err)
	}
	return nil
}
