package main

import "fmt"

type configCmd struct {
	configFlags
	jsonFlag
	Settings settings `embed:""`
}

// Help implements kong.HelpProvider.
func (configCmd) Help() string {
	return `Reads the configuration as freshet serve would, reports everything that is wrong with it, and prints what is in force as
a YAML file that can be used again. Passwords and secrets are masked.

  freshet config -c freshet.yaml
  freshet config --json | jq .store`
}

func (c *configCmd) Run(s streams) error {
	cfg, err := load(c.configFlags, c.Settings)
	if err != nil {
		return err
	}
	b, err := cfg.YAML()
	if c.JSON {
		b, err = cfg.JSON()
		b = append(b, '\n')
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s", b)
	return err
}
