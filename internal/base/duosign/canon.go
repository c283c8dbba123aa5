package duosign

import (
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// Version is one of the ways to write the signed text (WIRE-9).
type Version int

// The versions in use.
const (
	V1 Version = 1 // method, host, path, parameters: no date, so it can be replayed
	V2 Version = 2 // date first
	V4 Version = 4 // and the body's digest; parameters are the query's alone
	V5 Version = 5 // and the digest of the x-duo- headers
)

// Dated reports whether the version signs a date.
func (v Version) Dated() bool { return v != V1 }

// Request is an HTTP request as far as a signature may cover it.
type Request struct {
	Method string
	Host   string // as sent, with its port if it had one
	Path   string // as sent, percent-encoding untouched
	Date   string // X-Duo-Date, else Date; verbatim
	Query  url.Values
	Form   url.Values // of a form body; nil for other bodies
	Body   []byte
	Header http.Header // only X-Duo-* are read

	dateHeader bool // v5 only: X-Duo-Date counts as one of the x-duo- headers too
}

// canon returns the text that is signed: one line for each part that the version covers, joined with "\n".
func (r Request) canon(v Version, host string) string {
	params := r.Query
	if v == V1 || v == V2 {
		if r.Form != nil {
			params = merge(r.Query, r.Form)
		}
	} else if !r.reads() {
		params = nil
	}
	lines := make([]string, 0, 7)
	if v.Dated() {
		lines = append(lines, r.Date)
	}
	lines = append(lines, strings.ToUpper(r.Method), strings.ToLower(host), r.Path, Encode(params))
	if v == V4 || v == V5 {
		body := r.Body
		if r.reads() {
			body = nil
		}
		lines = append(lines, sha512hex(body))
	}
	if v == V5 {
		lines = append(lines, sha512hex([]byte(headers(r.Header, r.dateHeader))))
	}
	return strings.Join(lines, "\n")
}

func merge(a, b url.Values) url.Values {
	if len(a) == 0 {
		return b
	}
	all := url.Values{}
	for _, from := range []url.Values{a, b} {
		for k, vs := range from {
			all[k] = append(all[k], vs...)
		}
	}
	return all
}

// Encode writes parameters as they are signed. Keys and values are escaped by RFC 3986, written k=v, sorted
// by key and then by value, and joined with "&".
func Encode(params url.Values) string {
	pairs := make([][2]string, 0, len(params))
	for k, vs := range params {
		key := Escape(k)
		for _, v := range vs {
			pairs = append(pairs, [2]string{key, Escape(v)})
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		if pairs[i][0] != pairs[j][0] {
			return pairs[i][0] < pairs[j][0]
		}
		return pairs[i][1] < pairs[j][1]
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0])
		b.WriteByte('=')
		b.WriteString(p[1])
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// Escape leaves A-Z a-z 0-9 _ . ~ - and writes every other byte as %XX.
func Escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '.', c == '~', c == '-':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// headers joins the names and values of all x-duo- headers with NUL, sorted by lower-cased name. X-Duo-Date
// is left out unless dated is set, because it is signed as the date already.
func headers(h http.Header, dated bool) string {
	var names []string
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-duo-") && (dated || lower != "x-duo-date") {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool { return strings.ToLower(names[i]) < strings.ToLower(names[j]) })
	var parts []string
	for _, name := range names {
		for _, v := range h[name] {
			parts = append(parts, strings.ToLower(name), v)
		}
	}
	return strings.Join(parts, "\x00")
}

func sha512hex(b []byte) string {
	sum := sha512.Sum512(b)
	return hex.EncodeToString(sum[:])
}
