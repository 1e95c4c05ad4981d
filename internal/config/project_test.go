package config_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

// checkAddresses sets a setting to each address: a right one is taken, a wrong one refused in the words that
// belong to it, and a secret is never shown.
func checkAddresses(t *testing.T, set func(c *config.Config, address string), wrongOf map[string]string) {
	t.Helper()
	for address, wrong := range wrongOf {
		c := config.Default()
		set(&c, address)
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

func TestProjectAddress(t *testing.T) {
	checkAddresses(t, func(c *config.Config, address string) { c.Project = address }, map[string]string{
		"": "",
		"postgres://freshet@db/freshet?sslmode=verify-full":            "",
		"postgresql://freshet:secret@db:5433/freshet":                  "",
		"postgres://a:secret@one:5432,two:5433/db?connect_timeout=3":   "",
		"postgres://freshet@db/freshet?password=secret&sslmode=prefer": "",
		"mysql://freshet:secret@db/freshet":                            "no address of a database",
		"host=db password=secret":                                      "no address of a database",
		"postgres://freshet:secret@db":                                 "no host and database",
		"postgres://freshet:secret@/freshet":                           "no host and database",
		"postgres://freshet:a/secret@db":                               "no host and database",
		"postgres://freshet:a?secret@db/freshet":                       "no host and database",
	})
	c := config.Default()
	c.Project = "postgres://freshet@db/freshet?sslpassword=hush&sslmode=require"
	if shown, err := c.YAML(); err != nil || !strings.Contains(string(shown), "postgres://freshet@db/freshet?sslpassword=********&sslmode=require") {
		t.Errorf("%v\n%s", err, shown)
	}
}
