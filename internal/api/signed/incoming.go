package signed

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/internal/api/reply"
	"countersign/internal/base/duosign"
)

const (
	maxBody   = 64 << 10 // bytes
	maxParams = 256      // of one request
)

// readBody reads a body of any framing, up to maxBody.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var big *http.MaxBytesError
	switch {
	case len(body) > maxBody || errors.As(err, &big):
		return nil, reply.ErrTooLarge
	case err != nil:
		return nil, reply.ErrInvalid.About("body").With(err)
	}
	return body, nil
}

// incoming is a request taken apart.
type incoming struct {
	request duosign.Request
	json    []pair // of a JSON body
	isJSON  bool
}

// read takes a request apart. What does not parse is reported only after the signature was checked: a stranger
// learns nothing from it.
func read(r *http.Request, body []byte) (incoming, error) {
	q, failed := parseForm(r.URL.RawQuery)
	in := incoming{request: duosign.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Date: date(r.Header),
		Query: q, Body: body, Header: r.Header}}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		failed = reply.ErrInvalid.About("Content-Encoding")
	}
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); {
	case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete:
		if len(body) > 0 { // no version signs it
			failed = reply.ErrInvalid.About("body")
		}
	case strings.EqualFold(strings.TrimSpace(kind), "application/json"):
		in.isJSON = true
		var err error
		if in.json, err = parseJSON(body); err != nil {
			failed = err
		}
	default:
		form, err := parseForm(string(body))
		if err != nil {
			failed = err
		}
		in.request.Form = form
	}
	return in, failed
}

// date is X-Duo-Date, else Date; two of a kind are none.
func date(h http.Header) string {
	for _, name := range []string{"X-Duo-Date", "Date"} {
		if v := h.Values(name); len(v) == 1 {
			return v[0]
		} else if len(v) > 1 {
			return ""
		}
	}
	return ""
}

// signed gathers the parameters that the version covers.
func (in incoming) signed(v duosign.Version, lists []string) (url.Values, error) {
	all := url.Values{}
	add := func(name, value string) { all[name] = append(all[name], value) }
	inBody := v == duosign.V4 || v == duosign.V5 // and nothing but JSON goes there under them; the query is not signed
	if len(in.request.Form) > 0 && inBody {
		return nil, reply.ErrInvalid.About("Content-Type")
	}
	if in.request.Form == nil && !in.isJSON || !inBody {
		for _, from := range []url.Values{in.request.Query, in.request.Form} {
			for name, values := range from {
				for _, value := range values {
					add(name, value)
				}
			}
		}
	} else {
		for _, p := range in.json {
			add(p.name, p.value)
		}
	}
	n := 0
	for name, values := range all {
		n += len(values)
		if len(values) > 1 && !slices.Contains(lists, name) {
			return nil, reply.ErrInvalid.About(printable(name))
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				return nil, reply.ErrInvalid.About(printable(name))
			}
		}
	}
	if n > maxParams {
		return nil, reply.ErrInvalid.About("too many parameters")
	}
	return all, nil
}

// printable is a parameter's name as a detail may show it.
func printable(name string) string {
	if len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" {
		return "parameter name"
	}
	return name
}
