package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Loss is what went with a machine before it was archived.
type Loss struct {
	Span
	// Events are those known to have been accepted, the last of them before Until; how many came after that, nobody knows.
	Events int64     `json:"events"`
	Until  time.Time `json:"until"`
	// Since is when the last event came that is archived; zero if there is none.
	Since time.Time `json:"since,omitzero"`
}

func (l *Loss) String() string {
	since := ""
	if !l.Since.IsZero() {
		since = l.Since.UTC().Format(time.RFC3339) + " "
	}
	return fmt.Sprintf("%d events accepted from %sto %s, and whatever came after that, were lost with the machine that had them",
		l.Events, since, l.Until.UTC().Format(time.RFC3339))
}

// err is what a reader meets in the place of the events.
func (l *Loss) err() error {
	e := event.Errorf(event.Corrupt, "machine_lost", "%s", l)
	e.Err = &eventlog.LossError{Events: l.Events}
	return e
}

// FindLoss is what is lost of the archive of a machine that left a mark and is gone. Its positions go on far enough behind those
// that are known to be taken that none of those is used again which were given out after the mark.
func FindLoss(ctx context.Context, b Bucket, m *Mark) (*Loss, error) {
	// farBehind is more events than a machine takes in a day at its limit. While its bucket is away longer, its disk fills up.
	const farBehind = 1 << 32
	spans, err := Spans(ctx, b)
	if err != nil {
		return nil, err
	}
	l := &Loss{Until: m.At}
	if n := len(spans); n > 0 {
		l.From = spans[n-1].To
		if l.Since, err = lastReceived(ctx, b, spans[n-1]); err != nil {
			return nil, err
		}
	}
	l.Events = int64(max(m.End, l.From) - l.From)
	l.To = max(m.End, l.From) + farBehind
	return l, nil
}

// lastReceived is when the last event of a batch came; zero if it has none.
func lastReceived(ctx context.Context, bucket Bucket, s Span) (t time.Time, err error) {
	b, err := LoadBatch(ctx, bucket, s)
	if err != nil {
		return t, err
	}
	if b.Loss != nil {
		return b.Loss.Since, nil
	}
	var last *File
	for i := range b.Files {
		if last == nil || b.Files[i].Last > last.Last {
			last = &b.Files[i]
		}
	}
	if last == nil {
		return t, nil
	}
	entries, err := readEntries(ctx, bucket, last)
	if err != nil {
		return t, err
	}
	var d event.Decoder
	for i := len(entries) - 1; i >= 0; i-- {
		if d.Open(entries[i].Payload) == nil {
			return time.UnixMicro(d.Header.ReceivedAt).UTC(), nil
		}
	}
	return t, nil
}

// Claim makes a loss part of an archive: whoever goes on with it begins behind that. It is refused when the archive has
// gone on since the loss was found: then its machine lives. m is the mark of that time.
func Claim(ctx context.Context, b Bucket, l *Loss, m *Mark) error {
	spans, err := Spans(ctx, b)
	if err != nil {
		return err
	}
	var end eventlog.Position
	if n := len(spans); n > 0 {
		end = spans[n-1].To
	}
	now, err := LoadMark(ctx, b)
	if err != nil {
		return fmt.Errorf("read the mark beside the archive: %w", err)
	}
	if end != l.From && end != l.To || now.SHA256 != m.SHA256 {
		return fmt.Errorf("the archive has gone on since the mark of %s, up to position %d and %s: the server that it is of lives, "+
			"or another one took its place; stop that, and restore again", m.At.Format(time.RFC3339), end, now.At.Format(time.RFC3339))
	}
	if end == l.To {
		return nil // It was broken off behind this.
	}
	batch := Batch{Format: formatVersion, From: l.From, To: l.To, Files: []File{}, Loss: l}
	return batch.save(ctx, b)
}
