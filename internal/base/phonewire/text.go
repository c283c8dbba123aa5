package phonewire

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Names of the signed texts. When the rule for a text changes, the text gets a new name.
const (
	requestName    = "countersign-phone-request-1"
	answerName     = "countersign-phone-answer-1"
	activationName = "countersign-phone-activation-1"
	instancedName  = "countersign-phone-activation-2" // with the storage
	instanceName   = "countersign-phone-instance-1"
)

// text builds the bytes that are signed, by the rule in the package comment.
func text(name string, fields ...string) []byte {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('\n')
	for _, f := range fields {
		b.WriteString(strconv.Itoa(len(f)))
		b.WriteByte(':')
		b.WriteString(f)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// RequestText is what a phone signs for one HTTP request. target is path and query as in the request line.
// host is lower-cased here. The last field is the SHA-256 of the body in hex.
func RequestText(method, host, target string, unixMilli int64, nonce string, body []byte) []byte {
	sum := sha256.Sum256(body)
	return text(requestName, method, strings.ToLower(host), target,
		strconv.FormatInt(unixMilli, 10), nonce, hex.EncodeToString(sum[:]))
}

// Text is what the phone signs for its answer. It binds the decision to one transaction, application, user and
// phone, to the number that was typed, and to the expiry of the request.
func (a Answer) Text() []byte {
	return text(answerName, a.Transaction, a.Application, a.User, a.Phone, string(a.Decision),
		string(a.Reason), a.Number, strconv.FormatInt(a.Expires, 10), strconv.FormatInt(a.Counter, 10))
}

// Text is what a new key signs to prove that the phone holds it. host is the server's, so that a proof made
// for one server is useless at another.
func (a Activation) Text(host string) []byte {
	fields := []string{strings.ToLower(host), a.Code, a.PublicKey, a.Platform, a.Model, a.Name, a.AppVersion}
	if a.Instance == "" {
		return text(activationName, fields...)
	}
	return text(instancedName, append(fields, a.Instance)...)
}

// Instance names a storage of keys to one server. id is its random name, which stays in it, so that no two servers can
// compare what they are told.
func Instance(host, id string) string {
	sum := sha256.Sum256(text(instanceName, strings.ToLower(host), id))
	return encode(sum[:])
}
