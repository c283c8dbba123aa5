package frame

import (
	"crypto/hmac"
	"crypto/sha1" // the clients' own
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Prefixes of what is signed.
const (
	prefixTX      = "TX"
	prefixEnroll  = "ENROLL_REQUEST"
	answerAuth    = "AUTH"
	answerEnroll  = "ENROLL"
	answerError   = "ERR"
	requestLife   = 300 * time.Second // the longest the clients ask for
	answerLife    = 300 * time.Second
	skew          = 60 * time.Second
	maxTX         = 4 << 10 // bytes
	maxNameOnWire = 1024    // bytes
)

var (
	errShape     = errors.New("tx is not PREFIX|base64|hex of user|ikey|exp")
	errSignature = errors.New("tx is not signed by this application")
	errExpired   = errors.New("tx has expired")
	errFar       = errors.New("tx expires too far ahead")
)

// request is a tx taken apart. Nothing in it is proved before verify.
type request struct {
	Prefix string
	User   []byte // as sent: the answer gives it back byte for byte
	IKey   string
	Expiry int64

	signed string // what the signature covers
	mac    []byte
}

// parse takes a tx apart. There is one spelling: three fields, standard base64 with padding, and inside it
// exactly three fields, so a user name cannot hold a "|" (AC-018).
func parse(tx string) (request, error) {
	var q request
	if len(tx) > maxTX {
		return q, errShape
	}
	parts := strings.Split(tx, "|")
	if len(parts) != 3 || parts[0] != prefixTX && parts[0] != prefixEnroll {
		return q, errShape
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(parts[1])
	if err != nil || strings.ContainsAny(parts[1], "\r\n") {
		return q, errShape
	}
	mac, err := hex.DecodeString(parts[2])
	if err != nil || len(mac) != sha1.Size {
		return q, errShape
	}
	inner := strings.Split(string(plain), "|")
	if len(inner) != 3 || inner[0] == "" || len(inner[0]) > maxNameOnWire || len(inner[2]) > 12 {
		return q, errShape
	}
	expiry, err := strconv.ParseInt(inner[2], 10, 64)
	if err != nil || inner[2] != strconv.FormatInt(expiry, 10) {
		return q, errShape
	}
	return request{Prefix: parts[0], User: []byte(inner[0]), IKey: inner[1], Expiry: expiry, signed: parts[0] + "|" + parts[1], mac: mac}, nil
}

// verify checks the signature. Its time is looked at apart: a request that is only late has an application to
// tell about.
func (q request) verify(key []byte) error {
	if !hmac.Equal(q.mac, digest(key, q.signed)) {
		return errSignature
	}
	return nil
}

func (q request) timely(now time.Time) error {
	switch expiry := time.Unix(q.Expiry, 0); {
	case !now.Before(expiry.Add(skew)):
		return errExpired
	case expiry.After(now.Add(requestLife + skew)):
		return errFar
	}
	return nil
}

// sign writes PREFIX|b64(user|ikey|exp)|hex.
func sign(key []byte, prefix string, user []byte, ikey string, expiry time.Time) string {
	plain := string(user) + "|" + ikey + "|" + strconv.FormatInt(expiry.Unix(), 10)
	cookie := prefix + "|" + base64.StdEncoding.EncodeToString([]byte(plain))
	return cookie + "|" + hex.EncodeToString(digest(key, cookie))
}

func digest(key []byte, text string) []byte {
	h := hmac.New(sha1.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
