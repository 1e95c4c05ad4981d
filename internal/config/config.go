// Package config is the configuration of a Freshet server: one tree of settings with defaults, read from a YAML file,
// the environment and flags, checked as a whole. Every problem is reported at once, with its key and where it came
// from. What the settings do is the business of the rooms that get them.
//
//go:generate go run ./gen
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/fault"
)

// Config is the whole configuration. A key's name in the file is the path of its yaml tags ("log.keep"), in the
// environment FRESHET_LOG_KEEP, on the command line --log-keep.
type Config struct {
	Listen         string   `yaml:"listen" default:":8080" doc:"Address of the public port: ingestion, API and dashboard."`
	AdminListen    string   `yaml:"admin_listen" default:"127.0.0.1:8081" doc:"Address of the admin port: pprof and metrics. Empty turns it off. Keep it off the internet."`
	Data           string   `yaml:"data" default:"./data" doc:"Folder that holds everything: log, columns, control plane. One server owns it at a time."`
	RequireData    bool     `yaml:"require_data" default:"false" doc:"Refuse to start on a folder that no server has used. Set it after the first start: a folder whose disk is not mounted looks like a new one, and a new server knows none of your apps' keys."`
	Project        string   `yaml:"project" default:"" doc:"Where projects, keys and everything that people save are: the address of a PostgreSQL database that several servers may share, such as postgres://freshet@db.example.com:5432/freshet?sslmode=verify-full. A password belongs into the environment (PGPASSWORD, PGPASSFILE, or this setting as FRESHET_PROJECT). Empty: SQLite in the data folder."`
	Roles          []string `yaml:"roles" default:"" doc:"What this process does of ingest (take events), process (store them), query (answer questions) and admin (change projects, keys and what people save). Empty: everything. Several processes that share the work need project and store.address, and log.address where one takes events and another stores them."`
	Lanes          int      `yaml:"lanes" default:"1" doc:"How many paths there are from the log to the store, each with a partition of the topic, a database, and a process at work on it: several processes with the role process share them. A new project gets the one with the fewest projects and stays there. It can be raised later, for new projects, in every process of the installation. More than 1 need project, and log.address and store.address where a process uses those; database NAME of store.address is that of the first, NAME_1, NAME_2 ... are those of the others."`
	PublicURL      string   `yaml:"public_url" default:"" doc:"Address under which clients reach this server, such as https://events.example.com. Empty: taken from each request."`
	TrustedProxies []string `yaml:"trusted_proxies" default:"" doc:"Networks (CIDR) or addresses whose X-Forwarded-For is believed."`

	Limits    Limits    `yaml:"limits"`
	Log       Log       `yaml:"log"`
	Archive   Archive   `yaml:"archive"`
	Dedup     Dedup     `yaml:"dedup"`
	Store     Store     `yaml:"store"`
	Query     Query     `yaml:"query"`
	Cache     Cache     `yaml:"cache"`
	Freshness Freshness `yaml:"freshness"`
	Disk      Disk      `yaml:"disk"`
	Tracing   Tracing   `yaml:"tracing"`

	GeoFile      string        `yaml:"geo_file" default:"" doc:"MaxMind-format database (.mmdb) for country, region and city. Empty: no geography."`
	LogLevel     string        `yaml:"log_level" default:"info" doc:"Least severe message logged: debug, info, warn or error."`
	LogFormat    string        `yaml:"log_format" default:"json" doc:"Form of the server's own log: json or text."`
	DrainTimeout time.Duration `yaml:"drain_timeout" default:"10s" doc:"How long requests in flight may take to finish after SIGTERM."`
	Demo         bool          `yaml:"demo" default:"false" doc:"Run a sample app that sends realistic live events to this server."`
}

// Limits bound what one request may ask for.
type Limits struct {
	MaxBody     Bytes `yaml:"max_body" default:"32MiB" doc:"Largest request body, after decompression."`
	MaxEvent    Bytes `yaml:"max_event" default:"1MiB" doc:"Largest single event."`
	MaxDepth    int   `yaml:"max_depth" default:"32" doc:"Deepest nesting of an event's JSON."`
	MaxBatch    int   `yaml:"max_batch" default:"10000" doc:"Most events in one request."`
	MaxInFlight Bytes `yaml:"max_in_flight" default:"128MiB" doc:"Bytes of all bodies being worked on; past it clients get 429 with Retry-After."`

	ProjectRate int      `yaml:"project_rate" default:"0" doc:"Events a second that a project may send, on average over 10 s; past it 429 with Retry-After. 0: no bound. A project may have its own, which goes before. Processes that take events share it through cache.address; without, it is for each of them."`
	DeviceRate  int      `yaml:"device_rate" default:"0" doc:"Events a second that a device may send, on average over 10 s, counted for requests that are all of one device, by each process that takes events. 0: no bound."`
	Weights     []string `yaml:"weights" default:"" doc:"Parts of the server's capacity that projects have under overload, as PROJECT=WEIGHT; others have 1."`

	MaxConnections int `yaml:"max_connections" default:"4096" doc:"Connections of clients open at a time; past it those that have been quiet for longest are closed."`
}

// Log configures the event log.
type Log struct {
	Address      string        `yaml:"address" default:"" doc:"Where the log of events is: the address of a topic of Apache Kafka, such as kafka://user:password@host:9092,host2:9092/topic?sasl=scram-sha-512, or kafkas:// for TLS; sasl may be plain and scram-sha-256, too. The topic is made when there is none. A password belongs into the environment (this setting as FRESHET_LOG_ADDRESS). Empty: segment files in the data folder."`
	Replicas     int           `yaml:"replicas" default:"3" doc:"How many of Kafka's brokers get a copy of the topic when it is made. An event is acknowledged when two have it, or all of fewer."`
	SegmentBytes Bytes         `yaml:"segment_bytes" default:"128MiB" doc:"Size at which a new segment file is begun."`
	Keep         time.Duration `yaml:"keep" default:"24h" doc:"How long the log keeps events after they are stored."`
}

// Archive configures the archive of accepted events.
type Archive struct {
	Enabled  bool          `yaml:"enabled" default:"true" doc:"Keep every accepted event as Parquet. The log is trimmed only of what is archived; without the archive the store cannot be rebuilt from more than the log."`
	Folder   string        `yaml:"folder" default:"" doc:"Folder of the archive; best on another disk. Empty: archive in the data folder."`
	Bucket   string        `yaml:"bucket" default:"" doc:"Bucket of the archive in place of the folder, such as s3://bucket/folder?region=eu-central-1, gs://bucket/folder or azblob://container/folder. Credentials are found where the cloud's own tools find them."`
	Interval time.Duration `yaml:"interval" default:"1h" doc:"How long an event waits for the archive at most, unless 131,072 are there before. Each interval makes a file for each project."`
}

// Dedup configures the removal of repeated events.
type Dedup struct {
	Window time.Duration `yaml:"window" default:"720h" doc:"How long an event id is remembered."`
}

// Store configures the column store.
type Store struct {
	Address       string        `yaml:"address" default:"" doc:"Where events are stored for questions: the address of a ClickHouse database that this server alone writes to, such as clickhouse://freshet:password@ch.example.com:9000/freshet, or clickhouses:// for TLS. With ?cluster=name behind it they are spread over the shards of a cluster that is in remote_servers of that server. A password belongs into the environment (this setting as FRESHET_STORE_ADDRESS). Empty: DuckDB in the data folder."`
	MemoryLimit   Bytes         `yaml:"memory_limit" default:"224MiB" doc:"Memory that DuckDB may use, for questions and for writing; rows in memory come on top, about 150 bytes each. In ClickHouse its own limits hold."`
	Threads       int           `yaml:"threads" default:"0" doc:"Threads a query may use; 0 is one per core."`
	FlushRows     int           `yaml:"flush_rows" default:"122880" doc:"Rows in memory at which they are flushed to disk."`
	FlushInterval time.Duration `yaml:"flush_interval" default:"5m" doc:"Age of rows in memory at which they are flushed however few they are."`
	DeadLetters   time.Duration `yaml:"dead_letters" default:"720h" doc:"How long dead letters are kept after their receipt, to be looked at and tried again. 0: for ever."`
	PropertyLimit int           `yaml:"property_limit" default:"250" doc:"Properties of a project that get a column of their own; the rest stay queryable in one JSON column."`
}

// Query configures the answering of questions.
type Query struct {
	HistoryMemory Bytes `yaml:"history_memory" default:"0" doc:"Memory for the events that one behavioural question (funnel, retention, paths, ...) holds at a time, about 24 bytes each; what does not fit is read in several passes. 0: a quarter of the memory that the server may use, the machine's or its container's, shared by as many questions as run at a time (one a core, at least 2), and at least 64 MiB."`
}

// Cache configures what is kept of answers, and shared by processes.
type Cache struct {
	Address string `yaml:"address" default:"" doc:"A Redis server, version 6 or later, through which the processes of one installation share answers and the rates of projects, such as redis://user:password@redis.example.com:6379/0, or rediss:// for TLS. A password belongs into the environment (this setting as FRESHET_CACHE_ADDRESS). It needs no disk, may forget anything, and may be away: then each process keeps its own. Answers are shared where the events are in ClickHouse, rates where projects are in PostgreSQL. Empty: answers are kept in memory only, and each process lets a project send as much as it may."`
}

// Freshness configures how soon an acknowledged event is visible.
type Freshness struct {
	CommitInterval time.Duration `yaml:"commit_interval" default:"100ms" doc:"Longest time between an event's acknowledgement and the commit that makes it visible, when the server keeps up. With ClickHouse at least 400ms, because each commit is a part there."`
}

// Disk configures what is done about a disk that fills up.
type Disk struct {
	Ballast Bytes `yaml:"ballast" default:"64MiB" doc:"Space held back in the data folder, at most 1 % of the disk. It is given up when the disk is full, so that days can be removed and settings changed; events are refused until it can be held again. 0 turns it off."`
}

// Tracing configures OpenTelemetry.
type Tracing struct {
	OTLPEndpoint string `yaml:"otlp_endpoint" default:"" doc:"URL of an OTLP/HTTP collector, such as http://localhost:4318. Empty: no traces."`
	OTLPHeaders  string `yaml:"otlp_headers" default:"" secret:"true" doc:"Headers for the collector as name=value, separated by commas."`
}

// Default returns the configuration of a server that was told nothing.
func Default() Config {
	var c Config
	for _, f := range fieldsOf(&c) {
		if err := f.set(f.Default); err != nil {
			panic(fmt.Sprintf("default of %s: %v", f.Key, err)) // a mistake in the tags above, found by the first test
		}
	}
	return c
}

// ArchiveFolder is where the archive is.
func (c *Config) ArchiveFolder() string {
	if c.Archive.Folder != "" {
		return c.Archive.Folder
	}
	return filepath.Join(c.Data, "archive")
}

// Trusted is TrustedProxies as networks; entries that Validate refuses are left out.
func (c *Config) Trusted() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		if p, err := parsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Validate reports everything that is wrong, as Problems, or nil.
func (c *Config) Validate() error {
	if fault.Planted(fault.AnyConfig) {
		return nil
	}
	var ps Problems
	bad := func(key, format string, args ...any) {
		ps = append(ps, Problem{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	c.validateAddresses(bad)
	atLeast := func(key string, v, least int64, unit string) {
		if v < least {
			bad(key, "is %d%s, must be at least %d%s", v, unit, least, unit)
		}
	}
	duration := func(key string, v, least, most time.Duration) {
		if v < least || v > most {
			bad(key, "is %s, must lie between %s and %s", v, least, most)
		}
	}
	l := c.Limits
	atLeast("limits.max_body", int64(l.MaxBody), 1<<10, " bytes")
	atLeast("limits.max_event", int64(l.MaxEvent), 1<<10, " bytes")
	if l.MaxEvent > l.MaxBody {
		bad("limits.max_event", "is %s, more than limits.max_body (%s)", l.MaxEvent, l.MaxBody)
	}
	if l.MaxDepth < 2 || l.MaxDepth > 300 {
		bad("limits.max_depth", "is %d, must lie between 2 and 300, the JSON parser's own limit", l.MaxDepth)
	}
	atLeast("limits.max_batch", int64(l.MaxBatch), 1, "")
	atLeast("limits.project_rate", int64(l.ProjectRate), 0, "")
	atLeast("limits.device_rate", int64(l.DeviceRate), 0, "")
	for _, s := range l.Weights {
		if _, _, err := parseWeight(s); err != nil {
			bad("limits.weights", "%q is no PROJECT=WEIGHT such as 2=4, with a weight from 0.01 to 100", s)
		}
	}
	atLeast("limits.max_connections", int64(l.MaxConnections), 16, "")
	if l.MaxInFlight < l.MaxBody {
		bad("limits.max_in_flight", "is %s, less than one body may be (limits.max_body, %s)", l.MaxInFlight, l.MaxBody)
	}
	atLeast("log.segment_bytes", int64(c.Log.SegmentBytes), 1<<20, " bytes")
	const year = 366 * 24 * time.Hour
	duration("log.keep", c.Log.Keep, 0, 10*year)
	duration("archive.interval", c.Archive.Interval, time.Second, 7*24*time.Hour)
	duration("dedup.window", c.Dedup.Window, time.Hour, 10*year)
	atLeast("store.memory_limit", int64(c.Store.MemoryLimit), 64_000_000, " bytes")
	atLeast("store.threads", int64(c.Store.Threads), 0, "")
	atLeast("store.flush_rows", int64(c.Store.FlushRows), 1000, "")
	duration("store.flush_interval", c.Store.FlushInterval, time.Second, 24*time.Hour)
	if c.Store.DeadLetters != 0 { // for ever
		duration("store.dead_letters", c.Store.DeadLetters, 24*time.Hour, 10*year)
	}
	if n := c.Store.PropertyLimit; n < 0 || n > 2000 {
		bad("store.property_limit", "is %d, must lie between 0 and 2000", n)
	}
	if c.Query.HistoryMemory != 0 { // by the machine
		atLeast("query.history_memory", int64(c.Query.HistoryMemory), 16<<20, " bytes")
	}
	atLeast("disk.ballast", int64(c.Disk.Ballast), 0, " bytes")
	duration("freshness.commit_interval", c.Freshness.CommitInterval, time.Millisecond, 10*time.Second)
	duration("drain_timeout", c.DrainTimeout, 0, time.Hour)
	oneOf(bad, "log_level", c.LogLevel, "debug", "info", "warn", "error")
	oneOf(bad, "log_format", c.LogFormat, "json", "text")
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (c *Config) validateAddresses(bad func(key, format string, args ...any)) {
	address := func(key, v string) {
		if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
			bad(key, "%q is no address such as :8080 or 127.0.0.1:8080", v)
		}
	}
	address("listen", c.Listen)
	if c.AdminListen != "" {
		address("admin_listen", c.AdminListen)
		if c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			bad("admin_listen", "is the same as listen; pprof must not be on the public port")
		}
	}
	c.validateBucket(bad)
	c.validateProject(bad)
	c.validateStore(bad)
	c.validateCache(bad)
	c.validateRoles(bad)
	c.validateLanes(bad)
	c.validateLog(bad)
	if c.Data == "" {
		bad("data", "is empty; name the folder that holds the data")
	}
	link := func(key, v string) {
		u, err := url.Parse(v)
		if v != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			bad(key, "is no http or https URL")
		}
	}
	link("public_url", c.PublicURL)
	link("tracing.otlp_endpoint", c.Tracing.OTLPEndpoint)
	for _, s := range c.TrustedProxies {
		if _, err := parsePrefix(s); err != nil {
			bad("trusted_proxies", "%q is neither a network such as 10.0.0.0/8 nor an address", s)
		}
	}
}

// buckets are the kinds that archive.bucket can name.
var buckets = []string{"s3", "gs", "azblob"} //nolint:gochecknoglobals // a list that nobody changes

func (c *Config) validateBucket(bad func(key, format string, args ...any)) {
	const key = "archive.bucket"
	if c.Archive.Bucket == "" {
		return
	}
	u, err := url.Parse(c.Archive.Bucket)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(buckets, u.Scheme):
		bad(key, "is no address of a bucket such as s3://bucket/folder; there are %s", strings.Join(buckets, ", "))
	case u.User != nil:
		bad(key, "has a user in it; credentials belong into the environment or the files of the cloud's own tools")
	case c.Archive.Folder != "":
		bad(key, "is set beside archive.folder; the archive is in one place")
	}
}

// validateProject checks the form only, in words without the password; the adapter knows the parameters.
func (c *Config) validateProject(bad func(key, format string, args ...any)) {
	if c.Project == "" {
		return
	}
	scheme, rest, _ := strings.Cut(c.Project, "://")
	place, _, _ := strings.Cut(rest, "?")
	// Several hosts, with commas between them, are the database's and its standbys.
	host, database, _ := strings.Cut(place[strings.LastIndexByte(place, '@')+1:], "/")
	switch {
	case scheme != "postgres" && scheme != "postgresql":
		bad("project", "is no address of a database such as postgres://user@host:5432/freshet; there is postgres")
	case host == "" || database == "" || strings.Contains(database, "/"):
		bad("project", "names no host and database, as in postgres://user@host:5432/freshet; in a password / is %%2F and @ is %%40")
	}
}

// validateStore checks the form only, in words without the password.
func (c *Config) validateStore(bad func(key, format string, args ...any)) {
	if c.Store.Address == "" {
		return
	}
	scheme, place, _ := strings.Cut(c.Store.Address, "://")
	host, database, _ := strings.Cut(place[strings.LastIndexByte(place, '@')+1:], "/")
	database, parameters, asked := strings.Cut(database, "?")
	switch {
	case scheme != "clickhouse" && scheme != "clickhouses":
		bad("store.address", "is no address of a database such as clickhouse://user:password@host:9000/freshet; there are clickhouse and clickhouses")
	case host == "" || database == "" || strings.Contains(database, "/"):
		bad("store.address", "names no host and database, as in clickhouse://user:password@host:9000/freshet; in a password / is %%2F and @ is %%40")
	case asked && (!strings.HasPrefix(parameters, "cluster=") || parameters == "cluster=" || strings.Contains(parameters, "&")):
		bad("store.address", "says something else behind the ? than cluster=name, the name of a cluster that the server knows")
	}
}

// validateCache checks the form only, in words without the password.
func (c *Config) validateCache(bad func(key, format string, args ...any)) {
	if c.Cache.Address == "" {
		return
	}
	scheme, place, _ := strings.Cut(c.Cache.Address, "://")
	host, database, _ := strings.Cut(place[strings.LastIndexByte(place, '@')+1:], "/")
	_, notNumber := strconv.ParseUint(database, 10, 16)
	switch {
	case scheme != "redis" && scheme != "rediss":
		bad("cache.address", "is no address of a server such as redis://user:password@host:6379/0; there are redis and rediss")
	case host == "" || database != "" && notNumber != nil:
		bad("cache.address", "names no host, or a database that is no number, as in redis://user:password@host:6379/0; in a password / is %%2F and @ is %%40")
	}
}

// kafkaBody is the most that limits.max_body may be where the log is in Kafka: a broker takes requests of 100 MiB, and the
// events of a body up to twice as much as it.
const kafkaBody = 48 << 20

// validateLog checks the form only, in words without the password; the adapter knows the parameters.
func (c *Config) validateLog(bad func(key, format string, args ...any)) {
	if n := c.Log.Replicas; n < 1 || n > 32_767 {
		bad("log.replicas", "is %d, must lie between 1 and 32767", n)
	}
	if c.Log.Address == "" {
		return
	}
	scheme, rest, _ := strings.Cut(c.Log.Address, "://")
	place, _, _ := strings.Cut(rest, "?")
	host, topic, _ := strings.Cut(place[strings.LastIndexByte(place, '@')+1:], "/")
	switch {
	case scheme != "kafka" && scheme != "kafkas":
		bad("log.address", "is no address of a topic such as kafka://host:9092/topic; there are kafka and kafkas")
	case host == "" || topic == "" || strings.Contains(topic, "/"):
		bad("log.address", "names no host and topic, as in kafka://host:9092/topic; in a password / is %%2F and @ is %%40")
	}
	if c.Limits.MaxBody > kafkaBody {
		bad("limits.max_body", "is %s, must be at most %s where the log is in Kafka", c.Limits.MaxBody, Bytes(kafkaBody))
	}
}

func oneOf(bad func(key, format string, args ...any), key, v string, words ...string) {
	for _, w := range words {
		if v == w {
			return
		}
	}
	bad(key, "is %q, must be one of %s", v, strings.Join(words, ", "))
}
