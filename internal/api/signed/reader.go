// Package signed reads the signed requests of programs and proves who sent them (WIRE-1): it has the one reader of all
// such doors. A call reads the application by its key and checks the signature with that row; nothing else says who called.
package signed

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
	"countersign/internal/base/duosign"
	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
)

const lookupTime = 1500 * time.Millisecond

// Applications finds who signed.
type Applications interface {
	// ApplicationByID finds a live or disabled application, also a deleted one's tombstone. application.ErrUnknown.
	ApplicationByID(ctx context.Context, id string) (application.Application, error)
}

// Keys are what a reader has of the instance's keys.
type Keys interface {
	// Open gives what is sealed under a purpose and the ID of its row, here the secret of an application.
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Reader reads the signed requests of one door.
type Reader struct {
	Applications Applications
	Keys         Keys
	Now          func() time.Time
	Types        []application.Type // that may use the door
	Lists        []string           // parameters that may be sent more than once (RULE-29)
	Within       time.Duration      // of looking an application up; 0: 1.5 s
	Outage       *outage.Monitor    // shared by all doors of a node; nil: a lost database is 429 for as long as it is lost
}

// Request is a request whose sender is proved.
type Request struct {
	Application application.Application
	Params      url.Values // what the signature covers and nothing else
	Dated       bool       // the signature covers a date
	Identity    string     // of all that was signed: two calls with the same one are the same, letter by letter
}

// Read proves who sent a request and gives its parameters: of the query, of a form or of a JSON body, whatever
// the signature covers and nothing else. The error is a *reply.Error: 40101 … 40105 for one who proved nothing,
// 403 for a known application that may not (deleted, disabled, of another type, with a secret that was reset, or, for unix,
// stale: 401 would open its hosts, RULE-30, RULE-34), 40002 for what does not parse, 42901 when it cannot be known now. When the
// database is lost for longer, it is 50301 for an application that wants it so, else an *outage.Lost, with the request as
// far as its door needs it to deny.
func (c *Reader) Read(r *http.Request) (Request, error) {
	if len(r.Header.Values("Authorization")) != 1 {
		return Request{}, reply.ErrCredentials
	}
	credentials, err := duosign.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return Request{}, reply.ErrCredentials
	}
	body, err := readBody(r)
	if err != nil {
		return Request{}, err
	}
	in, parsed := read(r, body)
	app, err := c.find(r.Context(), credentials.Key)
	if lost := (*outage.NoAnswer)(nil); errors.As(err, &lost) {
		return c.without(in, parsed, credentials, lost)
	}
	if err != nil {
		return Request{}, err
	}
	return c.check(in, parsed, credentials.Signature, app)
}

// without answers a request whose application the database could not be asked for.
func (c *Reader) without(in incoming, parsed error, by duosign.Credentials, lost *outage.NoAnswer) (Request, error) {
	var kept Request
	err := c.Outage.Answer(by.Key, lost, func(app application.Application) (err error) {
		kept, err = c.check(in, parsed, by.Signature, app)
		return err
	})
	if denied := (*outage.Lost)(nil); errors.As(err, &denied) {
		return kept, err
	}
	return Request{}, err
}

// check proves that an application signed a request and may send it, and gives its parameters. parsed is what read said.
func (c *Reader) check(in incoming, parsed error, signature string, app application.Application) (Request, error) {
	version, err := c.verify(in.request, signature, app)
	if errors.Is(err, reply.ErrSignature) && in.request.Date == "" && !app.TakesDateless() {
		err = dateless(app) // which says more than that the signature is not one of those without a date
	}
	if err != nil {
		return Request{}, err
	}
	if err := c.mayCall(app, version, in.request.Date); err != nil {
		return Request{}, err
	}
	if parsed != nil {
		return Request{}, parsed
	}
	params, err := in.signed(version, c.Lists)
	if err != nil {
		return Request{}, err
	}
	return Request{Application: app, Params: params, Dated: version.Dated(), Identity: app.ID + ":" + signature}, nil
}

// find looks an application up, and tells Outage how that went. A lookup that ended because its caller had gone says
// nothing about the database: nobody can make an outage.
func (c *Reader) find(ctx context.Context, key string) (application.Application, error) {
	none := application.Application{}
	if !shaped(key) {
		return none, reply.ErrIntegrationKey
	}
	asking, cancel := context.WithTimeout(ctx, cmp.Or(c.Within, lookupTime))
	defer cancel()
	at := c.Now()
	app, err := c.Applications.ApplicationByID(asking, key)
	switch {
	case err == nil:
	case errs.KindOf(err) == errs.NotFound:
		c.Outage.Answered(key, nil, at)
		return none, reply.ErrIntegrationKey
	case ctx.Err() == nil && outage.Unanswered(err):
		return none, c.Outage.Failed(err)
	default:
		return none, reply.ErrTooManyRequests.With(err)
	}
	if app.Type == application.TypePortal { // nobody holds its key
		return none, reply.ErrIntegrationKey
	}
	if !app.Deleted.IsZero() { // whatever the signature is
		c.Outage.Answered(key, nil, at)
		return none, reply.ErrClosed
	}
	c.Outage.Answered(key, &app, at)
	return app, nil
}

// shaped reports 20 of A-Z and 0-9: nothing else is looked up.
func shaped(key string) bool {
	return len(key) == 20 && strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func (c *Reader) verify(r duosign.Request, signature string, app application.Application) (version duosign.Version, err error) {
	given := duosign.Given(r, signature)
	_, err = FindSecret(c.Keys, app, c.Now(), func(key []byte) (ok bool) {
		version, ok = given.By(string(key))
		return ok
	})
	return version, err
}

// mayCall asks what a right signature does not settle.
func (c *Reader) mayCall(app application.Application, v duosign.Version, date string) error {
	switch {
	case app.Disabled:
		return reply.ErrClosed
	case !slices.Contains(c.Types, app.Type):
		return reply.ErrWrongType
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
		return reply.ErrStale
	}
	return reply.ErrTimestamp
}

// dateless is the refusal of a request without a date.
func dateless(app application.Application) error {
	if app.Type == application.TypeUnix {
		return reply.ErrStale
	}
	return reply.ErrNoTimestamp
}
