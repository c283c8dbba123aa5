package oidc

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxBody  = 64 << 10 // bytes
	maxPairs = 64       // parameters of one request, known or not
	maxToken = 16 << 10 // bytes of a JWT
)

// single are the parameters this door knows. Each may be sent once (RULE-29); others are ignored.
var single = map[string]bool{
	"client_id": true, "client_assertion": true, "client_assertion_type": true, "grant_type": true,
	"code": true, "code_verifier": true, "redirect_uri": true, "request": true, "response_type": true,
	"scope": true, "state": true, "nonce": true, "code_challenge": true, "code_challenge_method": true,
}

// params are the known parameters of a request, wherever the client put them: form body (Go,
// Node, Java, C#), query of a POST with empty body (Python), multipart (PHP) (WIRE-5).
type params struct {
	values map[string]string
	pairs  int
}

func readParams(w http.ResponseWriter, r *http.Request) (*params, *refusal) {
	p := &params{values: make(map[string]string, 8)}
	if f := p.encoded(r.URL.RawQuery); f != nil {
		return nil, f
	}
	if r.Method != http.MethodPost {
		return p, nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, refuse(malformed, "content encoding")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		return p, p.multipart(r.Body, attrs["boundary"])
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unread(err)
	}
	if len(body) == 0 {
		return p, nil
	}
	if kind != "application/x-www-form-urlencoded" {
		return nil, refuse(malformed, "content type")
	}
	return p, p.encoded(string(body))
}

// encoded takes name=value pairs. Parsing is lenient where Java is: an address in the query may
// be unencoded, and is not used anyway.
func (p *params) encoded(raw string) *refusal {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			name = ""
		}
		if single[name] {
			decoded, err := url.QueryUnescape(value)
			if err == nil {
				value = decoded
			} else if name != "redirect_uri" {
				return refuse(malformed, "encoding of "+name)
			}
		}
		if f := p.add(name, value); f != nil {
			return f
		}
	}
	return nil
}

func (p *params) multipart(body io.Reader, boundary string) *refusal {
	if boundary == "" {
		return refuse(malformed, "multipart without boundary")
	}
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unread(err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return unread(err)
		}
		if part.FileName() != "" || part.Header.Get("Content-Transfer-Encoding") != "" {
			return refuse(malformed, "multipart file")
		}
		if f := p.add(part.FormName(), string(value)); f != nil {
			return f
		}
	}
}

func (p *params) add(name, value string) *refusal {
	if p.pairs++; p.pairs > maxPairs {
		return refuse(malformed, "too many parameters")
	}
	if !single[name] {
		return nil
	}
	if _, twice := p.values[name]; twice {
		return refuse(duplicate, "duplicate "+name)
	}
	if !utf8.ValidString(value) {
		return refuse(malformed, "encoding of "+name)
	}
	p.values[name] = value
	return nil
}

// get is "" for a parameter that was not sent.
func (p *params) get(name string) string { return p.values[name] }

// query writes the known parameters as a query.
func (p *params) query() string {
	q := make(url.Values, len(p.values))
	for name, value := range p.values {
		q.Set(name, value)
	}
	return q.Encode()
}

func unread(err error) *refusal {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return refuse(tooLarge, "body")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // the line is slow, not the client wrong
		return shed(err)
	}
	return refuse(malformed, "body does not read")
}
