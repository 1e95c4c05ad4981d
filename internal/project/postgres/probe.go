package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

// oldestServer is the oldest version of PostgreSQL that is tested.
const oldestServer = "150000"

// Probe looks at a database and changes nothing. advice is what is bad about it although it works.
func Probe(ctx context.Context, address string) (found, advice string, err error) {
	c, err := parse(address)
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var version, number, schema string
	var standby, create, migrated bool
	began := time.Now()
	err = conn.QueryRow(ctx, `select current_setting('server_version'), current_setting('server_version_num'), pg_is_in_recovery(),
		coalesce(current_schema(), ''), current_schema() is not null and has_schema_privilege(current_schema(), 'create'),
		to_regclass('goose_db_version') is not null`).Scan(&version, &number, &standby, &schema, &create, &migrated)
	if err != nil {
		return "", "", fmt.Errorf("ask what it is: %w", err)
	}
	found = fmt.Sprintf("PostgreSQL %s, database %s, answers in %s", version, c.ConnConfig.Database, time.Since(began).Round(100*time.Microsecond))
	_, encrypted := conn.PgConn().Conn().(*tls.Conn)
	switch {
	case standby:
		return found, "", errors.New("it is a standby, which takes no changes; name the primary, or all hosts with target_session_attrs=read-write")
	case !migrated && !create:
		return found, "", fmt.Errorf("user %s may not make tables in schema %q: give the database to that user, or grant create on the schema", c.ConnConfig.User, schema)
	case len(number) < 6 || number < oldestServer:
		advice = "Freshet is tested with PostgreSQL 15 and later."
	case !encrypted && !local(conn.PgConn().Conn().RemoteAddr()):
		advice = "The connection is not encrypted: add sslmode=verify-full to the address (with sslrootcert= for a CA of your own)."
	case c.ConnConfig.TLSConfig != nil && c.ConnConfig.TLSConfig.InsecureSkipVerify && c.ConnConfig.TLSConfig.VerifyPeerCertificate == nil && !local(conn.PgConn().Conn().RemoteAddr()):
		advice = "Whether it is the right server is not checked: add sslmode=verify-full to the address (with sslrootcert= for a CA of your own)."
	}
	return found, advice, nil
}

// local tells that an address is on this machine.
func local(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
