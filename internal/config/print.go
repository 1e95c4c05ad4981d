package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// tree is the settings in order, nested as in the file.
func (c *Config) tree() *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode}
	group, inner := "", root
	for _, f := range fieldsOf(c) {
		target, name := root, f.Key
		if g, rest, ok := strings.Cut(f.Key, "."); ok {
			if g != group {
				group, inner = g, &yaml.Node{Kind: yaml.MappingNode}
				root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: g}, inner)
			}
			target, name = inner, rest
		}
		v := &yaml.Node{}
		if err := v.Encode(f.shown()); err != nil {
			panic(err) // only texts, numbers, booleans and lists of texts come out of shown
		}
		target.Content = append(target.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, v)
	}
	return root
}

// YAML is the configuration as a file that Load reads, secrets masked.
func (c *Config) YAML() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(c.tree())
	return b.Bytes(), err
}

// JSON is the configuration as one JSON object, secrets masked.
func (c *Config) JSON() ([]byte, error) {
	var v map[string]any
	if err := c.tree().Decode(&v); err != nil {
		return nil, err
	}
	return json.MarshalIndent(v, "", "  ")
}

// Markdown is the reference page of all settings, docs/config.md.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString(`# Configuration

Generated from internal/config by ` + "`go generate ./internal/config`" + `; do not edit.

Every setting can be given in a YAML file (` + "`freshet serve --config freshet.yaml`" + `), in the environment and as an
option. Options win over the environment, the environment over the file, the file over the defaults. Everything wrong is
reported at once, with its key and line, before anything is opened; a key that does not exist is refused.
` + "`freshet config`" + ` prints what is in force, with secrets masked.

Sizes are bytes or carry a unit (` + "`512MB`" + ` is a power of 1000, ` + "`32MiB`" + ` of 1024), durations look like
` + "`100ms`, `10s`, `24h`" + `, lists are YAML lists or separated by commas.

| key | default | what it is |
|---|---|---|
`)
	fs := Fields()
	for _, f := range fs {
		d := "`" + f.Default + "`"
		if f.Default == "" {
			d = "(empty)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Key, d, f.Doc)
	}
	b.WriteString("\n## Names in the environment and on the command line\n\n| key | environment | option | form |\n|---|---|---|---|\n")
	for _, f := range fs {
		fmt.Fprintf(&b, "| `%s` | `%s` | `--%s` | %s |\n", f.Key, f.Env, f.Flag, f.Type)
	}
	return b.Bytes()
}
