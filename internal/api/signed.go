package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/base/duosign"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
)

const (
	maxBody    = 64 << 10 // bytes
	maxParams  = 256      // of one request
	lookupTime = 1500 * time.Millisecond
)

// Applications finds who signed.
type Applications interface {
	// ApplicationByID finds a live or disabled application, also a deleted one's tombstone. application.ErrUnknown.
	ApplicationByID(ctx context.Context, id string) (application.Application, error)
}

// Caller reads signed requests of one door.
type Caller struct {
	Applications Applications
	Keys         *secret.Keyring
	Now          func() time.Time
	Types        []application.Type // that may use the door
	Lists        []string           // parameters that may be sent more than once (decision 29)
	Within       time.Duration      // of looking an application up; 0: 1.5 s
	Outage       *Outage            // shared by all doors of a node; nil: a lost database is 429 for as long as it is lost
}

// Signed is a request whose sender is proved.
type Signed struct {
	Application application.Application
	Params      url.Values // what the signature covers and nothing else
	Dated       bool       // the signature covers a date
	Identity    string     // of all that was signed: two calls with the same one are the same, letter by letter
}

// Read proves who sent a request and gives its parameters: of the query, of a form or of a JSON body, whatever
// the signature covers and nothing else. The error is an *Error: 40101 … 40105 for one who proved nothing,
// 403 for a known application that may not (deleted, disabled, of another type, or, for unix, stale:
// 401 would open its hosts, decision 30), 40002 for what does not parse, 42901 when it cannot be known now. When the
// database is lost for longer, it is a *Lost or, for an application that wants it so, 50301.
func (c *Caller) Read(r *http.Request) (Signed, error) {
	if len(r.Header.Values("Authorization")) != 1 {
		return Signed{}, ErrCredentials
	}
	credentials, err := duosign.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return Signed{}, ErrCredentials
	}
	body, err := readBody(r)
	if err != nil {
		return Signed{}, err
	}
	in, parsed := read(r, body)
	app, err := c.find(r.Context(), credentials.Key)
	if lost := (*noDatabase)(nil); errors.As(err, &lost) {
		return Signed{}, c.without(in, parsed, credentials, lost)
	}
	if err != nil {
		return Signed{}, err
	}
	return c.check(in, parsed, credentials.Signature, app)
}

// without answers a request whose application the database could not be asked for.
func (c *Caller) without(in incoming, parsed error, credentials duosign.Credentials, lost *noDatabase) error {
	shed := ErrTooManyRequests.With(lost).After(c.Outage.retryAfter())
	app, ok := c.Outage.recall(credentials.Key)
	if !ok {
		return shed
	}
	call, err := c.check(in, parsed, credentials.Signature, app)
	if err != nil {
		return shed // what was kept accuses nobody
	}
	return c.Outage.answer(app, call.Params, shed)
}

// check proves that an application signed a request and may send it, and gives its parameters. parsed is what read said.
func (c *Caller) check(in incoming, parsed error, signature string, app application.Application) (Signed, error) {
	version, err := c.verify(in.request, signature, app)
	if errors.Is(err, ErrSignature) && in.request.Date == "" && !app.TakesDateless() {
		err = dateless(app) // which says more than that the signature is not one of those without a date
	}
	if err != nil {
		return Signed{}, err
	}
	if err := c.mayCall(app, version, in.request.Date); err != nil {
		return Signed{}, err
	}
	if parsed != nil {
		return Signed{}, parsed
	}
	params, err := in.signed(version, c.Lists)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Application: app, Params: params, Dated: version.Dated(), Identity: app.ID + ":" + signature}, nil
}

// readBody reads a body of any framing, up to maxBody.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var big *http.MaxBytesError
	switch {
	case len(body) > maxBody || errors.As(err, &big):
		return nil, ErrTooLarge
	case err != nil:
		return nil, ErrInvalid.About("body").With(err)
	}
	return body, nil
}

// find looks an application up, and tells Outage how that went. A lookup that ended because its caller had gone says
// nothing about the database: nobody can make an outage.
func (c *Caller) find(ctx context.Context, key string) (application.Application, error) {
	none := application.Application{}
	if !shaped(key) {
		return none, ErrIntegrationKey
	}
	asking, cancel := context.WithTimeout(ctx, cmp.Or(c.Within, lookupTime))
	defer cancel()
	at := c.Now()
	app, err := c.Applications.ApplicationByID(asking, key)
	switch {
	case err == nil:
	case errs.KindOf(err) == errs.NotFound:
		c.Outage.answered(key, nil, at)
		return none, ErrIntegrationKey
	case ctx.Err() == nil && unanswered(err):
		c.Outage.failed()
		return none, &noDatabase{err}
	default:
		return none, ErrTooManyRequests.With(err)
	}
	if app.Type == application.TypePortal { // nobody holds its key
		return none, ErrIntegrationKey
	}
	if !app.Deleted.IsZero() { // its secret is gone, so no signature can be right or wrong
		c.Outage.answered(key, nil, at)
		return none, ErrClosed
	}
	c.Outage.answered(key, &app, at)
	return app, nil
}

// shaped reports 20 of A-Z and 0-9: nothing else is looked up.
func shaped(key string) bool {
	return len(key) == 20 && strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func (c *Caller) verify(r duosign.Request, signature string, app application.Application) (duosign.Version, error) {
	skey, err := c.Keys.Open(application.SecretPurpose, app.ID, app.Secret)
	if err != nil {
		return 0, ErrTooManyRequests.With(err)
	}
	version, err := duosign.Verify(r, signature, string(skey))
	if err != nil {
		return 0, ErrSignature
	}
	return version, nil
}

// mayCall asks what a right signature does not settle.
func (c *Caller) mayCall(app application.Application, v duosign.Version, date string) error {
	switch {
	case app.Disabled:
		return ErrClosed
	case !slices.Contains(c.Types, app.Type):
		return ErrWrongType
	case !v.Dated() && app.TakesDateless():
		return nil
	}
	if !v.Dated() {
		return dateless(app)
	}
	if duosign.CheckDate(date, c.Now()) == nil {
		return nil
	}
	if app.Type == application.TypeUnix {
		return ErrStale
	}
	return ErrTimestamp
}

// dateless is the refusal of a request without a date.
func dateless(app application.Application) error {
	if app.Type == application.TypeUnix {
		return ErrStale
	}
	return ErrNoTimestamp
}

// incoming is a request taken apart.
type incoming struct {
	request duosign.Request
	json    []pair // of a JSON body
	isJSON  bool
}

// read takes a request apart. What does not parse is told only after the signature was checked: a stranger
// learns nothing from it.
func read(r *http.Request, body []byte) (incoming, error) {
	q, failed := parseForm(r.URL.RawQuery)
	in := incoming{request: duosign.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Date: date(r.Header),
		Query: q, Body: body, Header: r.Header}}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		failed = ErrInvalid.About("Content-Encoding")
	}
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); {
	case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete:
		if len(body) > 0 { // no version signs it
			failed = ErrInvalid.About("body")
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
		return nil, ErrInvalid.About("Content-Type")
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
			return nil, ErrInvalid.About(printable(name))
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				return nil, ErrInvalid.About(printable(name))
			}
		}
	}
	if n > maxParams {
		return nil, ErrInvalid.About("too many parameters")
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
