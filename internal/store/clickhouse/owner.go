package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
)

// ErrOwner is wrapped by the error of opening a database that follows another log. Positions of two logs are not the same
// events.
var ErrOwner = errors.New("the database has the events of another data folder; name one that is empty")

// own notes whose log the database follows, or compares it.
func (s *Store) own(ctx context.Context) error {
	if s.opts.Owner == "" {
		return nil
	}
	found, err := s.owners(ctx)
	if err != nil {
		return err
	}
	if len(found) == 0 && !s.follows {
		var text proto.ColStr
		text.Append(s.opts.Owner)
		if err := s.client.insert(ctx, "owners", proto.Input{{Name: "owner", Data: text}}); err != nil {
			return fmt.Errorf("note the owner: %w", err)
		}
		// Another server may have begun at the same time.
		if found, err = s.owners(ctx); err != nil {
			return err
		}
	}
	if s.follows && len(found) == 0 {
		return ErrEmpty
	}
	if len(found) != 1 || found[0] != s.opts.Owner {
		return ErrOwner
	}
	return nil
}

func (s *Store) owners(ctx context.Context) (found []string, err error) {
	err = s.rows(ctx, "SELECT DISTINCT owner FROM owners", func(v []any) { found = append(found, v[0].(string)) })
	if err != nil {
		return nil, fmt.Errorf("read the owner: %w", err)
	}
	return found, nil
}

// Found is what there is on a server.
type Found struct {
	// Version is the server's.
	Version string
	// Position is the one up to which the database has events; 0 also when there is no database.
	Position eventlog.Position
	// Epoch is the number of the latest epoch, 0 when there is none.
	Epoch uint64
	// Made tells that a process has opened the database for writing.
	Made bool
	// Shards are how many servers have the rows of events.
	Shards int
	// Exposed tells that the connection is not encrypted and leaves the machine.
	Exposed bool
}

// Look looks at a database and changes nothing. It fails with ErrOwner when the database follows another log than the owner's, and with
// ErrSpread when its rows are not spread over the shards of the Target's cluster.
func Look(ctx context.Context, o Options) (*Found, error) {
	o.defaults()
	o.Registerer = nil
	database := o.Target.Database
	o.Target.Database = ""
	s := &Store{opts: o, client: newClient(&o)}
	defer func() { s.client.close() }()
	f := &Found{}
	err := s.rows(ctx, "SELECT version()", func(v []any) { f.Version = v[0].(string) })
	if err != nil {
		return nil, fmt.Errorf("look at the store on %s: %w", o.Target.Address, err)
	}
	f.Exposed = !o.Target.TLS && !o.Target.local()
	var tables int
	s.opts.Target.Database = database
	shards, _, err := s.found(ctx)
	if err != nil {
		return f, fmt.Errorf("look at the store %s on %s: %w", database, o.Target.Address, err)
	}
	f.Shards = max(len(shards), 1)
	err = s.rows(ctx, "SELECT count() FROM system.tables WHERE name IN ('epochs', 'commits', 'owners') AND database = "+quoteText(database), func(v []any) {
		tables = int(v[0].(uint64))
	})
	if err == nil && tables == 3 {
		f.Made = true
		s.client.close()
		o.Target.Database = database
		s.client = newClient(&o)
		err = s.loadEpochs(ctx)
		f.Position = s.watermark.Position
		if len(s.epochs) > 0 {
			f.Epoch = s.ownEpoch()
		}
		if err == nil && o.Owner != "" {
			var owners []string
			if owners, err = s.owners(ctx); err == nil && len(owners) > 0 && (len(owners) > 1 || owners[0] != o.Owner) {
				err = ErrOwner
			}
		}
	}
	if err != nil {
		return f, fmt.Errorf("look at the store %s on %s: %w", database, o.Target.Address, err)
	}
	return f, nil
}
