package auth

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A ticket is a txid that names no row: what it says is in it, under a MAC. It looks like any other UUID.
// Two things are said so. preauth tells the digits that a request will carry; auth gets the same ticket back and
// finds the same digits, on any node (verified push). auth tells a caller who wants to be told later what
// was decided at once.
//
// 16 bytes: 5 seconds since 1970, 1 kind, 3 random with the UUID's version and variant, 7 of the MAC.
type ticket struct {
	made time.Time
	kind byte
}

// Kinds of tickets: 3 to 6 is the count of digits; firstSettled and above is an index of settled.
const firstSettled = 16

const (
	ticketLife   = 10 * time.Minute
	ticketSecret = "auth-ticket"
	numberSecret = "auth-number"
)

// ticket makes one for whom it is: an application, or an application and a user.
func (d *Door) ticket(kind byte, whose string) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(d.Rand, b[6:9]); err != nil {
		return "", err
	}
	var now [8]byte
	binary.BigEndian.PutUint64(now[:], uint64(d.Now().Unix()))
	copy(b[:5], now[3:])
	b[5] = kind
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	copy(b[9:], d.ticketMAC(b[:9], whose))
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// open reads a ticket made for the same and not long ago.
func (d *Door) open(txid, whose string) (ticket, bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(txid, "-", ""))
	if err != nil || len(b) != 16 || !hmac.Equal(b[9:], d.ticketMAC(b[:9], whose)) {
		return ticket{}, false
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(append(make([]byte, 3), b[:5]...))), 0)
	age := d.Now().Sub(made)
	return ticket{made, b[5]}, age >= -time.Minute && age <= ticketLife
}

func (d *Door) ticketMAC(head []byte, whose string) []byte {
	return d.Keys.Digest(ticketSecret, string(head)+whose)[:7]
}

// number derives the digits of a ticket.
func (d *Door) number(txid string, n int) string {
	sum := binary.BigEndian.Uint64(d.Keys.Digest(numberSecret, txid))
	limit := uint64(1)
	for range n {
		limit *= 10
	}
	return fmt.Sprintf("%0*d", n, sum%limit)
}

// uuidShaped reports 8-4-4-4-12 lower-case hex digits.
func uuidShaped(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}

// told remembers which requests a caller has heard to be on their way, so that the first question is answered
// at once and the following wait. Another node answers once more at once; nothing depends on it.
type told struct {
	mu   sync.Mutex
	when map[string]time.Time
}

// first reports whether txid was not told yet, and remembers it until its time is over.
func (t *told) first(txid string, now, until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.when[txid]; known {
		return false
	}
	if t.when == nil || len(t.when) > 10_000 {
		fresh := map[string]time.Time{}
		for id, end := range t.when {
			if end.After(now) && len(fresh) < 9_000 {
				fresh[id] = end
			}
		}
		t.when = fresh
	}
	t.when[txid] = until
	return true
}
