package config

import "slices"

// The roles of a process.
const (
	RoleIngest  = "ingest"
	RoleProcess = "process"
	RoleQuery   = "query"
	RoleAdmin   = "admin"
)

// Does tells whether the process has a role.
func (c *Config) Does(role string) bool { return len(c.Roles) == 0 || slices.Contains(c.Roles, role) }

// Split tells that other processes do a part of the work.
func (c *Config) Split() bool {
	return !c.Does(RoleIngest) || !c.Does(RoleProcess) || !c.Does(RoleQuery) || !c.Does(RoleAdmin)
}

// maxLanes bounds the setting lanes: each lane has connections and goroutines of its own in every process.
const maxLanes = 256

// validateLanes refuses several lanes where their parts would not be shared.
func (c *Config) validateLanes(bad func(key, format string, args ...any)) {
	if c.Lanes < 1 || c.Lanes > maxLanes {
		bad("lanes", "is %d, must lie between 1 and %d", c.Lanes, maxLanes)
	}
	if c.Lanes <= 1 {
		return
	}
	const why = "is empty; with several lanes "
	if c.Project == "" {
		bad("project", why+"PostgreSQL has which projects are on which, and which process works on which")
	}
	if c.Log.Address == "" && (c.Does(RoleIngest) || c.Does(RoleProcess)) {
		bad("log.address", why+"each is a partition of a topic in Kafka")
	}
	if c.Store.Address == "" && (c.Does(RoleProcess) || c.Does(RoleQuery)) {
		bad("store.address", why+"each has a database in ClickHouse")
	}
	if c.Demo {
		bad("demo", "is set with several lanes")
	}
}

// validateRoles refuses to split what holds state that is not shared.
func (c *Config) validateRoles(bad func(key, format string, args ...any)) {
	for i, r := range c.Roles {
		oneOf(bad, "roles", r, RoleIngest, RoleProcess, RoleQuery, RoleAdmin)
		if slices.Contains(c.Roles[:i], r) {
			bad("roles", "names %s twice", r)
		}
	}
	if !c.Split() {
		return
	}
	if c.Log.Address == "" && c.Does(RoleIngest) != c.Does(RoleProcess) {
		bad("log.address", "is empty; then the log is in the data folder, and whoever has one of the roles ingest and process needs both")
	}
	if c.Project == "" {
		bad("project", "is empty; processes that have a part of the roles share projects and keys in PostgreSQL")
	}
	if c.Store.Address == "" && (c.Does(RoleProcess) || c.Does(RoleQuery)) {
		bad("store.address", "is empty; processes that have a part of the roles share events in ClickHouse")
	}
	if c.Demo && !c.Does(RoleIngest) {
		bad("demo", "is set for a process that takes no events")
	}
}
