package config_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestStoreAddress(t *testing.T) {
	for address, wrong := range map[string]string{
		"": "",
		"clickhouse://freshet:secret@ch:9000/freshet":   "",
		"clickhouses://freshet:secret@ch/freshet":       "",
		"clickhouse://ch/freshet":                       "",
		"http://freshet:secret@ch:8123/freshet":         "no address of a database",
		"secret":                                        "no address of a database",
		"clickhouse://freshet:secret@ch:9000":           "no host and database",
		"clickhouse://freshet:secret@/freshet":          "no host and database",
		"clickhouse://freshet:a/secret@ch/freshet":      "",
		"clickhouse://freshet:secret@ch/freshet?tls=on": "no host and database",
	} {
		c := config.Default()
		c.Store.Address = address
		err := c.Validate()
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is in %v", err)
		}
		if shown, yerr := c.YAML(); err == nil && (yerr != nil || strings.Contains(string(shown), "secret")) {
			t.Errorf("%q is shown as\n%s", address, shown)
		}
	}
}

func TestCacheAddress(t *testing.T) {
	for address, wrong := range map[string]string{
		"":                                 "",
		"redis://user:secret@cache:6379/0": "",
		"rediss://:secret@cache":           "",
		"redis://cache":                    "",
		"http://:secret@cache:6379":        "no address of a server",
		"secret":                           "no address of a server",
		"redis://:secret@/0":               "names no host",
		"redis://:secret@cache/answers":    "no number",
	} {
		c := config.Default()
		c.Cache.Address = address
		err := c.Validate()
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is in %v", err)
		}
		if shown, yerr := c.YAML(); err == nil && (yerr != nil || strings.Contains(string(shown), "secret")) {
			t.Errorf("%q is shown as\n%s", address, shown)
		}
	}
}
