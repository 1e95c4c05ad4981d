package main

import (
	"io"
	"log/slog"
	"os"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/server"
)

// settings are the options of the server's configuration, one for each key, made from the configuration itself.
type settings struct {
	kong.Plugins
	keys []string
}

func newSettings() settings {
	s := settings{}
	declared := config.Fields()
	fields := make([]reflect.StructField, 0, len(declared))
	for _, f := range declared {
		t := reflect.TypeFor[*string]()
		if f.Type == "yes/no" {
			t = reflect.TypeFor[*bool]()
		}
		doc := f.Doc
		if f.Default != "" {
			doc += " Default " + f.Default + "."
		}
		negatable := ""
		if t == reflect.TypeFor[*bool]() {
			negatable = `negatable:"" `
		}
		tag := negatable + `name:"` + f.Flag + `" group:"Settings" placeholder:"` + f.Type + `" help:` + strconv.Quote(doc)
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(len(fields)), Type: t, Tag: reflect.StructTag(tag)})
		s.keys = append(s.keys, f.Key)
	}
	s.Plugins = kong.Plugins{reflect.New(reflect.StructOf(fields)).Interface()}
	return s
}

// given returns the options that were on the command line, by key.
func (s settings) given() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(s.Plugins[0]).Elem()
	for i, key := range s.keys {
		switch p := v.Field(i).Interface().(type) {
		case *string:
			if p != nil {
				out[key] = *p
			}
		case *bool:
			if p != nil {
				out[key] = strconv.FormatBool(*p)
			}
		}
	}
	return out
}

// configFlags are shared by the commands that read the server's configuration.
type configFlags struct {
	Config string `short:"c" type:"path" env:"FRESHET_CONFIG" placeholder:"FILE" help:"YAML file with settings (${env})."`
}

func load(f configFlags, s settings) (config.Config, error) {
	return config.Load(config.Sources{File: f.Config, Env: os.Environ(), Flags: s.given()})
}

func newLogger(c config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // Validate has checked it
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "text" {
		return slog.New(server.LogHandler(slog.NewTextHandler(w, o)))
	}
	return slog.New(server.LogHandler(slog.NewJSONHandler(w, o)))
}
