package jsontree_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/jsontree"
)

// failer is what rapid and testing have in common.
type failer interface {
	Fatalf(format string, args ...any)
}

// agree wants a text to be read as fastjson reads it: refused, or the same values. p has read other texts before.
func agree(t failer, p *jsontree.Parser, text string) {
	want, wanted := new(fastjson.Parser).Parse(text)
	got, err := p.Parse(text)
	if sign := strings.Trim(text, " \n\t\r"); sign == "-" || sign == "+" {
		return // a number for fastjson, if nothing follows
	}
	if (err == nil) != (wanted == nil) {
		t.Fatalf("%q: %v, fastjson says %v", text, err, wanted)
	}
	if err != nil {
		if deep := strings.Contains(wanted.Error(), "too big depth"); deep != errors.Is(err, jsontree.ErrDepth) {
			t.Fatalf("%.40q: %v, fastjson says %v", text, err, wanted)
		}
		if tail := strings.HasPrefix(wanted.Error(), "unexpected tail"); tail != errors.Is(err, jsontree.ErrTail) {
			t.Fatalf("%q: %v, fastjson says %v", text, err, wanted)
		}
		return
	}
	if got, want := string(got.MarshalTo(nil)), string(want.MarshalTo(nil)); got != want {
		t.Fatalf("%q: written as %q, not as %q", text, got, want)
	}
	same(t, text, got, want)
}

func same(t failer, text string, got *jsontree.Value, want *fastjson.Value) {
	if got.Type().String() != want.Type().String() {
		t.Fatalf("%q: %s instead of %s", text, got.Type(), want.Type())
	}
	switch got.Type() {
	case jsontree.TypeString:
		g, _ := got.StringBytes()
		if w, _ := want.StringBytes(); string(g) != string(w) || string(got.GetStringBytes()) != string(w) {
			t.Fatalf("%q: %q instead of %q", text, g, w)
		}
	case jsontree.TypeNumber:
		g, err := got.Float64()
		w, wanted := want.Float64()
		if (err == nil) != (wanted == nil) || g != w && !math.IsNaN(w) || got.GetInt() != want.GetInt() {
			t.Fatalf("%q: %v (%v) instead of %v (%v)", text, g, err, w, wanted)
		}
	case jsontree.TypeArray:
		g, w := got.GetArray(), want.GetArray()
		if len(g) != len(w) {
			t.Fatalf("%q: %d items instead of %d", text, len(g), len(w))
		}
		for i := range g {
			same(t, text, g[i], w[i])
		}
	case jsontree.TypeObject:
		members(t, text, got.GetObject(), want.GetObject())
	case jsontree.TypeNull, jsontree.TypeTrue, jsontree.TypeFalse:
		if got.GetBool() != want.GetBool() {
			t.Fatalf("%q: %v", text, got.GetBool())
		}
	}
}

func members(t failer, text string, got *jsontree.Object, want *fastjson.Object) {
	var names []string
	var values []*fastjson.Value
	want.Visit(func(name []byte, v *fastjson.Value) {
		names, values = append(names, string(name)), append(values, v)
	})
	if got.Len() != len(names) {
		t.Fatalf("%q: %d members instead of %d", text, got.Len(), len(names))
	}
	first := map[string]*jsontree.Value{}
	i := 0
	got.Visit(func(name []byte, v *jsontree.Value) {
		if string(name) != names[i] {
			t.Fatalf("%q: member %q instead of %q", text, name, names[i])
		}
		same(t, text, v, values[i])
		if first[names[i]] == nil {
			first[names[i]] = v
		}
		i++
	})
	for name, v := range first {
		if got.Get(name) != v {
			t.Fatalf("%q: %q is not where it is first", text, name)
		}
	}
	if got.Get("no such name") != nil {
		t.Fatalf("%q: a member that is not there", text)
	}
}

var pieces = []string{
	"{", "}", "[", "]", ",", ":", " ", "\n\t", `"a"`, `"a":`, `"b" : `, `"":`, `"\u0041":`, `"\n"`, `"\\"`, `"\""`, `"\ud83d\ude42 is one"`, `"\ud83d"`,
	`"\ud83d\u0041"`, `"\q\u12"`, `"exactly8"`, `"more than eight bytes, and an ä"`, `"seven77\"and more\\"`, "\"\x00\x01\xff\"", `"no end`, `"\`,
	"0", "-1.5e3", "12345678901234567890", "1e999", "-", "1-2", "nan", "-Inf", "+nAn", "true", "false", "null", "nul", "tru", "\x00", "\ufeff",
}

// TestAsFastjson: arbitrary texts, and texts that are JSON.
func TestAsFastjson(t *testing.T) {
	var p jsontree.Parser
	rapid.Check(t, func(t *rapid.T) {
		agree(t, &p, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "pieces"), ""))
	})
	rapid.Check(t, func(t *rapid.T) { agree(t, &p, drawJSON(t, 4)) })
}

func drawJSON(t *rapid.T, depth int) string {
	blank := rapid.SampledFrom([]string{"", "", " ", "\r\n"}).Draw(t, "blank")
	kinds := 2
	if depth == 0 {
		kinds = 0
	}
	var out []string
	switch rapid.IntRange(-2, kinds).Draw(t, "kind") {
	case 1:
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			out = append(out, drawJSON(t, depth-1))
		}
		return blank + "[" + blank + strings.Join(out, ",") + "]" + blank
	case 2:
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			out = append(out, blank+drawText(t)+blank+":"+drawJSON(t, depth-1))
		}
		return blank + "{" + strings.Join(out, ",") + blank + "}" + blank
	case 0:
		return blank + drawText(t) + blank
	default:
		return blank + rapid.SampledFrom([]string{"0", "-1.25", "1e3", "true", "false", "null", "123456789"}).Draw(t, "word") + blank
	}
}

func drawText(t *rapid.T) string {
	parts := []string{"a", "b", "ü", "12345678", `\"`, `\\`, `\/`, `\b\f\n\r\t`, `\u00e4`, `\ud83d\ude42`, `\ud800`, "{", "]", ","}
	return `"` + strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 5).Draw(t, "text"), "") + `"`
}

func TestDepth(t *testing.T) {
	var p jsontree.Parser
	for _, n := range []int{1, 299, 300, 301, 5000} {
		agree(t, &p, strings.Repeat("[", n)+strings.Repeat("]", n))
		agree(t, &p, strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n))
	}
}

func TestWay(t *testing.T) {
	v, err := new(jsontree.Parser).Parse(`{"a":[{"b":1},{"b":{"c":"deep"}}],"d":true}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.GetStringBytes("a", "1", "b", "c")); got != "deep" {
		t.Errorf("%q", got)
	}
	if v.Exists("a", "2") || v.Exists("a", "x") || v.Exists("d", "e") || v.Get("x").Get("y") != nil || v.GetObject("a") != nil || !v.GetBool("d") {
		t.Error("what is not there was found, or what is there was not")
	}
	if n, err := v.Get("a", "0", "b").Int(); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := v.Array(); err == nil {
		t.Error("an object is no array")
	}
}

func FuzzAsFastjson(f *testing.F) {
	for _, text := range pieces {
		f.Add(text)
		f.Add(`{"a":[` + text + `],"b":` + text + `}`)
	}
	f.Fuzz(func(t *testing.T, text string) { agree(t, new(jsontree.Parser), text) })
}
