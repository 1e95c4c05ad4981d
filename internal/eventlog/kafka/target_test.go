package kafka

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]Target{
		"kafka://a:9092/events":                      {Brokers: []string{"a:9092"}, Topic: "events"},
		"kafka://a,b:9093,[::1]/e.v-e_n":             {Brokers: []string{"a:9092", "b:9093", "[::1]:9092"}, Topic: "e.v-e_n"},
		"kafkas://u:p%40%2F%25@a/events":             {Brokers: []string{"a:9092"}, Topic: "events", TLS: true, User: "u", Password: "p@/%", Mechanism: "scram-sha-512"},
		"kafka://u:p@a,b/events?sasl=plain":          {Brokers: []string{"a:9092", "b:9092"}, Topic: "events", User: "u", Password: "p", Mechanism: "plain"},
		"kafkas://u:p@a:1/events?sasl=scram-sha-256": {Brokers: []string{"a:1"}, Topic: "events", TLS: true, User: "u", Password: "p", Mechanism: "scram-sha-256"},
	} {
		if got, err := ParseURL(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, wrong := range map[string]string{
		"http://u:secret@a/events":               "neither",
		"kafka://u:secret@a":                     "must name a topic",
		"kafka://u:secret@/events":               "a host and a topic",
		"kafka://u:secret@a,/events":             "a host and a topic",
		"kafka://u:secret@a/eve nts":             "Kafka takes letters",
		"kafka://u:secret@a/events/more":         "Kafka takes letters",
		"kafka://u:secret%@a/events":             "cannot be read",
		"kafka://u:secret@a/events?sasl=oauth":   "there are plain",
		"kafka://a/events?sasl=plain":            "no user",
		"kafka://u:secret@a/events?acks=1":       "there are sasl and partition",
		"kafka://u:secret@a/events?partition=-1": "numbered from 0",
		"kafka://a/" + strings.Repeat("x", 250):  "must name a topic",
	} {
		if _, err := ParseURL(text); err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTopicSettings(t *testing.T) {
	o := Options{Target: Target{Topic: "events"}}
	o.defaults()
	for _, replicas := range []int{1, 2, 3, 5} {
		o.Replicas = replicas
		made := map[string]string{}
		for k, v := range settings(&o) {
			made[k] = *v
		}
		if err := o.check(made, replicas); err != nil {
			t.Errorf("what is made with %d replicas: %v", replicas, err)
		}
		for k, v := range map[string]string{
			setCleanup: "compact", setTime: "604800000", setSize: "1000", setUnclean: "true", setMessage: "1048588", setTimestamp: "LogAppendTime", setInsync: "9",
		} {
			other := map[string]string{}
			for k, v := range made {
				other[k] = v
			}
			other[k] = v
			if err := o.check(other, replicas); err == nil || !strings.Contains(err.Error(), k) || !strings.Contains(err.Error(), v) {
				t.Errorf("%s = %s with %d replicas: %v", k, v, replicas, err)
			}
		}
	}
	made := map[string]string{}
	for k, v := range settings(&o) {
		made[k] = *v
	}
	made[setInsync] = "1"
	if err := o.check(made, 3); err == nil || !strings.Contains(err.Error(), "set it to 2") {
		t.Error(err)
	}
	made[setFlush] = "9223372036854775807"
	if err := o.check(made, 1); err == nil || !strings.Contains(err.Error(), "flush.messages") {
		t.Error(err)
	}
}
