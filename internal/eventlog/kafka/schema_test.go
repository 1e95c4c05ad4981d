package kafka

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
)

const published = "freshet/log/v1/event.proto"

// schema compiles the published file.
func schema(t *testing.T) protoreflect.FileDescriptor { return schemaIn(t, "../../../proto") }

func schemaIn(t *testing.T, folder string) protoreflect.FileDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{folder}}}
	files, err := c.Compile(context.Background(), published)
	if err != nil {
		t.Fatal(err)
	}
	return files.FindFileByPath(published)
}

// What is written is what the published file says: a reader that has only that knows every field, and writes the same.
func TestSchema(t *testing.T) {
	file := schema(t)
	kind := file.Messages().ByName("Event")
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		var c encoder
		var d event.Decoder
		if err := d.Open(r.Payload); err != nil {
			t.Fatal(err)
		}
		for _, m := range c.encode(r) {
			read := dynamicpb.NewMessage(kind)
			if err := proto.Unmarshal(m.value, read); err != nil {
				t.Fatal(err)
			}
			if unknown := unknownIn(read); len(unknown) > 0 {
				t.Fatalf("fields that are not published: %x", unknown)
			}
			var e event.Event
			dead, _, err := d.Next(&e)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, read, &d.Header, &e, dead)
			wrote, err := proto.Marshal(read)
			if err != nil {
				t.Fatal(err)
			}
			var back decoded
			if err := back.read(wrote); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func unknownIn(m protoreflect.Message) (out []byte) {
	out = append(out, m.GetUnknown()...)
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				out = append(out, unknownIn(v.List().Get(i).Message())...)
			}
		default:
			out = append(out, unknownIn(v.Message())...)
		}
		return true
	})
	return out
}

// agree compares a message with the event it was made of, field by field, by their names.
func agree(t *rapid.T, m protoreflect.Message, h *event.Header, e *event.Event, dead *event.Dead) {
	get := func(name string) any {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if f == nil {
			t.Fatalf("the published file has no field %s", name)
		}
		if f.Enum() != nil {
			return int64(m.Get(f).Enum())
		}
		return m.Get(f).Interface()
	}
	same := func(name string, want any) {
		if got := get(name); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is %v, want %v", name, got, want)
		}
	}
	same("project", h.Project)
	same("received_at", h.ReceivedAt)
	same("protocol", h.Protocol)
	if dead != nil {
		u := m.Get(m.Descriptor().Fields().ByName("unreadable")).Message()
		fields := u.Descriptor().Fields()
		if u.Get(fields.ByName("code")).String() != dead.Code || u.Get(fields.ByName("reason")).String() != dead.Reason ||
			!bytes.Equal(u.Get(fields.ByName("body")).Bytes(), dead.Body) {
			t.Fatalf("%v, want %+v", u, dead)
		}
		return
	}
	same("kind", int64(e.Kind))
	same("original_time", e.OriginalTime)
	same("sent_at", e.SentAt)
	same("sent_fresh", e.SentFresh)
	same("links", e.Links)
	same("screen_width", e.Context.ScreenWidth)
	same("screen_height", e.Context.ScreenHeight)
	same("screen_density", e.Context.ScreenDensity)
	for _, of := range []reflect.Value{reflect.ValueOf(*e), reflect.ValueOf(e.Context)} {
		for i := range of.NumField() {
			if of.Field(i).Kind() == reflect.String {
				same(snake(of.Type().Field(i).Name), of.Field(i).String())
			}
		}
	}
	for name, want := range map[string][]event.Property{"properties": e.Properties, "traits": e.Traits} {
		list := m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name))).List()
		if list.Len() != len(want) {
			t.Fatalf("%d %s, want %d", list.Len(), name, len(want))
		}
		for i := range want {
			property(t, list.Get(i).Message(), &want[i])
		}
	}
}

func property(t *rapid.T, m protoreflect.Message, want *event.Property) {
	fields := m.Descriptor().Fields()
	got := event.Property{Key: m.Get(fields.ByName("key")).String(), Op: event.Op(m.Get(fields.ByName("operation")).Enum())}
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("value")); f != nil {
		v := m.Get(f)
		switch f.Name() {
		case "boolean":
			got.Type = event.Bool
			if v.Bool() {
				got.Num = 1
			}
		case "number":
			got.Type, got.Num = event.Number, v.Float()
		case "text":
			got.Type, got.Str = event.String, v.String()
		case "json":
			got.Type, got.Str = event.JSON, v.String()
		}
	}
	if got != *want {
		t.Fatalf("%+v, want %+v", got, *want)
	}
}

// snake is the name of a field of the published file for one of Go.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			lower := func(i int) bool { return i >= 0 && i < len(name) && name[i] >= 'a' && name[i] <= 'z' }
			if lower(i-1) || i > 0 && lower(i+1) {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// The words of the enumerations are those of the vocabulary, in its order.
func TestSchemaWords(t *testing.T) {
	file := schema(t)
	kinds := file.Enums().ByName("Kind").Values()
	if kinds.Len() != int(event.Unlink)+1 {
		t.Errorf("%d kinds", kinds.Len())
	}
	for i := range kinds.Len() {
		want := "KIND_" + strings.ToUpper(event.Kind(i).String())
		if got := strings.TrimSuffix(string(kinds.ByNumber(protoreflect.EnumNumber(i)).Name()), "_UNSPECIFIED"); got != want {
			t.Errorf("kind %d is %s, want %s", i, got, want)
		}
	}
	operations := file.Enums().ByName("Operation").Values()
	if operations.Len() != int(event.Clear)+1 {
		t.Errorf("%d operations", operations.Len())
	}
	for i := range operations.Len() {
		want := "OPERATION_" + strings.ToUpper(event.Op(i).String())
		if got := strings.TrimSuffix(string(operations.ByNumber(protoreflect.EnumNumber(i)).Name()), "_UNSPECIFIED"); got != want {
			t.Errorf("operation %d is %s, want %s", i, got, want)
		}
	}
}

// What was published once stays: topics have it, and others read them. That it does, buf says (`make proto`), by a copy of what is
// published, in which nothing is missing.
func TestSchemaIsKept(t *testing.T) {
	const kept = "testdata/published"
	had := shape(schemaIn(t, kept))
	for field, is := range shape(schema(t)) {
		if had[field] == "" {
			t.Errorf("%s (%s) is new: copy the file to %s", field, is, kept)
		}
	}
}

// shape says of each number of each message and enumeration what it is.
func shape(file protoreflect.FileDescriptor) map[string]string {
	out := map[string]string{}
	for i := range file.Messages().Len() {
		m := file.Messages().Get(i)
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			out[fmt.Sprintf("%s %d", m.FullName(), f.Number())] = fmt.Sprintf("%s %s %s", f.Cardinality(), f.Kind(), f.Name())
		}
	}
	for i := range file.Enums().Len() {
		e := file.Enums().Get(i)
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			out[fmt.Sprintf("%s %d", e.FullName(), v.Number())] = string(v.Name())
		}
	}
	return out
}
