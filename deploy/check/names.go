package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Settings are the names that a server of this repository knows, from docs/config.md, which is generated from its code.
type Settings struct {
	keys, environment, options map[string]bool
	// variables are the names in the environment by key.
	variables map[string]string
}

var settingRow = regexp.MustCompile("^\\| `([a-z_.]+)` \\| `(FRESHET_[A-Z_]+)` \\| `(--[a-z-]+)` \\|")

// ReadSettings reads docs/config.md.
func ReadSettings() (Settings, error) {
	s := Settings{keys: map[string]bool{}, environment: map[string]bool{}, options: map[string]bool{"--config": true}, variables: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(Root, "docs/config.md"))
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(text)) {
		if m := settingRow.FindStringSubmatch(line); m != nil {
			s.keys[m[1]], s.environment[m[2]], s.options[m[3]] = true, true, true
			s.variables[m[1]] = m[2]
		}
	}
	if len(s.keys) < 20 {
		return s, fmt.Errorf("docs/config.md: found %d settings, which are too few: has its form changed?", len(s.keys))
	}
	return s, nil
}

// Environment complains about a variable that begins like one of the server's and is none.
func (s Settings) Environment(name string) error {
	// FRESHET_VERSION is the tag of the image in Compose files.
	if strings.HasPrefix(name, "FRESHET_") && name != "FRESHET_VERSION" && !s.environment[name] {
		return fmt.Errorf("%s is no setting of docs/config.md", name)
	}
	return nil
}

// Arguments complains about a command line that the server would refuse.
func (s Settings) Arguments(args []string) error {
	if len(args) == 0 || args[0] != "serve" {
		return fmt.Errorf("arguments %q do not begin with serve", args)
	}
	var errs []error
	for _, a := range args[1:] {
		option, _, _ := strings.Cut(a, "=")
		if strings.HasPrefix(option, "-") && !s.options[option] {
			errs = append(errs, fmt.Errorf("%s is no option of docs/config.md", option))
		}
	}
	return errors.Join(errs...)
}

// File complains about keys of a configuration file that the server would refuse.
func (s Settings) File(tree map[string]any) error {
	return s.file("", tree)
}

func (s Settings) file(prefix string, tree map[string]any) error {
	var errs []error
	for k, v := range tree {
		key := prefix + k
		if inner, ok := v.(map[string]any); ok && !s.keys[key] {
			errs = append(errs, s.file(key+".", inner))
		} else if !s.keys[key] {
			errs = append(errs, fmt.Errorf("%s is no key of docs/config.md", key))
		}
	}
	return errors.Join(errs...)
}

// given tells whether a configuration file has a value for the setting of a name in the environment.
func (s Settings) given(tree map[string]any, name string) bool {
	for k, v := range tree {
		switch v := v.(type) {
		case map[string]any:
			for inner, value := range v {
				if s.variables[k+"."+inner] == name && value != "" {
					return true
				}
			}
		default:
			if s.variables[k] == name && v != "" {
				return true
			}
		}
	}
	return false
}

var environmentName = regexp.MustCompile(`\bFRESHET_[A-Z0-9_]+\b`)

// Text complains about variables named anywhere in a text, such as a script or an example.
func (s Settings) Text(text string) error {
	names := environmentName.FindAllString(text, -1)
	slices.Sort(names)
	names = slices.Compact(names)
	errs := make([]error, len(names))
	for i, name := range names {
		errs[i] = s.Environment(name)
	}
	return errors.Join(errs...)
}
