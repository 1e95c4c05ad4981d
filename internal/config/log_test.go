package config_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestLogAddress(t *testing.T) {
	for address, wrong := range map[string]string{
		"":                          "",
		"kafka://k1:9092,k2/events": "",
		"kafkas://freshet:secret@k1,k2:9093/events?sasl=plain": "",
		"kafka://freshet:a/secret@k1/events":                   "",
		"http://freshet:secret@k1/events":                      "no address of a topic",
		"secret":                                               "no address of a topic",
		"kafka://freshet:secret@k1":                            "no host and topic",
		"kafka://freshet:secret@/events":                       "no host and topic",
		"kafka://freshet:secret@k1/events/more":                "no host and topic",
	} {
		c := config.Default()
		c.Log.Address = address
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
	c := config.Default()
	c.Limits.MaxBody, c.Limits.MaxInFlight = 49<<20, 256<<20
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Log.Address = "kafka://k1/events"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "48MiB") {
		t.Error(err)
	}
}
