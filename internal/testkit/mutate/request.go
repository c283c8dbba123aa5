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

// Signature is a way to sign.
type Signature struct {
	Version duosign.Version
	Digest  duosign.Digest
}

// Sender is an application: what signs.
type Sender struct {
	Key, Secret string
	Signatures  []Signature // it may use; JSON goes out when V4 or V5 is among them
}

// Field is a parameter that clients send, with values that mean something.
type Field struct {
	Name string
	Good []string // not empty
	Rare bool     // few clients send it
}

// Dialect is how one kind of client asks one call.
type Dialect struct {
	Name    string // of the dialect, for messages
	Call    string // preauth, auth, …
	Share   int    // of all requests, as Pick weighs it
	Method  string
	Path    string
	Host    string     // as sent
	Bare    bool       // sign the host without its port
	Fixed   url.Values // sent by every client of this kind; dropped now and then
	Fields  []Field    // the first is the person, or what else the call is about
	Senders []Sender
}

// Request is one mutated request.
type Request struct {
	Shape   string // what was done to it, for messages
	Dialect *Dialect
	Method  string
	Path    string // percent-encoded
	Query   string // as sent
	Type    string // Content-Type; "" = none
	Body    []byte
	Framing Framing
	Header  http.Header // besides
	// Proved says that the signature fits all that was sent, so that 401 would be false.
	Proved         bool
	key, signature string
}

// Framing is how the body goes over the wire.
type Framing int

// Framings. Cut bodies end before their time; Garbled ones are chunks that are none.
const (
	Whole Framing = iota
	Chunked
	Cut
	Garbled
)

// sign signs the request as it is now.
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
	// Nothing but v4 and v5 signs a body of JSON: another sender proved nothing about it.
	r.Proved = r.Method != http.MethodPost || !r.isJSON() || len(r.Body) == 0 || signsBytes(with)
}

func signsBytes(s Signature) bool { return s.Version == duosign.V4 || s.Version == duosign.V5 }

func (r *Request) isJSON() bool {
	kind, _, _ := strings.Cut(r.Type, ";")
	return strings.EqualFold(strings.TrimSpace(kind), jsonType)
}

// Form is what a reader of forms finds in query and body.
func (r *Request) Form() url.Values { return fields(r.Query + "&" + string(r.Body)) }

// fields reads name=value pairs as the signature takes them: what does not unescape keeps its letters.
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

// Wire is the request as it goes over the wire. After a Cut one nothing follows.
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

// HTTP is the request as net/http hands it to a handler. The error is one that net/http itself answers.
func (r *Request) HTTP() (*http.Request, error) {
	in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.Wire())))
	if err != nil {
		return nil, err
	}
	in.RemoteAddr = "192.0.2.1:1234"
	return in, nil
}

// String tells what was sent, without the credentials.
func (r *Request) String() string {
	return fmt.Sprintf("%s, %s: %s %s?%s, %d bytes of %q, framing %d: %.600q", r.Dialect.Name, r.Shape, r.Method, r.Path, r.Query, len(r.Body), r.Type, r.Framing, r.Body)
}
