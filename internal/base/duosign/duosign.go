// Package duosign signs and verifies the requests of API clients (WIRE-9): HMAC over a canonical
// text, in four versions, with SHA-1 or SHA-512, the host with or without its port.
package duosign

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net"
	"net/http"
	"strings"
	"time"

	"countersign/internal/base/errs"
)

// Window is how far a request's date may be off, either way (RULE-30).
const Window = 5 * time.Minute

// Digest is the hash below the HMAC. The length of a signature shows which one made it.
type Digest func() hash.Hash

// The digests.
var (
	SHA1   Digest = sha1.New
	SHA512 Digest = sha512.New
)

var (
	// ErrMissing reports a request without usable credentials (40101).
	ErrMissing = errs.New(errs.Unproved, "signature.missing")
	// ErrWrong reports a signature that fits no version of the scheme (40103).
	ErrWrong = errs.New(errs.Unproved, "signature.wrong")
	// ErrNoDate reports that the date of a dated signature is missing (40104).
	// ErrDate reports a date that is outside Window or cannot be read (40105).
	ErrNoDate = errs.New(errs.Unproved, "signature.no_date")
	ErrDate   = errs.New(errs.Unproved, "signature.date")
)

// Credentials are the two halves of the Authorization header.
type Credentials struct {
	Key       string // integration key
	Signature string // lower-case hex
}

// Parse reads an Authorization header of the form "Basic base64(key:signature)". The error is ErrMissing.
func Parse(authorization string) (Credentials, error) {
	scheme, rest, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") || len(rest) > 1024 {
		return Credentials{}, ErrMissing
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return Credentials{}, ErrMissing
	}
	key, signature, ok := strings.Cut(string(raw), ":")
	if !ok || key == "" || signature == "" {
		return Credentials{}, ErrMissing
	}
	return Credentials{Key: key, Signature: signature}, nil
}

// Header returns the value of the Authorization header. It is the inverse of Parse.
func (c Credentials) Header() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Key+":"+c.Signature))
}

// Sign returns the signature of r in lower-case hex, as a client of the given version makes it.
func Sign(r Request, v Version, d Digest, skey string) string {
	return sign(r.canon(v, r.Host), d, skey)
}

func sign(text string, d Digest, skey string) string {
	mac := hmac.New(d, []byte(skey))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify finds the version under which signature fits r. It tries every version that can apply and both
// spellings of the host, and compares in constant time. The error is ErrWrong when none fits. An empty key
// never verifies anything.
//
// The caller must not read what the version does not sign: the body of a GET, and the query of a request
// with a body under v4 and v5.
func Verify(r Request, signature, skey string) (Version, error) {
	if v, ok := Given(r, signature).By(skey); ok {
		return v, nil
	}
	return 0, ErrWrong
}

// Signature is what came with a request. What it may cover is written once, for all keys that it is tried with.
type Signature struct {
	request  Request
	hex      string
	digest   Digest
	versions []Version
	texts    [][]string // of versions; nil until one is tried
}

// Given makes the Signature of a request.
func Given(r Request, signature string) *Signature {
	s := &Signature{request: r, hex: signature}
	switch len(signature) {
	case 2 * sha1.Size:
		s.digest = SHA1
	case 2 * sha512.Size:
		s.digest = SHA512
	default:
		return s
	}
	s.versions = r.candidates(s.digest)
	s.texts = make([][]string, len(s.versions))
	return s
}

// By finds the version under which the signature is one by a key, as Verify does.
func (s *Signature) By(skey string) (Version, bool) {
	if skey == "" {
		return 0, false
	}
	for i, v := range s.versions {
		if s.texts[i] == nil {
			s.texts[i] = s.request.texts(v)
		}
		for _, text := range s.texts[i] {
			if hmac.Equal([]byte(sign(text, s.digest, skey)), []byte(s.hex)) {
				return v, true
			}
		}
	}
	return 0, false
}

// texts lists the spellings of one version. The host stands with and without its port. Under v5 the headers
// stand without and with X-Duo-Date, because no client's documentation says which (WIRE-9).
func (r Request) texts(v Version) []string {
	hosts := []string{r.Host}
	if bare, _, err := net.SplitHostPort(r.Host); err == nil {
		hosts = append(hosts, bare)
	}
	var all []string
	for _, host := range hosts {
		all = append(all, r.canon(v, host))
		if v == V5 && len(r.Header.Values("X-Duo-Date")) > 0 {
			r := r
			r.dateHeader = true
			all = append(all, r.canon(v, host))
		}
	}
	return all
}

// candidates lists the versions that can have signed a request, the most likely first. v4 and v5 exist with
// SHA-512 only. Only they sign a body that is not a form.
func (r Request) candidates(d Digest) []Version {
	long := d().Size() == sha512.Size
	dated := r.Date != ""
	switch {
	case r.Form == nil && len(r.Body) > 0 && !r.reads():
		if dated && long {
			return []Version{V5, V4}
		}
		return nil
	case dated && long: // v4 and v5 sign the bytes of the body, whatever its Content-Type
		return []Version{V2, V5, V4, V1}
	case dated:
		return []Version{V2, V1}
	}
	return []Version{V1}
}

// reads reports whether the method carries its parameters in the query.
func (r Request) reads() bool {
	switch strings.ToUpper(r.Method) {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return false
	}
	return true
}

// layouts are the date formats that clients send: RFC 2822 with an offset or a zone name, and the formats of
// RFC 9110 5.6.7.
var layouts = []string{
	"Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04 -0700", "Mon, 2 Jan 2006 15:04 MST", "2 Jan 2006 15:04 -0700", "2 Jan 2006 15:04 MST",
	time.RFC850, time.ANSIC,
}

// CheckDate accepts a date that lies within Window of now. The error is ErrNoDate for an empty date and
// ErrDate otherwise.
func CheckDate(date string, now time.Time) error {
	if date == "" {
		return ErrNoDate
	}
	if day, ok := strings.CutSuffix(date, " UT"); ok { // RFC 2822 4.3; package time reads names of three letters and more
		date = day + " UTC"
	}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, date, time.UTC)
		if err != nil {
			continue
		}
		if zone, offset := t.Zone(); zone != "" && zone != "UTC" && zone != "GMT" && offset == 0 {
			return ErrDate // package time accepts any zone name and reads an unknown one as UTC
		}
		if d := now.Sub(t); d > Window || d < -Window {
			return ErrDate
		}
		return nil
	}
	return ErrDate
}
