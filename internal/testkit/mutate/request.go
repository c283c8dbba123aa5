package mutate

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/base/duosign"
)

// Signature is one way to sign a request.
type Signature struct {
	Version duosign.Version
	Digest  duosign.Digest
}

// Sender is the application that signs. Signatures lists the ways it may sign. A JSON body is signed only by V4 and
// V5.
type Sender struct {
	Key, Secret string
	Signatures  []Signature
}

// Field is a parameter that clients send, with values that are valid for it.
type Field struct {
	Name string
	Good []string // not empty
	Rare bool     // few clients send it
}

// Dialect is how one kind of client makes one call.
type Dialect struct {
	Name    string // of the dialect, for messages
	Call    string // preauth, auth, …
	Share   int    // weight in Pick
	Method  string
	Path    string
	Host    string     // as sent
	Bare    bool       // the host is signed without its port
	Fixed   url.Values // sent by every client of this kind; a mutation drops one now and then
	Fields  []Field    // the first is what the call is about, mostly the person
	Senders []Sender
}

// Request is one mutated request.
type Request struct {
	Shape   string // name of the mutation, for messages
	Dialect *Dialect
	Method  string
	Path    string // percent-encoded
	Query   string // as sent
	Type    string // Content-Type; "" = none
	Body    []byte
	Framing Framing
	Header  http.Header // all other headers
	// Proved means that the signature covers all that was sent, so that 401 would be a false answer.
	Proved         bool
	key, signature string
}

// Framing is how the body is sent.
type Framing int

// Framings.
const (
	Whole   Framing = iota // with its Content-Length
	Chunked                // in chunks
	Cut                    // ends 7 bytes before its Content-Length
	Garbled                // in chunks, with a line that is no chunk before the last
)

// sign signs the request as it is now and sets Proved.
func (r *Request) sign(by Sender, with Signature, now time.Time) {
	date := now.Format(time.RFC1123Z)
	in := duosign.Request{Method: r.Method, Host: r.Dialect.Host, Path: r.Path, Query: fields(r.Query), Body: r.Body, Header: r.Header}
	if r.Dialect.Bare {
		in.Host, _, _ = strings.Cut(in.Host, ":")
	}
	if r.Method == http.MethodPost && !r.isJSON() {
		in.Form = fields(string(r.Body))
	}
	if with.Version.Dated() {
		in.Date = date
		r.Header.Set("Date", date)
	}
	r.key, r.signature = by.Key, duosign.Sign(in, with.Version, with.Digest, by.Secret)
	// Only v4 and v5 sign a JSON body. Any other signature says nothing about it.
	r.Proved = r.Method != http.MethodPost || !r.isJSON() || len(r.Body) == 0 || signsBytes(with)
}

func signsBytes(s Signature) bool { return s.Version == duosign.V4 || s.Version == duosign.V5 }

func (r *Request) isJSON() bool {
	kind, _, _ := strings.Cut(r.Type, ";")
	return strings.EqualFold(strings.TrimSpace(kind), jsonType)
}

// Form returns the pairs of the query and the body, read as forms.
func (r *Request) Form() url.Values { return fields(r.Query + "&" + string(r.Body)) }

// fields reads name=value pairs as the signature does: a name or value that cannot be unescaped is kept as it is.
func fields(raw string) url.Values {
	all := url.Values{}
	for one := range strings.SplitSeq(raw, "&") {
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		for _, half := range []*string{&name, &value} {
			if plain, err := url.QueryUnescape(*half); err == nil {
				*half = plain
			}
		}
		all[name] = append(all[name], value)
	}
	return all
}

// Wire returns the bytes of the request. After a Cut one the sender must close its side of the connection.
func (r *Request) Wire() []byte {
	var b bytes.Buffer
	target := r.Path
	if r.Query != "" {
		target += "?" + r.Query
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, target, r.Dialect.Host)
	fmt.Fprintf(&b, "Authorization: %s\r\n", duosign.Credentials{Key: r.key, Signature: r.signature}.Header())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, r.Header.Get(name))
	}
	if r.Type != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", r.Type)
	}
	switch r.Framing {
	case Whole, Cut:
		if n := len(r.Body); n > 0 || r.Method == http.MethodPost || r.Framing == Cut {
			if r.Framing == Cut {
				n += 7
			}
			fmt.Fprintf(&b, "Content-Length: %d\r\n", n)
		}
		b.WriteString("\r\n")
		b.Write(r.Body)
	default:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := r.Body; len(rest) > 0; {
			n := min(len(rest), 1+len(r.Body)/3)
			fmt.Fprintf(&b, "%x;of=%d\r\n%s\r\n", n, len(rest), rest[:n])
			rest = rest[n:]
		}
		if r.Framing == Garbled {
			b.WriteString("xyz\r\n")
		}
		b.WriteString("0\r\n\r\n")
	}
	return b.Bytes()
}

// HTTP returns the request as net/http passes it to a handler. The error is one that net/http answers by itself.
func (r *Request) HTTP() (*http.Request, error) {
	in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.Wire())))
	if err != nil {
		return nil, err
	}
	in.RemoteAddr = "192.0.2.1:1234"
	return in, nil
}

// String describes what was sent, without the credentials and with at most 600 bytes of the body.
func (r *Request) String() string {
	return fmt.Sprintf("%s, %s: %s %s?%s, %d bytes of %q, framing %d: %.600q", r.Dialect.Name, r.Shape, r.Method, r.Path, r.Query, len(r.Body), r.Type, r.Framing, r.Body)
}
