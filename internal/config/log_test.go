package config_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestLogAddress(t *testing.T) {
	checkAddresses(t, func(c *config.Config, address string) { c.Log.Address = address }, map[string]string{
		"":                          "",
		"kafka://k1:9092,k2/events": "",
		"kafkas://freshet:secret@k1,k2:9093/events?sasl=plain": "",
		"kafka://freshet:a/secret@k1/events":                   "",
		"http://freshet:secret@k1/events":                      "no address of a topic",
		"secret":                                               "no address of a topic",
		"kafka://freshet:secret@k1":                            "no host and topic",
		"kafka://freshet:secret@/events":                       "no host and topic",
		"kafka://freshet:secret@k1/events/more":                "no host and topic",
	})
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
