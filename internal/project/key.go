package project

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"time"
)

// Kind is what a key is for.
type Kind string

// The kinds of keys.
const (
	// Write keys send events. They are built into apps, so they must not read anything.
	Write Kind = "write"
	// Read keys ask questions about their project.
	Read Kind = "read"
	// Admin keys do everything, in every project.
	Admin Kind = "admin"
)

// Key is what may be known of a key after it was made; the secret is shown once and not kept.
type Key struct {
	ID      uint64 `json:"id"`
	Project ID     `json:"project"`
	Kind    Kind   `json:"kind"`
	// Name says what the key is for; at most 100 characters, may be empty.
	Name string `json:"name"`
	// Hint is the beginning and the last four characters, to recognise the key by: "fw_…x7Qk".
	Hint      string    `json:"hint"`
	CreatedAt time.Time `json:"created_at"`
	// LastUsedAt is right to the second in this process and to the minute after a crash; nil: never used.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

// Identity is who a secret belongs to.
type Identity struct {
	// KeyID is 0 for a key that was lent.
	KeyID uint64
	// Project is the key's own. Admin keys may act on every other one too.
	Project ID
	Kind    Kind
}

// A secret is a prefix that tells its kind, 32 random characters and a checksum of all of that:
//
//	fw_ 7Hd0…32 characters…q1Zx 0aB3xY
//	 3             32              6
//
// The checksum lets a typing error be told from a key that is gone, and lets secret scanners avoid false alarms.
const (
	prefixLen   = 3
	randomLen   = 32
	checksumLen = 6
	signedLen   = prefixLen + randomLen
	secretLen   = signedLen + checksumLen

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func (k Kind) prefix() string {
	switch k {
	case Write:
		return "fw_"
	case Read:
		return "fr_"
	case Admin:
		return "fa_"
	}
	return ""
}

func newSecret(prefix string) string {
	b := make([]byte, 0, secretLen)
	b = append(b, prefix...)
	b = appendRandom(b, randomLen)
	sum := checksum(string(b))
	return string(append(b, sum[:]...))
}

// appendRandom adds n random letters and digits.
func appendRandom(b []byte, n int) []byte {
	var random [randomLen]byte
	for end := len(b) + n; len(b) < end; {
		// Never fails: crypto/rand ends the program if the system has no randomness.
		_, _ = rand.Read(random[:])
		for _, r := range random {
			// 248 is the largest multiple of 62 in a byte; what is above would favour the first characters.
			if r < 248 && len(b) < end {
				b = append(b, base62[r%62])
			}
		}
	}
	return b
}

// checksum is the CRC-32 (IEEE) in base 62. It goes byte by byte because crc32.ChecksumIEEE would make the string escape.
func checksum(signed string) (sum [checksumLen]byte) {
	crc := ^uint32(0)
	for i := range len(signed) {
		crc = crc32.IEEETable[byte(crc)^signed[i]] ^ crc>>8
	}
	crc = ^crc
	for i := checksumLen - 1; i >= 0; i-- {
		sum[i] = base62[crc%62]
		crc /= 62
	}
	return sum
}

func wellFormed(secret string) bool {
	if len(secret) != secretLen {
		return false
	}
	switch secret[:prefixLen] {
	case "fw_", "fr_", "fa_":
		return checked(secret)
	default:
		return false
	}
}

// checked tells whether what follows a prefix has the right length, no other characters and the right checksum.
func checked(secret string) bool {
	if len(secret) != secretLen {
		return false
	}
	for i := prefixLen; i < secretLen; i++ {
		if !isBase62(secret[i]) {
			return false
		}
	}
	sum := checksum(secret[:signedLen])
	return secret[signedLen:] == string(sum[:])
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// hashOf takes a secret of the right length; converting it to a slice would allocate.
func hashOf(secret string) Hash {
	var b [secretLen]byte
	copy(b[:], secret)
	return sha256.Sum256(b[:])
}

func hintOf(secret string) string {
	return secret[:prefixLen] + "…" + secret[secretLen-4:]
}
