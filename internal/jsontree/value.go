// Package jsontree reads JSON as a tree of values, fast: one pass over the text, no memory of its own for each value, and
// nothing to clear away before the next text. It is as forgiving as fastjson, whose values these can take the place of: what
// it forgives is decided by its users. A name that is there twice is found at its first place.
package jsontree

import (
	"fmt"
	"strconv"
	"unsafe"

	"github.com/valyala/fastjson/fastfloat"
)

// Type is what a value is.
type Type uint8

// The types.
const (
	TypeNull Type = iota
	TypeObject
	TypeArray
	TypeString
	TypeNumber
	TypeTrue
	TypeFalse
)

// String is the type in words.
func (t Type) String() string {
	return [...]string{"null", "object", "array", "string", "number", "true", "false"}[t]
}

// Value is one of a text's values. Its methods may be called at once by several; those that look for a member take nil for
// one that is not there.
type Value struct {
	// key is the name of a member as it is written, text a string or a number as it is.
	key, text string
	// size is the number of values that it is made of, itself included.
	size                uint32
	kind                Type
	escaped, keyEscaped bool
}

// Object is a value that is one.
type Object Value

// Type is what the value is.
func (v *Value) Type() Type { return v.kind }

// first is what is behind a value, and next what is behind all that is within it. Whether there is such a value only the size
// of the one around it tells.
func (v *Value) first() *Value { return (*Value)(unsafe.Add(unsafe.Pointer(v), unsafe.Sizeof(*v))) } //nolint:gosec // see above

func (v *Value) next() *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(v), uintptr(v.size)*unsafe.Sizeof(*v))) //nolint:gosec // see above
}

// each calls f with what is directly within the value, until it is false.
func (v *Value) each(f func(*Value) bool) {
	if v.size == 1 {
		return
	}
	left := v.size - 1
	for c := v.first(); f(c); c = c.next() {
		if left -= c.size; left == 0 {
			return
		}
	}
}

// name is the name of a member.
func (v *Value) name() []byte {
	if v.keyEscaped {
		return unescape(v.key)
	}
	return bytesOf(v.key)
}

// Get goes down the names; it is nil when one of them is not there.
func (v *Value) Get(names ...string) *Value {
	for _, name := range names {
		if v == nil {
			return nil
		}
		v = v.member(name)
	}
	return v
}

func (v *Value) member(name string) (found *Value) {
	if v.kind == TypeObject {
		v.each(func(c *Value) bool {
			if !c.keyEscaped && c.key == name || c.keyEscaped && string(unescape(c.key)) == name {
				found = c
			}
			return found == nil
		})
		return found
	}
	n, err := strconv.Atoi(name)
	if v.kind != TypeArray || err != nil {
		return nil
	}
	v.each(func(c *Value) bool {
		if n == 0 {
			found = c
		}
		n--
		return found == nil
	})
	return found
}

// Exists tells whether there is a value under the names.
func (v *Value) Exists(names ...string) bool { return v.Get(names...) != nil }

// of is the value under the names if it has a type, otherwise nil.
func (v *Value) of(kind Type, names []string) *Value {
	if v = v.Get(names...); v == nil || v.kind != kind {
		return nil
	}
	return v
}

// GetObject is the object under the names, or nil.
func (v *Value) GetObject(names ...string) *Object { return (*Object)(v.of(TypeObject, names)) }

// GetArray are the items of the array under the names, or none.
func (v *Value) GetArray(names ...string) []*Value {
	if v = v.of(TypeArray, names); v == nil {
		return nil
	}
	return v.items()
}

// GetStringBytes is the string under the names, or nil.
func (v *Value) GetStringBytes(names ...string) []byte {
	if v = v.of(TypeString, names); v == nil {
		return nil
	}
	return v.content()
}

// GetBool tells whether true is under the names.
func (v *Value) GetBool(names ...string) bool { return v.of(TypeTrue, names) != nil }

// GetInt is the whole number under the names, or 0.
func (v *Value) GetInt(names ...string) int {
	if v = v.of(TypeNumber, names); v == nil {
		return 0
	}
	return int(fastfloat.ParseInt64BestEffort(v.text))
}

// GetFloat64 is the number under the names, or 0.
func (v *Value) GetFloat64(names ...string) float64 {
	if v = v.of(TypeNumber, names); v == nil {
		return 0
	}
	return fastfloat.ParseBestEffort(v.text)
}

// not is the error for a value of another type.
func (v *Value) not(kind Type) error {
	return fmt.Errorf("value doesn't contain %s; it contains %s", kind, v.kind)
}

// Object is the value as an object.
func (v *Value) Object() (*Object, error) {
	if v.kind != TypeObject {
		return nil, v.not(TypeObject)
	}
	return (*Object)(v), nil
}

// Array are the items of the array that the value is.
func (v *Value) Array() ([]*Value, error) {
	if v.kind != TypeArray {
		return nil, v.not(TypeArray)
	}
	return v.items(), nil
}

func (v *Value) items() []*Value {
	n := 0
	v.each(func(*Value) bool { n++; return true })
	items := make([]*Value, 0, n)
	v.each(func(c *Value) bool { items = append(items, c); return true })
	return items
}

// StringBytes is the string that the value is; it must not be changed.
func (v *Value) StringBytes() ([]byte, error) {
	if v.kind != TypeString {
		return nil, v.not(TypeString)
	}
	return v.content(), nil
}

func (v *Value) content() []byte {
	if v.escaped {
		return unescape(v.text)
	}
	return bytesOf(v.text)
}

// Digits is a number as it is written, and empty for another value.
func (v *Value) Digits() string {
	if v.kind != TypeNumber {
		return ""
	}
	return v.text
}

// Float64 is the number that the value is.
func (v *Value) Float64() (float64, error) {
	if v.kind != TypeNumber {
		return 0, v.not(TypeNumber)
	}
	return fastfloat.Parse(v.text) //nolint:wrapcheck // it says all there is to say
}

// Int64 is the whole number that the value is.
func (v *Value) Int64() (int64, error) {
	if v.kind != TypeNumber {
		return 0, v.not(TypeNumber)
	}
	return fastfloat.ParseInt64(v.text) //nolint:wrapcheck // it says all there is to say
}

// Int is Int64, for a number that fits.
func (v *Value) Int() (int, error) {
	n, err := v.Int64()
	return int(n), err
}

// MarshalTo appends the value as it is written, without blanks between its parts.
func (v *Value) MarshalTo(dst []byte) []byte {
	switch v.kind {
	case TypeString:
		return append(append(append(dst, '"'), v.text...), '"')
	case TypeObject, TypeArray:
		brackets := "{}"
		if v.kind == TypeArray {
			brackets = "[]"
		}
		dst = append(dst, brackets[0])
		before := len(dst)
		v.each(func(c *Value) bool {
			if len(dst) > before {
				dst = append(dst, ',')
			}
			if v.kind == TypeObject {
				dst = append(append(append(dst, '"'), c.key...), '"', ':')
			}
			dst = c.MarshalTo(dst)
			return true
		})
		return append(dst, brackets[1])
	default:
		return append(dst, v.text...)
	}
}

// Visit calls f with each member, in order.
func (o *Object) Visit(f func(name []byte, v *Value)) {
	if o == nil || o.size == 1 {
		return
	}
	left := o.size - 1
	for c := (*Value)(o).first(); ; c = c.next() {
		f(c.name(), c)
		if left -= c.size; left == 0 {
			return
		}
	}
}

// Get is the member of a name, or nil.
func (o *Object) Get(name string) *Value { return (*Value)(o).member(name) }

// Len is the number of members.
func (o *Object) Len() (n int) {
	(*Value)(o).each(func(*Value) bool { n++; return true })
	return n
}

func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // nobody writes to it
}
