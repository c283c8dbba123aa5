// Package duosign signs and verifies the requests of API clients (protocols 2): HMAC over a canonical
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

// Window is how far a request's date may be off, either way (decision 30).
const Window = 5 * time.Minute

// Digest is the hash of an HMAC; a signature's length tells which.
type Digest func() hash.Hash

// The digests.
var (
	SHA1   Digest = sha1.New
	SHA512 Digest = sha512.New
)

var (
	// ErrMissing reports a request without usable credentials (40101).
	ErrMissing = errs.New(errs.Unproved, "signature.missing")
	// ErrWrong reports a signature that is no version's (40103).
	ErrWrong = errs.New(errs.Unproved, "signature.wrong")
	// ErrNoDate reports a dated signature's missing date (40104), ErrDate one outside the window (40105).
	ErrNoDate = errs.New(errs.Unproved, "signature.no_date")
	ErrDate   = errs.New(errs.Unproved, "signature.date")
)

// Credentials are the two halves of the Authorization header.
type Credentials struct {
	Key       string // integration key
	Signature string // lower-case hex
}

// Parse reads "Basic base64(key:signature)". ErrMissing.
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

// Header is Parse's inverse.
func (c Credentials) Header() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Key+":"+c.Signature))
}

// Sign gives the signature of r.
func Sign(r Request, v Version, d Digest, skey string) string {
	return sign(r.canon(v, r.Host), d, skey)
}

func sign(text string, d Digest, skey string) string {
	mac := hmac.New(d, []byte(skey))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify finds the version under which signature fits r. It tries every candidate, each compared in constant
// time, and both spellings of the host. ErrWrong when none fits. An empty key never verifies anything.
// What the version found does not sign, the caller must not read: the body of a GET, and the query beside
// a body under v4 and v5.
func Verify(r Request, signature, skey string) (Version, error) {
	var d Digest
	switch len(signature) {
	case 2 * sha1.Size:
		d = SHA1
	case 2 * sha512.Size:
		d = SHA512
	default:
		return 0, ErrWrong
	}
	if skey == "" {
		return 0, ErrWrong
	}
	for _, v := range r.candidates(d) {
		for _, text := range r.texts(v) {
			if hmac.Equal([]byte(sign(text, d, skey)), []byte(signature)) {
				return v, nil
			}
		}
	}
	return 0, ErrWrong
}

// texts are the spellings of one version: the host with and without its port, and under v5 the headers
// without and with X-Duo-Date, about which no client tells (protocols 2).
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

// candidates lists the versions a request can be signed in, likeliest first. v4 and v5 exist with SHA-512
// only, and only they sign a body that is no form.
func (r Request) candidates(d Digest) []Version {
	long := d().Size() == sha512.Size
	dated := r.Date != ""
	switch {
	case r.Form == nil && len(r.Body) > 0 && !r.reads():
		if dated && long {
			return []Version{V5, V4}
		}
		return nil
	case dated && long: // v4 and v5 sign the body's bytes, whatever it is said to be
		return []Version{V2, V5, V4, V1}
	case dated:
		return []Version{V2, V1}
	}
	return []Version{V1}
}

// reads reports a method whose parameters stand in the query.
func (r Request) reads() bool {
	switch strings.ToUpper(r.Method) {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return false
	}
	return true
}

// layouts are the forms dates are sent in: RFC 2822 with an offset or a name, and what RFC 9110 5.6.7 allows.
var layouts = []string{
	"Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04 -0700", "Mon, 2 Jan 2006 15:04 MST", "2 Jan 2006 15:04 -0700", "2 Jan 2006 15:04 MST",
	time.RFC850, time.ANSIC,
}

// CheckDate accepts a date within Window of now. ErrNoDate, ErrDate.
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
			return ErrDate // any name parses as a zone, whose clock is then taken for UTC
		}
		if d := now.Sub(t); d > Window || d < -Window {
			return ErrDate
		}
		return nil
	}
	return ErrDate
}
