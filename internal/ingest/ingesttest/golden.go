package ingesttest

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// UpdateVariable names the environment variable that makes Golden write what it finds instead of comparing.
const UpdateVariable = "FRESHET_UPDATE_GOLDEN"

// Golden compares what a request becomes with the file of that name and ".want" behind it: a line for every field that
// has a value, and for every dead letter its code and reason.
func Golden(t *testing.T, p ingest.Protocol, r *ingest.Request, file string) {
	t.Helper()
	var b bytes.Buffer
	events, dead := Decode(t, p, r)
	for _, e := range events {
		fmt.Fprintf(&b, "%s\n", e.Kind)
		printFields(&b, "", reflect.ValueOf(e))
	}
	for _, d := range dead {
		fmt.Fprintf(&b, "dead %s: %s\n", d.Code, d.Reason)
	}
	file += ".want"
	if os.Getenv(UpdateVariable) != "" {
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")
	for i := range old {
		if i >= len(now) || old[i] != now[i] {
			t.Fatalf("%s:%d: %s is not there, but\n%s", file, i+1, old[i], strings.Join(now[min(i, len(now)):], "\n"))
		}
	}
	if len(now) != len(old) {
		t.Fatalf("%s: there is more:\n%s", file, strings.Join(now[len(old):], "\n"))
	}
}

// printFields writes a line for each field of a struct that has a value.
func printFields(b *bytes.Buffer, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+v.Type().Field(i).Name
		switch value := f.Interface().(type) {
		case event.Kind, event.Derived:
		case event.Context:
			printFields(b, "Context.", f)
		case []event.Property:
			for _, p := range value {
				fmt.Fprintf(b, "  %s %s\n", name, property(p))
			}
		case int64:
			if value != 0 {
				fmt.Fprintf(b, "  %s %s\n", name, time.UnixMicro(value).UTC().Format(time.RFC3339Nano))
			}
		default:
			if !f.IsZero() {
				fmt.Fprintf(b, "  %s %v\n", name, value)
			}
		}
	}
}

func property(p event.Property) string {
	value := "null"
	switch p.Type {
	case event.Bool:
		value = fmt.Sprint(p.Num == 1)
	case event.Number:
		value = fmt.Sprint(p.Num)
	case event.String:
		value = fmt.Sprintf("%q", p.Str)
	case event.JSON:
		value = p.Str
	case event.Null:
	}
	if p.Op != event.Set {
		return p.Op.String() + " " + p.Key + " = " + value
	}
	return p.Key + " = " + value
}
