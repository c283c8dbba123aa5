package attempt

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/internal/base/message"
	"countersign/internal/domain/transaction"
)

// TxIDs makes and reads txids that name no row: what one says is in it, so that any node can read it. To others it looks
// like any UUID. Two things are said so. Verified push: preauth shows the digits that a request will carry, auth gets the
// same txid back and finds the same digits. And what was decided at once about a caller who asks later.
//
// 16 bytes: 9 of a MAC, with the version and variant of a UUID, and under a pad drawn from it 4 seconds since
// 1970, 1 kind and 2 random.
type TxIDs struct {
	Keys Keys
	Now  func() time.Time
	Rand io.Reader
}

// Kinds of them: 3 to 6 is the count of digits; firstDecided and above is an index of decided.
const firstDecided = 16

const (
	txidLife = 10 * time.Minute
	// allowLife is shorter: such a txid names no row in which could be looked whether it still holds, so a "yes" in it is good only for
	// the poll that follows at once.
	allowLife = transaction.Life
	macSize   = 9

	// Purposes of the keyring. Other nodes of an instance know them by these names.
	macSecret    = "ticket"
	padSecret    = "ticket-pad"
	numberSecret = "ticket-number"
)

// Digests are the purposes of the digests that an engine makes.
var Digests = []string{macSecret, padSecret, numberSecret}

// ForNumber makes a txid for a request with n digits, good for one application and person, and gives the digits.
func (t TxIDs) ForNumber(n int, whose string) (txid, number string, err error) {
	txid, err = t.make(byte(n), whose)
	return txid, t.number(txid, n), err
}

// Number gives the digits of a txid made by ForNumber for the same n and person not long ago.
func (t TxIDs) Number(txid string, n int, whose string) (string, bool) {
	kind, _, ok := t.open(txid, whose)
	if !ok || n < 3 || n > 6 || int(kind) != n {
		return "", false
	}
	return t.number(txid, n), true
}

// ForDecided makes a txid for what was decided at once about a sign-in to an application; "" for what none can say.
func (t TxIDs) ForDecided(c *message.Catalogue, s Status, applicationID string) (string, error) {
	kind := -1
	for i, one := range decided {
		if one.result == s.Result && one.status == s.Status && (kind < 0 || c.Text(one.sentence) == s.Text) {
			kind = i
		}
	}
	if kind < 0 {
		return "", nil
	}
	return t.make(byte(firstDecided+kind), applicationID)
}

// Decided reads a txid of ForDecided, for 10 minutes; an allow for one (RULE-42).
func (t TxIDs) Decided(c *message.Catalogue, txid, applicationID string) (Status, bool) {
	kind, age, ok := t.open(txid, applicationID)
	if !ok || kind < firstDecided || int(kind) >= firstDecided+len(decided) {
		return Status{}, false
	}
	one := decided[kind-firstDecided]
	if one.result == ResultAllow && age > allowLife {
		return Status{}, false
	}
	return Status{one.result, one.status, c.Text(one.sentence)}, true
}

func (t TxIDs) make(kind byte, whose string) (string, error) {
	var plain [7]byte
	binary.BigEndian.PutUint32(plain[:], uint32(t.Now().Unix()))
	plain[4] = kind
	if _, err := io.ReadFull(t.Rand, plain[5:]); err != nil {
		return "", err
	}
	b := t.mac(plain[:], whose)
	return spelled(append(b, t.pad(b, plain[:])...)), nil
}

// spelled is the one way to write the 16 bytes.
func spelled(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// open reads a txid made for the same and not long ago. In another spelling it is none: it is used up by its letters
// (AC-011).
func (t TxIDs) open(txid, whose string) (kind byte, age time.Duration, ok bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(txid, "-", ""))
	if err != nil || len(b) != 16 || spelled(b) != txid {
		return 0, 0, false
	}
	plain := t.pad(b[:macSize], b[macSize:])
	if !hmac.Equal(b[:macSize], t.mac(plain, whose)) {
		return 0, 0, false
	}
	age = t.Now().Sub(time.Unix(int64(binary.BigEndian.Uint32(plain)), 0))
	return plain[4], age, age >= -time.Minute && age <= txidLife
}

func (t TxIDs) mac(plain []byte, whose string) []byte {
	b := t.Keys.Digest(macSecret, string(plain)+whose)[:macSize]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return b
}

// pad hides and shows what a txid says.
func (t TxIDs) pad(mac, text []byte) []byte {
	out := t.Keys.Digest(padSecret, string(mac))[:len(text)]
	for i := range out {
		out[i] ^= text[i]
	}
	return out
}

// number derives the digits of a txid.
func (t TxIDs) number(txid string, n int) string {
	sum := binary.BigEndian.Uint64(t.Keys.Digest(numberSecret, txid))
	limit := uint64(1)
	for range n {
		limit *= 10
	}
	return fmt.Sprintf("%0*d", n, sum%limit)
}

// decided are the outcomes that a txid can carry, each by its sentence. Those of other nodes count on the
// order: add at the end. The first of a result and status stands for those that are not here.
var decided = []struct{ result, status, sentence string }{
	{ResultAllow, "allow", "api.allow"},
	{ResultAllow, "bypass", "api.allow.bypass_user"},
	{ResultDeny, "deny", "api.deny"},
	{ResultDeny, "locked_out", "api.deny.locked_out"},
	{ResultAllow, "allow", "api.allow.allowed_by_policy"},
	{ResultAllow, "allow", "api.allow.allow_unenrolled_user"},
	{ResultDeny, "deny", "api.deny.no_way"},
	{ResultDeny, "deny", "api.deny.push_number"},
	{ResultDeny, "deny", "api.deny.push_limit"},
	{ResultDeny, "deny", "api.deny.push_storm"},
	{ResultDeny, "deny", "api.deny.user_disabled"},
	{ResultDeny, "deny", "api.deny.denied_by_policy"},
	{ResultDeny, "deny", "api.deny.deny_unenrolled_user"},
	{ResultDeny, "deny", "api.deny.factor_restricted"},
	{ResultDeny, "deny", "api.deny.no_activated_duo_mobile_account"},
	{ResultDeny, "deny", "api.deny.outage"},
	{ResultDeny, "deny", "api.enroll.first"},
}
