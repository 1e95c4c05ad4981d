package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	// Key is the setting, Where the place it came from, such as "freshet.yaml:12" or "FRESHET_LISTEN"; Where is
	// empty for a default.
	Key, Where, Message string
}

func (p Problem) String() string {
	s := p.Key + ": " + p.Message
	if p.Key == "" {
		s = p.Message
	}
	if p.Where != "" {
		s += " (" + p.Where + ")"
	}
	return s
}

// Problems is the error of Load and Validate: everything that is wrong.
type Problems []Problem //nolint:errname // named after what it lists

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = "  " + p.String()
	}
	return "the configuration cannot be used:\n" + strings.Join(lines, "\n")
}

// Sources says where settings come from; later ones win: defaults, file, environment, flags.
type Sources struct {
	// File is the path of a YAML file; empty for none.
	File string
	// Env is the environment as of os.Environ.
	Env []string
	// Flags holds options that were given, by their key.
	Flags map[string]string
}

type loader struct {
	fields map[string]*Field
	groups map[string]bool
	where  map[string]string
	file   string
	ps     Problems
}

// Load reads and checks the configuration. Its error is Problems, or that of reading the file.
func Load(s Sources) (Config, error) {
	c := Default()
	l := loader{fields: map[string]*Field{}, groups: map[string]bool{}, where: map[string]string{}, file: s.File}
	fs := fieldsOf(&c)
	for i := range fs {
		l.fields[fs[i].Key] = &fs[i]
		if group, _, ok := strings.Cut(fs[i].Key, "."); ok {
			l.groups[group] = true
		}
	}
	if s.File != "" {
		b, err := os.ReadFile(s.File)
		if err != nil {
			return c, fmt.Errorf("read the configuration: %w", err)
		}
		l.yaml(b)
	}
	env := map[string]string{}
	for _, kv := range s.Env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	for i := range fs {
		if v, ok := env[fs[i].Env]; ok {
			l.set(fs[i].Key, v, fs[i].Env)
		}
		if v, ok := s.Flags[fs[i].Key]; ok {
			l.set(fs[i].Key, v, "--"+fs[i].Flag)
		}
	}
	var more Problems
	if errors.As(c.Validate(), &more) {
		for _, p := range more {
			p.Where = l.where[p.Key]
			l.ps = append(l.ps, p)
		}
	}
	if len(l.ps) > 0 {
		return c, l.ps
	}
	return c, nil
}

func (l *loader) set(key, v, where string) {
	if err := l.fields[key].set(v); err != nil {
		l.ps = append(l.ps, Problem{key, where, err.Error()})
		return
	}
	l.where[key] = where
}

func (l *loader) yaml(b []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		l.ps = append(l.ps, Problem{"", l.file, strings.TrimPrefix(err.Error(), "yaml: ")})
		return
	}
	if len(doc.Content) > 0 {
		l.mapping("", doc.Content[0])
	}
}

func (l *loader) mapping(prefix string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.problem(strings.TrimSuffix(prefix, "."), n, "must be a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := prefix + k.Value
		switch {
		case seen[key]:
			l.problem(key, k, "is given twice")
		case l.groups[key]:
			l.mapping(key+".", v)
		case l.fields[key] == nil:
			l.problem(key, k, "there is no such key"+l.guess(key))
		default:
			l.value(key, v)
		}
		seen[key] = true
	}
}

func (l *loader) value(key string, n *yaml.Node) {
	where := fmt.Sprintf("%s:%d", l.file, n.Line)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		l.set(key, l.fields[key].Default, where)
	case n.Kind == yaml.ScalarNode:
		l.set(key, n.Value, where)
	case n.Kind == yaml.SequenceNode && l.fields[key].Type == "list":
		var parts []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				l.problem(key, item, "must be a list of texts")
				return
			}
			parts = append(parts, item.Value)
		}
		l.set(key, strings.Join(parts, ","), where)
	default:
		l.problem(key, n, "must be a "+l.fields[key].Type)
	}
}

func (l *loader) problem(key string, n *yaml.Node, message string) {
	l.ps = append(l.ps, Problem{key, fmt.Sprintf("%s:%d", l.file, n.Line), message})
}

// guess names the key that was probably meant.
func (l *loader) guess(key string) string {
	best, distance := "", 4
	for k := range l.fields {
		if d := editDistance(key, k); d < distance || d == distance && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
