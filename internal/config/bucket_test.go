package config_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestBucketAddress(t *testing.T) {
	for address, wrong := range map[string]string{
		"":                             "",
		"s3://b/f?region=eu-central-1": "",
		"gs://b":                       "",
		"azblob://c/f":                 "",
		"/var/archive":                 "no address of a bucket",
		"http://b/f":                   "no address of a bucket",
		"s3:///f":                      "no address of a bucket",
		"s3://key:secret@b/f":          "credentials belong into the environment",
	} {
		c := config.Default()
		c.Archive.Bucket = address
		err := c.Validate()
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is in %v", err)
		}
		if shown, err := c.YAML(); err != nil || strings.Contains(string(shown), "secret@") {
			t.Errorf("%q is shown as\n%s", address, shown)
		}
	}
	c := config.Default()
	c.Archive.Bucket, c.Archive.Folder = "s3://b", "/var/archive"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "beside archive.folder") {
		t.Error(err)
	}
}
