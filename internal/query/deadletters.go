package query

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// DeadLetter is an event that was accepted and could not become a row, as it leaves the API.
type DeadLetter struct {
	store.DeadLetter
	ReceivedAt time.Time `json:"received_at"`
	Body       string    `json:"body"`
	// Encoding is "base64" for a body that is not UTF-8, otherwise empty.
	Encoding string `json:"encoding,omitempty"`
}

// DeadLetterPage is a page of dead letters, newest first.
type DeadLetterPage struct {
	DeadLetters []DeadLetter `json:"dead_letters"`
	Next        string       `json:"next,omitempty"`
}

const (
	// letterPage is how many dead letters are in memory at once, of up to 64 KiB each.
	letterPage = 200
	// letterScan is how many dead letters one page looks through for those with its code.
	letterScan     = 10_000
	maxDeadLetters = 200
)

// DeadLetters returns the dead letters with the code (all when it is empty), newest first, from the cursor on. limit
// is 1 to 200; 0 means 50. A page may be short of its limit, or empty, and still have a next one.
func (e *Engine) DeadLetters(ctx context.Context, s Scope, code, cursor string, limit int) (*DeadLetterPage, error) {
	if limit == 0 {
		limit = defaultEvents
	}
	if err := checkLimit(limit, maxDeadLetters); err != nil {
		return nil, err
	}
	before := eventlog.Position(math.MaxInt64)
	if cursor != "" {
		n, err := strconv.ParseUint(cursor, 10, 63)
		if err != nil {
			return nil, badCursor("the cursor is no position")
		}
		before = eventlog.Position(n)
	}
	page, scanned := &DeadLetterPage{DeadLetters: []DeadLetter{}}, 0
	err := e.eachDeadLetter(ctx, s, before, func(d *store.DeadLetter) error {
		if len(page.DeadLetters) == limit || scanned == letterScan {
			page.Next = strconv.FormatUint(uint64(before), 10)
			return errEnough
		}
		scanned, before = scanned+1, d.Position
		if code == "" || d.Code == code {
			page.DeadLetters = append(page.DeadLetters, letter(d))
		}
		return nil
	})
	return page, err
}

// DeadLettersAt returns the dead letters at the positions, newest first; a position that has none is left out.
func (e *Engine) DeadLettersAt(ctx context.Context, s Scope, positions []eventlog.Position) ([]store.DeadLetter, error) {
	wanted := map[eventlog.Position]bool{}
	newest := eventlog.Position(0)
	for _, p := range positions {
		wanted[p] = true
		newest = max(newest, p+1)
	}
	var out []store.DeadLetter
	err := e.eachDeadLetter(ctx, s, newest, func(d *store.DeadLetter) error {
		if len(out) == len(wanted) {
			return errEnough
		}
		if wanted[d.Position] {
			out = append(out, *d)
		}
		return nil
	})
	return out, err
}

// EachDeadLetter yields every dead letter with the code (all when it is empty), newest first, with bounded memory. It
// ends with the first error that yield returns.
func (e *Engine) EachDeadLetter(ctx context.Context, s Scope, code string, yield func(*store.DeadLetter) error) error {
	return e.eachDeadLetter(ctx, s, math.MaxInt64, func(d *store.DeadLetter) error {
		if code != "" && d.Code != code {
			return nil
		}
		return yield(d)
	})
}

var errEnough = errors.New("enough")

func (e *Engine) eachDeadLetter(
	ctx context.Context, s Scope, before eventlog.Position, yield func(*store.DeadLetter) error,
) error {
	for {
		letters, err := e.of(s.Project).DeadLetters(ctx, s.Project, before, letterPage)
		if err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
		for i := range letters {
			before = letters[i].Position
			if err := yield(&letters[i]); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}
		if len(letters) < letterPage {
			return nil
		}
	}
}

func letter(d *store.DeadLetter) DeadLetter {
	out := DeadLetter{DeadLetter: *d, ReceivedAt: time.UnixMicro(d.ReceivedAt).UTC()}
	if out.Body = string(d.Body); !utf8.Valid(d.Body) {
		out.Body, out.Encoding = base64.StdEncoding.EncodeToString(d.Body), "base64"
	}
	return out
}
