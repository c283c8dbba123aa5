// Package mutate makes requests that have broken other people's products, each with a right signature, and reads
// the answers as strictly as the clients that let somebody in when they do not understand one (AC-019).
// The same seed makes the same requests.
package mutate

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"time"
)

// Hostile are names, addresses and words that break parsers, queries and terminals.
var Hostile = []string{"", " ", "ana", "ANA ", "NORTH\\ana", "DOM\\", "ana@north.example", "stranger", "DU000000000000000000",
	"\x00", "a\x00b", "\xff\xfe", "\ufeff", "é", "e\u0301", "\u202ena", "\u2028", "ﬀ", "Ａｎａ", "\U0001F600", "\U0001F98A",
	"'; DROP TABLE users; --", "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "%s%n", "%zz", "${jndi:ldap://x}",
	"\x1b[2J", "\r\nX: y", "|", "a=b&c=d&%zz", "duo://x-y", NoTicket, "null", "true", "{}", "[]", "-1", "1e999",
	"auto", "push", "push1", "push99", "passcode", "prompt", "phone", "sms", "default", "open", "closed", "1", "123456",
	"0.0.0.0", "127.0.0.1", "::1", "fe80::1%eth0", "256.1.1.1", "::ffff:192.0.2.1", strings.Repeat("a", 255), strings.Repeat("ü", 3000)}

// maxText bounds one text, in bytes.
const maxText = 20_000

// Mutator is a source of chance with a taste for trouble. Not safe for concurrent use.
type Mutator struct {
	*rand.Rand
	Made  int // requests that More allowed
	most  int
	until time.Time // zero: as long as it takes
}

// More reports whether a round goes on, and counts.
func (m *Mutator) More() bool {
	if m.Made >= m.most || !m.until.IsZero() && time.Now().After(m.until) {
		return false
	}
	m.Made++
	return true
}

// New gives the mutator of a seed.
func New(seed uint64) *Mutator { return &Mutator{Rand: rand.New(rand.NewPCG(seed, 19))} }

// OneIn reports true once in n times.
func (m *Mutator) OneIn(n int) bool { return m.IntN(n) == 0 }

// Of picks one of a list that is not empty.
func Of[T any](m *Mutator, list []T) T { return list[m.IntN(len(list))] }

// Text is a hostile text, mostly broken further.
func (m *Mutator) Text() string {
	return string(m.Break([]byte(Of(m, Hostile)), m.IntN(4)))
}

// Break changes b in so many places: bytes come, go and flip, hostile texts stand in their middle.
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
