// Package mutate makes hostile requests with right signatures and checks the answers. It reads an answer as strictly
// as the clients that let somebody in if they do not understand it (AC-019). The same seed makes the same requests.
package mutate

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"time"
)

// Hostile lists names, addresses and words that break parsers, queries and terminals, or mean something to a door.
var Hostile = []string{"", " ", "ana", "ANA ", "NORTH\\ana", "DOM\\", "ana@north.example", "stranger", "DU000000000000000000",
	"\x00", "a\x00b", "\xff\xfe", "\ufeff", "é", "e\u0301", "\u202ena", "\u2028", "ﬀ", "Ａｎａ", "\U0001F600", "\U0001F98A",
	"'; DROP TABLE users; --", "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "%s%n", "%zz", "${jndi:ldap://x}",
	"\x1b[2J", "\r\nX: y", "|", "a=b&c=d&%zz", "duo://x-y", NoTxID, "null", "true", "{}", "[]", "-1", "1e999",
	"auto", "push", "push1", "push99", "passcode", "prompt", "phone", "sms", "default", "open", "closed", "1", "123456",
	"0.0.0.0", "127.0.0.1", "::1", "fe80::1%eth0", "256.1.1.1", "::ffff:192.0.2.1", strings.Repeat("a", 255), strings.Repeat("ü", 3000)}

// maxText limits one text, in bytes.
const maxText = 20_000

// Mutator makes random hostile texts and requests. It is not safe for concurrent use.
type Mutator struct {
	*rand.Rand
	Made  int       // how often More returned true
	most  int       // limit of Made
	until time.Time // end of the round; zero means no limit of time
}

// More reports whether the round has another request, and counts it.
func (m *Mutator) More() bool {
	if m.Made >= m.most || !m.until.IsZero() && time.Now().After(m.until) {
		return false
	}
	m.Made++
	return true
}

// New returns the mutator of a seed. More is false for it at once; Rounds sets the limits.
func New(seed uint64) *Mutator { return &Mutator{Rand: rand.New(rand.NewPCG(seed, 19))} }

// OneIn reports true once in n times.
func (m *Mutator) OneIn(n int) bool { return m.IntN(n) == 0 }

// Of returns a random element of a list, which must not be empty.
func Of[T any](m *Mutator, list []T) T { return list[m.IntN(len(list))] }

// Text returns a hostile text, mostly broken further by Break.
func (m *Mutator) Text() string {
	return string(m.Break([]byte(Of(m, Hostile)), m.IntN(4)))
}

// Break returns b with so many changes. A change inserts a byte or a hostile text, cuts the end off, makes letters
// capital or flips bits. The result has at most maxText bytes, and b itself is not changed.
func (m *Mutator) Break(b []byte, places int) []byte {
	for range places {
		switch n := m.IntN(len(b) + 1); m.IntN(5) {
		case 0:
			b = append(b[:n:n], append([]byte{byte(m.IntN(256))}, b[n:]...)...)
		case 1:
			b = append(b[:n:n], append([]byte(Of(m, Hostile)), b[n:]...)...)
		case 2:
			b = b[:n:n]
		case 3:
			b = bytes.ToUpper(b)
		default:
			b = bytes.Clone(b)
			for i := range b[:min(n, 8)] {
				b[i] ^= 1 << m.IntN(8)
			}
		}
	}
	return b[:min(len(b), maxText)]
}
