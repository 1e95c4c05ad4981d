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

// updateVariable, when set, makes Golden write what it would have compared.
const updateVariable = "FRESHET_UPDATE_GOLDEN"

// Golden compares what a request becomes with the file beside its payload, path with ".want" behind it: an event after
// the other, a line for each field that has a value. Nothing but a dead letter's code and reason is compared of it.
func Golden(t *testing.T, p ingest.Protocol, r *ingest.Request, path string) {
	t.Helper()
	events, dead := Decode(t, p, r)
	var b bytes.Buffer
	for i := range events {
		fmt.Fprintf(&b, "event %d\n", i)
		printFields(&b, "", reflect.ValueOf(events[i]))
	}
	for _, d := range dead {
		fmt.Fprintf(&b, "dead letter %s: %s\n", d.Code, d.Reason)
	}
	path += ".want"
	if os.Getenv(updateVariable) != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { //nolint:gosec // part of the repository
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(wanted)) {
		if g, w := at(got, i), at(wanted, i); g != w {
			t.Fatalf("%s:%d: there is\n%s\nwant\n%s", path, i+1, g, w)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(the end)"
}

// printFields writes a line for each field with a value.
func printFields(b *bytes.Buffer, name string, v reflect.Value) {
	switch value := v.Interface().(type) {
	case event.Kind:
		fmt.Fprintf(b, "  %s %s\n", name, value)
	case []event.Property:
		for _, p := range value {
			fmt.Fprintf(b, "  %s %s\n", name, property(p))
		}
	case event.Derived:
	default:
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				printFields(b, strings.TrimPrefix(name+"."+v.Type().Field(i).Name, "."), v.Field(i))
			}
		case v.IsZero():
		case v.Kind() == reflect.Int64:
			fmt.Fprintf(b, "  %s %s\n", name, time.UnixMicro(v.Int()).UTC().Format(time.RFC3339Nano))
		case v.Kind() == reflect.String:
			fmt.Fprintf(b, "  %s %q\n", name, v.String())
		default:
			fmt.Fprintf(b, "  %s %v\n", name, value)
		}
	}
}

// property is a property with what marks it beside key and value, such as an operation.
func property(p event.Property) string {
	var value string
	switch p.Type {
	case event.Null:
		value = "null"
	case event.Bool:
		value = fmt.Sprint(p.Num != 0)
	case event.Number:
		value = fmt.Sprint(p.Num)
	case event.String:
		value = fmt.Sprintf("%q", p.Str)
	case event.JSON:
		value = p.Str
	}
	key, marks := p.Key, ""
	p.Key, p.Type, p.Num, p.Str = "", event.Null, 0, ""
	if p != (event.Property{}) {
		marks = fmt.Sprintf(" %+v", p)
	}
	return fmt.Sprintf("%s = %s%s", key, value, marks)
}
