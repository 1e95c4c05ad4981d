package config_test

import (
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestStoreAddress(t *testing.T) {
	checkAddresses(t, func(c *config.Config, address string) { c.Store.Address = address }, map[string]string{
		"": "",
		"clickhouse://freshet:secret@ch:9000/freshet":                "",
		"clickhouses://freshet:secret@ch/freshet":                    "",
		"clickhouse://ch/freshet":                                    "",
		"http://freshet:secret@ch:8123/freshet":                      "no address of a database",
		"secret":                                                     "no address of a database",
		"clickhouse://freshet:secret@ch:9000":                        "no host and database",
		"clickhouse://freshet:secret@/freshet":                       "no host and database",
		"clickhouse://freshet:a/secret@ch/freshet":                   "",
		"clickhouse://freshet:secret@ch/freshet?tls=on":              "cluster=name",
		"clickhouse://freshet:secret@ch/freshet?cluster=both":        "",
		"clickhouse://freshet:secret@ch/freshet?cluster=":            "cluster=name",
		"clickhouse://freshet:secret@ch/freshet?cluster=both&tls=on": "cluster=name",
		"clickhouse://freshet:secret@ch/?cluster=both":               "no host and database",
	})
}

func TestCacheAddress(t *testing.T) {
	checkAddresses(t, func(c *config.Config, address string) { c.Cache.Address = address }, map[string]string{
		"":                                 "",
		"redis://user:secret@cache:6379/0": "",
		"rediss://:secret@cache":           "",
		"redis://cache":                    "",
		"http://:secret@cache:6379":        "no address of a server",
		"secret":                           "no address of a server",
		"redis://:secret@/0":               "names no host",
		"redis://:secret@cache/answers":    "no number",
	})
}
