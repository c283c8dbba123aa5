package api

import (
	"bytes"
	"context"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
)

// People finds who signed and the person a call is about, by the name in the application's spelling, in one journey to
// the database.
type People interface {
	// SnapshotByApplication: application.ErrUnknown; a snapshot without a user when nobody has the name.
	SnapshotByApplication(ctx context.Context, applicationID, name string) (flow.Snapshot, error)
}

// guess is what a call will turn out to be when its application is still as this node last read it. It saves a journey
// and decides nothing: the signature counts as verified only when the secret of the row is that one, and a stranger's
// call reads nobody, so that no answer is slower for a name that is known.
type guess struct {
	name    string // of the person it is about, "" when that is not known
	version duosign.Version
	refused error  // why the signature is not right by secret
	secret  []byte // sealed, as it rests; what the signature was compared with
}

func (c *Caller) guess(r duosign.Request, by duosign.Credentials) guess {
	if c.People == nil {
		return guess{}
	}
	app, ok := c.Outage.lastKnown(by.Key)
	if !ok {
		return guess{}
	}
	g := guess{secret: app.Secret}
	if g.version, g.refused = c.verify(r, by.Signature, app); g.refused != nil {
		return g
	}
	sent := r.Form["username"]
	if len(sent) != 1 {
		return g
	}
	var err error
	if g.name, err = user.Normalize(sent[0]); err == nil && app.Normalization == application.NormalizationSimple {
		g.name = user.Simple(g.name)
	}
	return g
}

// holds reports that what was guessed of the signature is so for the row.
func (g guess) holds(app application.Application) bool {
	return g.secret != nil && bytes.Equal(g.secret, app.Secret)
}

// ask looks an application up, with the person of a guess. Where that cannot be read the application is asked for alone:
// what is wrong with the rows of a person says nothing about who signed.
func (c *Caller) ask(ctx context.Context, key, name string, at time.Time) (application.Application, *signin.Seen, error) {
	if name != "" {
		v, err := c.People.SnapshotByApplication(ctx, key, name)
		if err == nil {
			return v.Application, &signin.Seen{Snapshot: v, Name: name, At: at}, nil
		}
		if errs.KindOf(err) == errs.NotFound || unanswered(err) || ctx.Err() != nil {
			return application.Application{}, nil, err
		}
	}
	app, err := c.Applications.ApplicationByID(ctx, key)
	return app, nil, err
}
