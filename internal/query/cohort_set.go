package query

import "slices"

// peopleSet is some people, or everybody but some. The numbers ascend, each once.
type peopleSet struct {
	ids    []uint64
	except bool
}

func (a peopleSet) not() peopleSet { return peopleSet{a.ids, !a.except} }

func (a peopleSet) and(b peopleSet) peopleSet {
	switch {
	case a.except && b.except:
		return peopleSet{union(a.ids, b.ids), true}
	case a.except:
		return peopleSet{subtract(b.ids, a.ids), false}
	case b.except:
		return peopleSet{subtract(a.ids, b.ids), false}
	}
	return peopleSet{intersect(a.ids, b.ids), false}
}

func (a peopleSet) or(b peopleSet) peopleSet { return a.not().and(b.not()).not() }

func intersect(a, b []uint64) []uint64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	out := make([]uint64, 0, len(a))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0], b[0]; {
		case x < y:
			a = a[1:]
		case x > y:
			b = b[1:]
		default:
			out, a, b = append(out, x), a[1:], b[1:]
		}
	}
	return out
}

// subtract has what is in a and not in b.
func subtract(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0], b[0]; {
		case x < y:
			out, a = append(out, x), a[1:]
		case x > y:
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return append(out, a...)
}

func union(a, b []uint64) []uint64 {
	if len(a) == 0 || len(b) == 0 {
		return slices.Concat(a, b)
	}
	out := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0], b[0]; {
		case x < y:
			out, a = append(out, x), a[1:]
		case x > y:
			out, b = append(out, y), b[1:]
		default:
			out, a, b = append(out, x), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
