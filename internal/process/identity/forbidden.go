package identity

import "strings"

// longestForbidden is the length of the longest word in forbiddenWord.
const longestForbidden = 17

// Forbidden tells whether an id stands for nobody: what programs print for a missing value, and numbers and UUIDs of
// zeros only. Case and surrounding space do not matter. Such an id names no person and links none: thousands of
// devices would become one.
func Forbidden(id string) bool {
	if len(id) == 0 {
		return true
	}
	if c := id[0]; len(id) > longestForbidden && c != '0' && c > ' ' && c != '{' && c != '-' {
		return false
	}
	id = strings.Trim(id, " \t\r\n\"'")
	return id == "" || onlyZeros(id) || len(id) <= longestForbidden && forbiddenWord(id)
}

// onlyZeros is true of 0, 0000-0000, 0.0 and {00000000-0000-0000-0000-000000000000}.
func onlyZeros(id string) bool {
	for i := range len(id) {
		switch id[i] {
		case '0', '-', '.', ':', '{', '}':
		default:
			return false
		}
	}
	return true
}

func forbiddenWord(id string) bool {
	var b [longestForbidden]byte
	for i := range len(id) {
		c := id[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	switch string(b[:len(id)]) {
	case "null", "(null)", "<null>", "nil", "<nil>", "none", "undefined", "unknown", "unidentified", "nan", "-1",
		"true", "false", "[object object]", "[object]", "{}", "[]", "anonymous", "guest", "n/a", "not_authenticated",
		"distinctid", "distinct_id", "userid", "user_id", "anonymousid", "anonymous_id", "deviceid", "device_id",
		"id", "email", "<unset>":
		return true
	}
	return false
}
