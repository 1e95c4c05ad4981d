package event

import "strings"

// longestNobody is the length of the longest word in nobodyWord.
const longestNobody = 17

// Nobody tells whether an id stands for nobody: what programs print for a missing value, and numbers and UUIDs of
// zeros only. Case and surrounding space do not matter. Such an id names no person and links none: thousands of
// devices would become one.
func Nobody(id string) bool {
	if len(id) == 0 {
		return true
	}
	if c := id[0]; len(id) > longestNobody && c != '0' && c > ' ' && c != '{' && c != '-' {
		return false
	}
	id = strings.Trim(id, " \t\r\n\"'")
	return id == "" || onlyZeros(id) || len(id) <= longestNobody && nobodyWord(id)
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

func nobodyWord(id string) bool {
	var b [longestNobody]byte
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

// OwnNumber is the number of the id that an event with these ids is of, before any link: of the user id, without a usable
// one of the anonymous id, then of the device id. It is 0 when none of them names anybody.
func OwnNumber(user, anonymous, device string) uint64 {
	switch {
	case !Nobody(user):
		return IDNumber(SpaceUser, user)
	case !Nobody(anonymous):
		return IDNumber(SpaceAnonymous, anonymous)
	case !Nobody(device):
		return IDNumber(SpaceDevice, device)
	}
	return 0
}
